"""SQL of pupils' records and places: as a register compares them, and every write into them."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select, text, union, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import InstrumentedAttribute

from backend.core.database import TenantSession, references_to
from backend.core.ids import new_id
from backend.records.roster.models import (
    CLASS_OF_ENROLLMENT,
    YEAR_OF_CLASS,
    AcademicYear,
    EarlierYear,
    Enrollment,
    SchoolClass,
    Student,
    StudentChange,
)
from backend.records.roster.schemas import (
    EnrollmentStatus,
    Place,
    PupilRecord,
    StudentStatus,
    Wanted,
)

_OF_A_PLACE = ("registry_no", "joined_on", "came_from", "left_on", "reason", "status")
#: What a register says of a pupil.
REGISTER_FIELDS: tuple[InstrumentedAttribute[Any], ...] = (
    Student.personal_id,
    Student.lifelong_code,
    Student.full_name,
    Student.date_of_birth,
    Student.gender,
    Student.ethnicity,
    Student.nationality,
    Student.passport_kind,
    Student.passport_number,
    Student.birth_place,
    Student.hometown,
    Student.permanent_address,
    Student.current_address,
    Student.father_name,
    Student.father_job,
    Student.mother_name,
    Student.mother_job,
    Student.guardian_name,
    Student.guardian_job,
    Student.policy_group,
    Student.disability,
    Student.not_assessed,
    Student.individual_plan,
)


async def students_by_code(session: TenantSession, codes: Sequence[str]) -> dict[str, Any]:
    """Pupils by code, as far as a register speaks of them."""
    found = await session.execute(_known(session).where(Student.student_code.in_(codes)))
    return {row.student_code: row for row in found}


async def temporary_students(session: TenantSession) -> Sequence[Any]:
    """Pupils whose code is the school's own until the Ministry gives one, as `students_by_code` has them."""
    return (await session.execute(_known(session).where(Student.code_is_temporary))).all()


def _known(session: TenantSession) -> Any:
    return select(
        Student.id,
        Student.student_code,
        Student.code_is_temporary,
        Student.status,
        Student.status_on,
        Student.identity_verified_on,
        *REGISTER_FIELDS,
    ).where(Student.tenant_id == session.tenant_id, Student.merged_into_id.is_(None))


async def classes_of_students(
    session: TenantSession, year_id: uuid.UUID, student_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[uuid.UUID, str]]:
    """student → (class, class name) in that year."""
    query = (
        select(Enrollment.student_id, SchoolClass.id, SchoolClass.name)
        .join(SchoolClass, CLASS_OF_ENROLLMENT)
        .where(
            Enrollment.tenant_id == session.tenant_id,
            SchoolClass.academic_year_id == year_id,
            Enrollment.student_id.in_(student_ids),
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
    )
    return {row.student_id: (row.id, row.name) for row in await session.execute(query)}


async def later_classes(
    session: TenantSession, year_id: uuid.UUID, student_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[tuple[uuid.UUID, str]]]:
    """student → (class, class name) that wait for them in the years after that one."""
    begins = (
        select(AcademicYear.starts_on)
        .where(AcademicYear.tenant_id == session.tenant_id, AcademicYear.id == year_id)
        .scalar_subquery()
    )
    query = (
        select(Enrollment.student_id, SchoolClass.id, SchoolClass.name)
        .join(SchoolClass, CLASS_OF_ENROLLMENT)
        .join(AcademicYear, YEAR_OF_CLASS)
        .where(
            Enrollment.tenant_id == session.tenant_id,
            Enrollment.student_id.in_(student_ids),
            Enrollment.status == EnrollmentStatus.STUDYING,
            AcademicYear.starts_on > begins,
        )
        .order_by(AcademicYear.starts_on, SchoolClass.id)
    )
    found: dict[uuid.UUID, list[tuple[uuid.UUID, str]]] = defaultdict(list)
    for row in await session.execute(query):
        found[row.student_id].append((row.id, row.name))
    return found


async def enrollments(
    session: TenantSession, student_ids: Sequence[uuid.UUID]
) -> dict[tuple[uuid.UUID, uuid.UUID], dict[str, Any]]:
    """(student, class) → what `enroll` and `leave_class` may change of that place."""
    changing = [getattr(Enrollment, name) for name in _OF_A_PLACE]
    query = select(Enrollment.student_id, Enrollment.class_id, *changing).where(
        Enrollment.tenant_id == session.tenant_id, Enrollment.student_id.in_(student_ids)
    )
    return {
        (row.student_id, row.class_id): {name: getattr(row, name) for name in _OF_A_PLACE}
        for row in await session.execute(query)
    }


async def hold_students(session: TenantSession, student_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Some pupils as a register knows them; nobody changes them until the transaction ends."""
    query = _known(session).where(Student.id.in_(student_ids)).order_by(Student.id).with_for_update()
    return {row.id: row for row in await session.execute(query)}


async def students_by_id(session: TenantSession, student_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Some pupils as a register knows them."""
    found = await session.execute(_known(session).where(Student.id.in_(student_ids)))
    return {row.id: row for row in found}


async def take_away(
    session: TenantSession, pupils: Sequence[uuid.UUID], places: Sequence[uuid.UUID]
) -> uuid.UUID | None:
    """Remove places, and pupils of whom nothing else is known; one of whom something is, and then nothing is removed."""
    found: uuid.UUID | None = await session.scalar(
        text("select directory.take_away_pupils(cast(:pupils as uuid[]), cast(:places as uuid[]))"),
        {"pupils": list(pupils), "places": list(places)},
    )
    return found


async def personal_ids(session: TenantSession, ids: Sequence[str]) -> dict[str, str]:
    """personal id → student code of the pupils that already carry one of `ids`."""
    query = select(Student.personal_id, Student.student_code).where(
        Student.tenant_id == session.tenant_id, Student.personal_id.in_(ids)
    )
    return {row.personal_id: row.student_code for row in await session.execute(query) if row.personal_id}


async def others_with(
    session: TenantSession, column: InstrumentedAttribute[Any], owners: Mapping[Any, uuid.UUID]
) -> list[tuple[Any, str]]:
    """Of some codes or numbers with the pupils to whom they belong: those that another has, with the other's name."""
    found = await session.execute(
        select(column, Student.id, Student.full_name).where(
            Student.tenant_id == session.tenant_id, column.in_(owners)
        )
    )
    return [(value, name) for value, student_id, name in found if owners[value] != student_id]


async def insert_students(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(Student), rows)


async def update_student(session: TenantSession, student_id: uuid.UUID, values: dict[str, Any]) -> None:
    """Change a pupil's record; whoever had it before them on a page has an older revision now."""
    await session.execute(
        update(Student)
        .where(Student.tenant_id == session.tenant_id, Student.id == student_id)
        .values(values | {"revision": Student.revision + 1})
    )


async def insert_changes(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    """Keep what was corrected in records of pupils."""
    if rows:
        await session.execute(insert(StudentChange), rows)


async def enroll(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    """Put pupils into classes; who comes back to a class that they left takes their old place again."""
    if not rows:
        return
    query = upsert(Enrollment)
    fresh = {name: query.excluded[name] for name in ("status", "left_on", "reason")}
    kept = {
        name: func.coalesce(query.excluded[name], getattr(Enrollment, name))
        for name in ("registry_no", "joined_on", "came_from")
    }
    query = query.on_conflict_do_update(
        index_elements=["tenant_id", "student_id", "class_id"], set_=fresh | kept
    )
    await session.execute(query, rows)


def place_row(tenant_id: uuid.UUID, student_id: uuid.UUID, class_id: uuid.UUID) -> dict[str, Any]:
    """A pupil's place in a class from now on, as `enroll` takes it."""
    return {
        "tenant_id": tenant_id,
        "id": new_id(),
        "student_id": student_id,
        "class_id": class_id,
        "registry_no": None,
        "joined_on": None,
        "came_from": None,
        "left_on": None,
        "reason": None,
        "status": EnrollmentStatus.STUDYING,
    }


async def leave_class(
    session: TenantSession, student_id: uuid.UUID, class_id: uuid.UUID, values: dict[str, Any]
) -> None:
    """End a pupil's place in a class, with the day and the reason."""
    await session.execute(
        update(Enrollment)
        .where(
            Enrollment.tenant_id == session.tenant_id,
            Enrollment.student_id == student_id,
            Enrollment.class_id == class_id,
        )
        .values(values)
    )


async def pupil(session: TenantSession, student_id: uuid.UUID, *, hold: bool = False) -> PupilRecord | None:
    """One pupil's record; `hold`: nobody else changes it until the transaction ends, what refers to it may be written."""
    query = select(*_RECORD).where(Student.tenant_id == session.tenant_id, Student.id == student_id)
    held = query.with_for_update(key_share=True) if hold else query
    row = (await session.execute(held)).one_or_none()
    return _record(row) if row else None


async def record_by_code(session: TenantSession, student_code: str) -> PupilRecord | None:
    """The record with a code, held until the transaction ends."""
    query = select(*_RECORD).where(
        Student.tenant_id == session.tenant_id, Student.student_code == student_code
    )
    row = (await session.execute(query.with_for_update())).one_or_none()
    return _record(row) if row else None


_RECORD = [getattr(Student, name) for name in PupilRecord.__struct_fields__]


def _record(row: Any) -> PupilRecord:
    return PupilRecord(**row._asdict() | {"status": StudentStatus(row.status)})


async def search(
    session: TenantSession, wanted: Wanted, words: Sequence[str], numbers: Sequence[str], size: int
) -> tuple[Sequence[Any], int]:
    """One page of the pupils that a search finds, in the order of names, and how many there are in all.

    `words` are folded; each stands at the beginning of a word, of the code, or is the end of a personal number; `numbers`
    are whole ones. The index holds what is compared, in the order that is shown.
    """
    conditions = [Student.tenant_id == session.tenant_id, Student.merged_into_id.is_(None)]
    conditions += [Student.search_key.contains(f" {word}", autoescape=True) for word in words]
    conditions += [Student.personal_id == number for number in numbers]
    if wanted.status:
        conditions.append(Student.status == wanted.status)
    if wanted.class_id:
        in_class = select(Enrollment.student_id).where(
            Enrollment.tenant_id == session.tenant_id,
            Enrollment.class_id == wanted.class_id,
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
        conditions.append(Student.id.in_(in_class))
    total = await session.scalar(select(func.count()).select_from(Student).where(*conditions))
    query = (
        select(
            Student.id,
            Student.student_code,
            Student.code_is_temporary,
            Student.full_name,
            Student.date_of_birth,
            Student.personal_id,
            Student.status,
        )
        .where(*conditions)
        .order_by(Student.name_key, Student.id)
        .limit(size)
        .offset((wanted.page - 1) * size)
    )
    return (await session.execute(query)).all(), total or 0


async def places_of(session: TenantSession, student_id: uuid.UUID) -> list[Place]:
    """Where a pupil has studied at this school, the newest first."""
    query = (
        select(
            SchoolClass.id.label("class_id"),
            SchoolClass.name.label("class_name"),
            SchoolClass.grade_level,
            SchoolClass.academic_year_id,
            AcademicYear.name.label("academic_year"),
            Enrollment.registry_no,
            Enrollment.joined_on,
            Enrollment.came_from,
            Enrollment.left_on,
            Enrollment.reason,
            Enrollment.status,
        )
        .join(SchoolClass, CLASS_OF_ENROLLMENT)
        .join(AcademicYear, YEAR_OF_CLASS)
        .where(Enrollment.tenant_id == session.tenant_id, Enrollment.student_id == student_id)
        .order_by(AcademicYear.starts_on.desc(), Enrollment.status.desc(), Enrollment.id.desc())
    )
    rows = await session.execute(query)
    return [Place(**row._asdict() | {"status": EnrollmentStatus(row.status)}) for row in rows]


async def changes_of(session: TenantSession, student_id: uuid.UUID) -> Sequence[StudentChange]:
    """What was corrected in a record, the newest first."""
    found = await session.scalars(
        select(StudentChange)
        .where(StudentChange.tenant_id == session.tenant_id, StudentChange.student_id == student_id)
        .order_by(StudentChange.id.desc())
    )
    return found.all()


async def with_work(session: TenantSession, student_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these records something hangs on besides places and corrections: marks, results, transcripts, requests.

    Tables are found by their references, so that a new one is not forgotten.
    """
    apart = {one.__tablename__ for one in (Student, Enrollment, StudentChange)}
    parts = [
        select(column).where(table.c.tenant_id == session.tenant_id, column.in_(student_ids))
        for table, column in references_to(Student.__tablename__)
        if table.name not in apart
    ]
    return set((await session.scalars(union(*parts))).all())


async def owner_of_number(session: TenantSession, personal_id: str, student_id: uuid.UUID) -> str | None:
    """The code of another pupil who has that personal number, None where it is free."""
    return await session.scalar(
        select(Student.student_code).where(
            Student.tenant_id == session.tenant_id,
            Student.personal_id == personal_id,
            Student.id != student_id,
        )
    )


async def earlier_years(session: TenantSession, student_id: uuid.UUID) -> Sequence[EarlierYear]:
    """Years of a pupil at other schools, oldest first."""
    found = await session.scalars(
        select(EarlierYear)
        .where(EarlierYear.tenant_id == session.tenant_id, EarlierYear.student_id == student_id)
        .order_by(EarlierYear.academic_year, EarlierYear.id)
    )
    return found.all()
