"""The figures that reports are made of: counted in the database, put together so that they add up."""

import uuid
from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta

import msgspec

from backend.core import audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.records.calendar import service as calendar
from backend.records.calendar.schemas import Step
from backend.records.departments import service as departments
from backend.records.gradebook import service as gradebook
from backend.records.roster import service as roster
from backend.records.roster.schemas import YearSummary
from backend.records.season import service as season
from backend.records.statistics import coverage as certificates
from backend.records.statistics import queries, rules
from backend.records.statistics.schemas import (
    GROUP_NAMES,
    Area,
    Check,
    Coverage,
    CoverageLine,
    DeadlineLine,
    Finished,
    Group,
    Pupil,
    PupilData,
    Ratios,
    Reported,
    Share,
    SignedLine,
)
from backend.records.transcripts.schemas import VersionState
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.requests import service as signing
from backend.tenants.people import service as people
from backend.tenants.permissions import ROLE_NAMES, Role

_STEPS_OF_SHEETS = (Step.SUBMITTED, Step.LOCKED)
_STEPS_OF_VERSIONS = (Step.FROZEN, Step.ISSUED, Step.REPORTED)


async def year_named(session: TenantSession, name: str) -> tuple[YearSummary | None, list[YearSummary]]:
    """The year of a name ("": the one that the school works in, None while it has none), and all there are, the newest
    first. Raises Invalid for a name that no year has."""
    years = await roster.list_years(session)
    working = (await roster.current_year(session)).id if years else None
    return rules.chosen_year(years, name, next((one for one in years if one.id == working), None)), years


async def ratios(session: TenantSession, year: YearSummary | None, day: date) -> Ratios:
    """Participation and issue per grade and class, as it was when a day ended."""
    rows = await queries.class_counts(session, year.id, day, _end_of(day)) if year else []
    return rules.ratios(year, day, [rules.class_count(row) for row in rows])


async def pupils(
    session: TenantSession, actor: Actor, year: YearSummary, day: date, group: Group, grade: int | None
) -> list[Pupil]:
    """The pupils behind a figure of `ratios`, for a person who looks at them: that is recorded."""
    rows = await queries.pupils(session, year.id, day, _end_of(day), group, grade)
    found = [msgspec.convert(row, Pupil, from_attributes=True) for row in rows]
    if found:
        label = f"{GROUP_NAMES[group]}, năm học {year.name}"
        about = [one.id for one in found]
        audit_reads.record_read(session, actor, Action.TRANSCRIPTS_LISTED, None, label, about)
    return found


def _end_of(day: date) -> datetime:
    """The last moment of a day in Vietnam, which is not part of it any more."""
    return datetime.combine(day + timedelta(days=1), time(), clock.VIETNAM)


async def signed(session: TenantSession, year: YearSummary | None) -> tuple[SignedLine, ...]:
    """How far signing is today, per grade and role; the last line is the sum."""
    if year is None:
        return ()
    rows = await queries.standing(session, year.id)
    there = await signing.signed_by_role(session, {row.id: row.grade_level for row in rows})
    shares = {key: Share(done=done, total=total) for key, (done, total) in there.items()}
    return rules.signed_lines([(row.grade_level, VersionState(row.state)) for row in rows], shares)


async def coverage(session: TenantSession) -> Coverage:
    """Certificates over everybody who works here today."""
    listed = await credentials.list_credentials(session)
    found = certificates.holdings(
        await people.list_staff(session),
        await departments.list_departments(session),
        listed,
        clock.now(),
        clock.VIETNAM,
    )
    return certificates.coverage(
        found, certificates.seal_until(listed, clock.now(), clock.VIETNAM), await _needed_until(session)
    )


def differences(ours: CoverageLine, before: Reported) -> tuple[str, ...]:
    """In what an earlier report contradicts itself, and in what it differs from what is known today."""
    return certificates.differences(ours, before)


def reported(total: str, having: str, lacking: str) -> Reported | None:
    """What was typed of an earlier report; None where nothing was. Raises Invalid that names the field."""
    return certificates.reported(total, having, lacking)


async def _needed_until(session: TenantSession) -> date | None:
    """The last day on which somebody signs in the year that the school works in, where one is known."""
    year, _ = await year_named(session, "")
    if year is None:
        return None
    dues = await calendar.dues(session, await calendar.get_year(session, year.id))
    return max((found[Step.ISSUED].day for found in dues.values() if Step.ISSUED in found), default=None)


async def readiness(session: TenantSession, year: YearSummary | None) -> tuple[Check, ...]:
    """Whether accounts, certificates and the pupils' records are ready for the season."""
    classes = [one for one in await roster.list_classes(session) if year and one.academic_year_id == year.id]
    ids: set[uuid.UUID] = {one.id for one in classes}
    row = await queries.pupil_data(session, year.id) if year else None
    data = msgspec.convert(row, PupilData, from_attributes=True) if row else PupilData()
    return (
        *await _accounts(session, ids, [one.name for one in classes if one.homeroom_teacher_id is None]),
        *certificates.certificate_checks(await coverage(session)),
        *rules.data_checks(data),
        await _empty_sheets(session, ids),
    )


async def _accounts(
    session: TenantSession, class_ids: set[uuid.UUID], leaderless: list[str]
) -> tuple[Check, ...]:
    assignments = [one for one in await roster.list_assignments(session) if one.class_id in class_ids]
    untaught = sum(one.teacher_id is None for one in assignments)
    roles = Counter(role for one in await people.list_staff(session) for role in one.roles)
    missing = [ROLE_NAMES[role] for role in (Role.PRINCIPAL, Role.CLERK, Role.IT_TEACHER) if not roles[role]]
    return (
        Check(
            area=Area.ACCOUNTS,
            name="Có hiệu trưởng, văn thư giữ con dấu, giáo viên phụ trách CNTT",
            wrong=len(missing),
            total=3,
            todo=f"Mời hoặc giao vai trò: {', '.join(missing)}." if missing else "",
            url="/nhan-su",
        ),
        Check(
            area=Area.ACCOUNTS,
            name="Mỗi lớp có giáo viên chủ nhiệm",
            wrong=len(leaderless),
            total=len(class_ids),
            todo=f"Phân công chủ nhiệm: {', '.join(leaderless[:5])}{' …' if leaderless[5:] else ''}."
            if leaderless
            else "",
            url="/phan-cong",
        ),
        Check(
            area=Area.ACCOUNTS,
            name="Mỗi môn của mỗi lớp có giáo viên",
            wrong=untaught,
            total=len(assignments),
            todo="Phân công giáo viên cho các môn còn trống." if untaught else "",
            url="/phan-cong",
        ),
    )


async def _empty_sheets(session: TenantSession, class_ids: set[uuid.UUID]) -> Check:
    sheets = [one for one in await gradebook.list_sheets(session) if one.class_id in class_ids]
    empty = [one for one in await gradebook.empty_sheets(session) if one.class_id in class_ids]
    return Check(
        area=Area.LIVING,
        name="Sổ điểm đã có điểm",
        wrong=len(empty),
        total=len(sheets),
        todo="Nhập điểm hoặc nhắc giáo viên của các sổ còn trống." if empty else "",
        url="/mua-hoc-ba",
    )


async def deadlines(
    session: TenantSession, year: YearSummary | None, reported_at: dict[uuid.UUID, datetime]
) -> tuple[DeadlineLine, ...]:
    """Each step of each grade of a year against its last day; `reported_at`: version → when the Authority took it in."""
    if year is None:
        return ()
    classes = [one for one in await roster.list_classes(session) if one.academic_year_id == year.id]
    known = await season.facts(session, classes, await calendar.get_year(session, year.id))
    grades: dict[int, dict[Step, int]] = defaultdict(lambda: defaultdict(int))
    grade_of = {one.id: one.grade_level for one in classes}
    for sheet in known.sheets:
        for step in _STEPS_OF_SHEETS:
            grades[grade_of[sheet.class_id]][step] += 1
    for one in classes:
        grades[one.grade_level][Step.CONFIRMED] += one.students
        for step in _STEPS_OF_VERSIONS:
            grades[one.grade_level][step] += one.students - known.progress[one.id].later
    found = [
        Finished(step=Step(row.step), grade_level=row.grade_level, at=row.at, count=row.number)
        for row in await queries.finished(session, year.id)
    ]
    found += [
        Finished(step=Step.REPORTED, grade_level=row.grade_level, at=reported_at[row.id])
        for row in await queries.standing(session, year.id)
        if row.id in reported_at
    ]
    return rules.deadline_lines(grades, known.dues, found, clock.today(), clock.VIETNAM)
