"""Years, classes, pupils and teaching duties."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.core.text import read_day
from backend.records.roster import queries, rules
from backend.records.roster.curriculum import find_subject
from backend.records.roster.models import AcademicYear, SchoolClass
from backend.records.roster.names import class_key
from backend.records.roster.register import Register
from backend.records.roster.schemas import (
    AcademicYearId,
    Assignment,
    ClassId,
    ClassSummary,
    NewStudent,
    RosterChange,
    StudentId,
    StudentPlace,
    StudentRecord,
    StudentSummary,
    YearSummary,
)


async def open_year(session: TenantSession, name: str, starts_on: date, ends_on: date) -> AcademicYearId:
    """Open a school year; repeating it answers with the year that is there."""
    known = await queries.year_by_name(session, name)
    if known is None:
        known = AcademicYear(
            tenant_id=session.tenant_id, id=new_id(), name=name, starts_on=starts_on, ends_on=ends_on
        )
        session.add(known)
        await session.flush()
    return AcademicYearId(known.id)


async def plan_year(session: TenantSession, actor: Actor, starts_on: str, ends_on: str) -> str:
    """Open the school year of these days, as they were typed; returns its name.

    Raises Invalid where they are no school year, Conflict when the school has it.
    """
    first, last = read_day(starts_on, "Ngày khai giảng"), read_day(ends_on, "Ngày kết thúc")
    name = rules.year_name(first, last)
    if await queries.year_by_name(session, name) is not None:
        raise Conflict(f"Trường đã mở năm học {name}; không cần mở lại.")
    year_id = await open_year(session, name, first, last)
    await audit.record(
        session,
        actor,
        Action.YEAR_OPENED,
        year_id,
        name,
        starts_on=first.isoformat(),
        ends_on=last.isoformat(),
    )
    return name


async def list_years(session: TenantSession) -> list[YearSummary]:
    """All school years, the newest first."""
    return [
        YearSummary(id=AcademicYearId(row.id), name=row.name, starts_on=row.starts_on, ends_on=row.ends_on)
        for row in await queries.years(session)
    ]


async def current_year(session: TenantSession) -> AcademicYear:
    """The newest school year. Raises Conflict while there is none."""
    year = await queries.latest_year(session)
    if year is None:
        raise Conflict("Trường chưa mở năm học nào; hãy mở năm học trước khi làm việc này.")
    return year


async def open_class(
    session: TenantSession,
    year_id: uuid.UUID,
    name: str,
    grade_level: int,
    homeroom_teacher_id: StaffId | None,
) -> ClassId:
    """Open a homeroom class."""
    row = SchoolClass(
        tenant_id=session.tenant_id,
        id=new_id(),
        academic_year_id=year_id,
        name=name,
        name_key=class_key(name),
        grade_level=grade_level,
        homeroom_teacher_id=homeroom_teacher_id,
    )
    session.add(row)
    await session.flush()
    return ClassId(row.id)


async def assign_teachers(
    session: TenantSession, class_id: uuid.UUID, teachers: dict[str, StaffId | None]
) -> None:
    """Say which subjects a class has and who teaches each: subject code → person.

    Raises NotFound for a class of another school, Invalid for a subject that the grade does not have.
    """
    school_class = await get_class(session, class_id)
    unknown = [code for code in teachers if find_subject(school_class.grade_level, code) is None]
    if unknown:
        raise Invalid(
            f"Lớp {school_class.name}: chương trình lớp {school_class.grade_level} không có môn “{unknown[0]}”; "
            "hãy kiểm tra lại mã môn."
        )
    await queries.insert_assignments(
        session,
        [
            {
                "tenant_id": session.tenant_id,
                "id": new_id(),
                "class_id": class_id,
                "subject_code": code,
                "teacher_id": teacher,
                "created_at": clock.now(),
            }
            for code, teacher in teachers.items()
        ],
    )


async def list_classes(session: TenantSession) -> list[ClassSummary]:
    """All classes."""
    return [_summary(row) for row in await queries.classes(session)]


async def list_classes_of_newest_year(session: TenantSession) -> list[ClassSummary]:
    """Classes of the year that the school works in: the newest that has any. A year opened ahead has none yet."""
    classes = await list_classes(session)
    newest = max((one.academic_year for one in classes), default="")
    return [one for one in classes if one.academic_year == newest]


async def get_class(session: TenantSession, class_id: uuid.UUID) -> ClassSummary:
    """One class. Raises NotFound."""
    row = await queries.class_with_numbers(session, class_id)
    if row is None:
        raise NotFound("Không tìm thấy lớp này.")
    return _summary(row)


async def classes_of_staff(session: TenantSession, staff_id: StaffId) -> frozenset[uuid.UUID]:
    """The classes that a person leads or teaches in."""
    return frozenset(row.id for row in await queries.classes_of_staff(session, staff_id))


async def list_students(session: TenantSession, class_id: uuid.UUID) -> list[StudentSummary]:
    """Pupils of a class in the order of a Vietnamese class list."""
    return [
        StudentSummary(
            id=row.id,
            student_code=row.student_code,
            full_name=row.full_name,
            date_of_birth=row.date_of_birth,
            gender=row.gender,
        )
        for row in await queries.students_of(session, class_id)
    ]


async def get_student(session: TenantSession, student_id: uuid.UUID) -> StudentSummary:
    """One pupil of the school. Raises NotFound."""
    row = await queries.student(session, student_id)
    if row is None:
        raise NotFound("Không tìm thấy học sinh này.")
    return StudentSummary(
        id=StudentId(row.id),
        student_code=row.student_code,
        full_name=row.full_name,
        date_of_birth=row.date_of_birth,
        gender=row.gender,
    )


async def open_class_list(
    session: TenantSession, actor: Actor, class_id: uuid.UUID
) -> tuple[ClassSummary, list[StudentSummary]]:
    """A class and its pupils for a person who looks at them. Raises NotFound."""
    school_class = await get_class(session, class_id)
    students = await list_students(session, class_id)
    pupils = (one.id for one in students)
    audit_reads.record_read(session, actor, Action.CLASS_READ, class_id, f"Lớp {school_class.name}", pupils)
    return school_class, students


async def places_by_code(session: TenantSession) -> dict[str, StudentPlace]:
    """student code → the pupil and their class in the newest year."""
    year = await current_year(session)
    return {
        row.student_code: StudentPlace(
            id=StudentId(row.id),
            full_name=row.full_name,
            date_of_birth=row.date_of_birth,
            class_name=row.class_name,
        )
        for row in await queries.places(session, year.id)
    }


async def members_of(
    session: TenantSession, class_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, dict[StudentId, str]]:
    """class → its pupils and their names."""
    found: dict[uuid.UUID, dict[StudentId, str]] = defaultdict(dict)
    for row in await queries.members(session, class_ids):
        found[row.class_id][StudentId(row.id)] = row.full_name
    return found


async def pupil_named_in(session: TenantSession, text: str) -> str | None:
    """The name of a pupil of the school that stands in a text, None where there is none."""
    return await queries.pupil_named_in(session, text)


async def student_records(session: TenantSession, class_id: uuid.UUID) -> list[StudentRecord]:
    """Everything that the forms print about the pupils of a class."""
    return [StudentRecord(**row._asdict()) for row in await queries.students_of(session, class_id)]


async def list_assignments(session: TenantSession, class_id: uuid.UUID | None = None) -> list[Assignment]:
    """Subjects and teachers of one class, or of all."""
    return [Assignment(**row._asdict()) for row in await queries.assignments(session, class_id)]


async def study_history(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Every year of every pupil of a class, oldest first: student, year, class, registry number, date of joining."""
    return await queries.study_history(session, class_id)


async def compare_register(session: TenantSession, students: Sequence[NewStudent]) -> RosterChange:
    """What `take_register` would do, without doing it."""
    year = await current_year(session)
    return (await Register.read(session, year.id, students)).change


async def take_register(session: TenantSession, students: Sequence[NewStudent]) -> RosterChange:
    """Enter pupils into their classes: new ones are added, changed ones corrected, moved ones moved.

    Raises Conflict when a row cannot be taken: unknown class, a personal id that another pupil has, a pupil listed
    twice, a sign that cannot be printed.
    """
    year = await current_year(session)
    await queries.hold_year(session, year.id)
    register = await Register.read(session, year.id, students)
    if register.change.problems:
        raise Conflict(register.change.problems[0][1])
    await register.write()
    return register.change


def _summary(row: Any) -> ClassSummary:
    return ClassSummary(**row._asdict())
