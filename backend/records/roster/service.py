"""Years, classes, pupils and teaching duties."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import TypeVar

import msgspec

from backend.core import audit, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.core.text import plain, read_day
from backend.records.roster import pupil_rows, putting_back, queries, rules
from backend.records.roster.adding import add_pupil as add_pupil
from backend.records.roster.curriculum import find_subject
from backend.records.roster.models import AcademicYear, SchoolClass
from backend.records.roster.names import class_key
from backend.records.roster.register import Register, change_row
from backend.records.roster.schemas import (
    CODES,
    AcademicYearId,
    Assignment,
    ClassId,
    ClassSummary,
    EarlierYearView,
    EnrollmentStatus,
    NewStudent,
    OverwrittenPupil,
    Place,
    PupilRecord,
    RosterChange,
    StudentId,
    StudentPlace,
    StudentRecord,
    StudentStatus,
    StudentSummary,
    StudyYear,
    YearSummary,
)
from backend.tenants.permissions import Permission

S = TypeVar("S", bound=msgspec.Struct)

#: Who keeps the school's registers or looks at all of its sheets sees the pupils of every class.
PUPILS_EVERYWHERE = (Permission.TRANSCRIPT_READ_ANY, Permission.SHEET_READ_ANY)


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
    return [_as(YearSummary, row) for row in await queries.years(session)]


async def current_year(session: TenantSession) -> AcademicYear:
    """The school year that the school works in today (`rules.working_year`). Raises Conflict while there is none."""
    year = rules.working_year(await queries.years(session), clock.today())
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
    session: TenantSession,
    class_id: uuid.UUID,
    teachers: Mapping[str, StaffId | None],
    own: Collection[str] = (),
) -> None:
    """Say which subjects a class has and who teaches each: subject code → person.

    `own` are codes of the school's own programme (`records/plans` knows them).
    Raises NotFound for a class of another school, Invalid for a subject that the grade does not have.
    """
    school_class = await get_class(session, class_id)
    unknown = [
        code for code in teachers if code not in own and find_subject(school_class.grade_level, code) is None
    ]
    if unknown:
        raise Invalid(
            f"Lớp {school_class.name}: chương trình lớp {school_class.grade_level} không có môn “{unknown[0]}”; "
            "hãy kiểm tra lại mã môn."
        )
    await queries.insert_assignments(session, class_id, teachers)


async def take_subject_away(session: TenantSession, class_id: uuid.UUID, subject_code: str) -> None:
    """A class has a subject no longer."""
    await queries.delete_assignment(session, class_id, subject_code)


async def hold_year(session: TenantSession, year_id: uuid.UUID) -> None:
    """Nobody else fills the classes of a year until the transaction ends."""
    await queries.hold_year(session, year_id)


async def enroll_students(
    session: TenantSession, places: Sequence[tuple[StudentId, ClassId, str | None]]
) -> None:
    """Give pupils a place in classes: (student, class, registry number). Whoever calls has seen that they have none."""
    rows = [
        pupil_rows.place_row(session.tenant_id, student_id, class_id) | {"registry_no": registry_no}
        for student_id, class_id, registry_no in places
    ]
    await pupil_rows.enroll(session, rows)


async def unenroll(session: TenantSession, places: Mapping[uuid.UUID, uuid.UUID]) -> None:
    """Take places back that `enroll_students` gave: student → class."""
    await queries.delete_enrollments(session, list(places.items()))


async def close_classes(session: TenantSession, class_ids: Collection[uuid.UUID]) -> None:
    """Remove classes to which nothing refers, and what was to be taught in them; their sheets are gone before."""
    await queries.delete_classes(session, class_ids)


async def list_classes(session: TenantSession) -> list[ClassSummary]:
    """All classes of all years, without those that are closed: theirs is `get_class` or `classes_by_id`."""
    return [_as(ClassSummary, row) for row in await queries.classes(session)]


async def list_classes_of_newest_year(session: TenantSession) -> list[ClassSummary]:
    """Classes of the year that the school works in today; until it has any, those of the newest before it that has."""
    classes = await list_classes(session)
    having = {one.academic_year_id for one in classes}
    years = [one for one in await queries.years(session) if one.id in having]
    year = rules.working_year(years, clock.today())
    return [one for one in classes if year and one.academic_year_id == year.id]


async def get_class(session: TenantSession, class_id: uuid.UUID) -> ClassSummary:
    """One class. Raises NotFound."""
    row = await queries.class_with_numbers(session, class_id)
    if row is None:
        raise NotFound("Không tìm thấy lớp này.")
    return _as(ClassSummary, row)


async def classes_by_id(
    session: TenantSession, class_ids: Collection[uuid.UUID]
) -> dict[ClassId, ClassSummary]:
    """Some classes, closed ones among them."""
    found = [_as(ClassSummary, row) for row in await queries.some_classes(session, class_ids)]
    return {one.id: one for one in found}


async def has_class(session: TenantSession, year_id: uuid.UUID, name: str) -> bool:
    """Whether a year has a class of that name, closed ones among them."""
    return await queries.class_named(session, year_id, name) is not None


async def hold_classes(session: TenantSession, class_ids: Collection[uuid.UUID]) -> None:
    """Nobody comes into the classes, and nobody changes them, until the transaction ends."""
    await queries.hold_classes(session, class_ids)


def class_order(name: str) -> str:
    """The key by which a class of that name is sorted: 2A before 10A1."""
    return class_key(name)


async def classes_of_staff(session: TenantSession, staff_id: StaffId) -> frozenset[uuid.UUID]:
    """The classes that a person leads or teaches in."""
    return frozenset(row.id for row in await queries.classes_of_staff(session, staff_id))


async def require_duty(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, what: str, *everywhere: Permission
) -> None:
    """What names pupils of a class (`what`, for people) is for those who lead it or teach in it, and for whoever has one
    of the permissions that hold `everywhere`. Raises Forbidden."""
    if class_id not in await open_to(session, actor, [class_id], *everywhere):
        raise Forbidden(f"Bạn chỉ xem được {what} của lớp mà bạn chủ nhiệm hoặc giảng dạy.")


async def open_to(
    session: TenantSession, actor: Actor, class_ids: Iterable[uuid.UUID], *everywhere: Permission
) -> frozenset[uuid.UUID]:
    """Those of some classes whose pupils a person may see, as `require_duty` asks."""
    if any(actor.may(permission) for permission in everywhere):
        return frozenset(class_ids)
    own = await classes_of_staff(session, actor.staff_id) if actor.staff_id else frozenset()
    return own & frozenset(class_ids)


async def list_students(session: TenantSession, class_id: uuid.UUID) -> list[StudentSummary]:
    """Pupils of a class in the order of a Vietnamese class list."""
    return [_as(StudentSummary, row) for row in await queries.students_of(session, class_id)]


async def gaps(session: TenantSession, class_ids: Collection[uuid.UUID]) -> dict[ClassId, list[str]]:
    """Per class, what the records of its pupils lack of what the form of a học bạ prints about a pupil (PL1: R2, R13)."""
    found: dict[ClassId, list[str]] = defaultdict(list)
    for row in await queries.gaps(session, class_ids, rules.PRINTED):
        found[row.class_id].append(
            f"{rules.LABELS[row.field]}: {row.number} học sinh chưa có, trong đó có {row.name}; học bạ sẽ in chỗ trống."
        )
    return found


async def get_student(session: TenantSession, student_id: uuid.UUID) -> StudentSummary:
    """One pupil of the school. Raises NotFound."""
    row = await queries.student(session, student_id)
    if row is None:
        raise NotFound("Không tìm thấy học sinh này.")
    return _as(StudentSummary, row)


async def get_record(session: TenantSession, student_id: uuid.UUID) -> PupilRecord:
    """All that the school keeps about who a pupil is. Raises NotFound."""
    found = await pupil_rows.pupil(session, student_id)
    if found is None:
        raise NotFound("Không tìm thấy học sinh này.")
    return found


async def places_of(session: TenantSession, student_id: uuid.UUID) -> list[Place]:
    """Where a pupil has studied at this school, the newest first."""
    return await pupil_rows.places_of(session, student_id)


async def hold_record(session: TenantSession, student_id: uuid.UUID) -> PupilRecord:
    """A record that nobody else changes until the transaction ends.

    Raises NotFound, Conflict where it lives on in another.
    """
    record = await pupil_rows.pupil(session, student_id, hold=True)
    if record is None:
        raise NotFound("Không tìm thấy học sinh này.")
    if record.merged_into_id is not None:
        raise Conflict(f"Hồ sơ này của {record.full_name} đã được ghép vào hồ sơ khác; xin mở hồ sơ ấy.")
    return record


async def take_in(
    session: TenantSession,
    record: PupilRecord,
    class_id: uuid.UUID,
    on: date,
    facts: Mapping[str, str | None],
) -> None:
    """Give a pupil a place in a class from a day on; `facts` are `registry_no` and `came_from`."""
    place = pupil_rows.place_row(session.tenant_id, record.id, class_id) | {"joined_on": on}
    await pupil_rows.enroll(session, [place | dict(facts)])


async def end_place(
    session: TenantSession,
    record: PupilRecord,
    class_id: uuid.UUID,
    on: date,
    reason: str,
    status: EnrollmentStatus,
) -> None:
    """End a pupil's place in a class: moved to another, or left."""
    ended = {"status": status, "left_on": on, "reason": reason or None}
    await pupil_rows.leave_class(session, record.id, class_id, ended)


async def set_status(
    session: TenantSession, actor: Actor, record: PupilRecord, status: StudentStatus, on: date
) -> None:
    """Trạng thái of a pupil from a day on; what it was before stays in the history."""
    values = {"status": status, "status_on": on}
    await pupil_rows.update_student(session, record.id, values)
    changes = [
        change_row(session.tenant_id, record.id, name, getattr(record, name), value, actor.staff_id)
        for name, value in values.items()
    ]
    await pupil_rows.insert_changes(session, changes)


async def earlier_years(session: TenantSession, student_id: uuid.UUID) -> list[EarlierYearView]:
    """The years that a pupil spent at other schools, oldest first, withdrawn ones among them."""
    return [_as(EarlierYearView, row) for row in await pupil_rows.earlier_years(session, student_id)]


def search_words(typed: str) -> list[str]:
    """The words of a search as a pupil's `search_key` has them: without diacritics."""
    return plain(typed).split()


async def places_by_code(session: TenantSession) -> dict[str, StudentPlace]:
    """student code → the pupil and their class in the newest year."""
    year = await current_year(session)
    return {row.student_code: _as(StudentPlace, row) for row in await queries.places(session, year.id)}


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
    return [
        msgspec.structs.replace(_as(StudentRecord, row), status=StudentStatus(row.status))
        for row in await queries.students_of(session, class_id)
    ]


async def list_assignments(session: TenantSession, class_id: uuid.UUID | None = None) -> list[Assignment]:
    """Subjects and teachers of one class, or of all."""
    return [_as(Assignment, row) for row in await queries.assignments(session, class_id)]


async def study_history(session: TenantSession, class_id: uuid.UUID) -> list[StudyYear]:
    """Every year of every pupil of a class, oldest first, those at other schools among them."""
    return [_as(StudyYear, row) for row in await queries.study_history(session, class_id)]


async def compare_register(session: TenantSession, students: Sequence[NewStudent]) -> RosterChange:
    """What `take_register` would do, without doing it."""
    year = await current_year(session)
    return (await Register.read(session, year.id, students)).change


async def take_register(
    session: TenantSession, students: Sequence[NewStudent], by: StaffId | None = None
) -> RosterChange:
    """Enter pupils into their classes: new ones are added, changed ones corrected, moved ones moved.

    `by` is who answers for it in the history of each record, None for the machine. A line with an official code finds
    the pupil who had a temporary one until now (`rules.matched`).

    Raises Conflict when a row cannot be taken: unknown class, a personal id that another pupil has, a pupil listed
    twice, a sign that cannot be printed.
    """
    year = await current_year(session)
    await queries.hold_year(session, year.id)
    await session.hold(CODES)
    register = await Register.read(session, year.id, students)
    if register.change.problems:
        raise Conflict(register.change.problems[0][1])
    overwritten = await register.write(by)
    return msgspec.structs.replace(register.change, overwritten=tuple(overwritten))


async def why_not_put_back(session: TenantSession, pupils: Sequence[OverwrittenPupil]) -> str | None:
    """Why `put_back` would refuse, in one sentence; None: nobody has touched these pupils since.

    Whether a new pupil is used already turns out only when it is done.
    """
    return await putting_back.refusal(session, (await current_year(session)).id, pupils)


async def put_back(
    session: TenantSession, pupils: Sequence[OverwrittenPupil], by: uuid.UUID | None = None
) -> None:
    """Pupils whom `take_register` changed are what they were, and the new ones are gone; all or none.

    Raises Conflict when one of them was changed, moved or used since. Who may do that is decided by the caller.
    """
    await putting_back.put_back(session, (await current_year(session)).id, pupils, by)


def _as(kind: type[S], row: object) -> S:
    return kind(**{name: getattr(row, name) for name in kind.__struct_fields__})
