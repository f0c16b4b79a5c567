"""All SQL of the roster."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, func, insert, select, union, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import InstrumentedAttribute

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.questions import Question
from backend.records.roster.models import AcademicYear, Enrollment, SchoolClass, Student, TeachingAssignment
from backend.records.roster.schemas import EnrollmentStatus
from backend.tenants.people.models import StaffMember

STUDENT_FIELDS: tuple[InstrumentedAttribute[Any], ...] = (
    Student.personal_id,
    Student.full_name,
    Student.date_of_birth,
    Student.gender,
    Student.ethnicity,
    Student.nationality,
    Student.birth_place,
    Student.hometown,
    Student.current_address,
    Student.father_name,
    Student.mother_name,
    Student.guardian_name,
)

_TENANT: BindParameter[uuid.UUID] = bindparam("tenant")
# Counted by class before anything is joined: the key is one column, not all that is shown.
_STUDYING = (
    select(Enrollment.class_id, func.count().label("students"))
    .where(Enrollment.tenant_id == _TENANT, Enrollment.status == EnrollmentStatus.STUDYING)
    .group_by(Enrollment.class_id)
    .subquery()
)
_CLASSES_UNSORTED = (
    select(
        SchoolClass.id,
        SchoolClass.name,
        SchoolClass.grade_level,
        AcademicYear.name.label("academic_year"),
        SchoolClass.academic_year_id,
        SchoolClass.homeroom_teacher_id,
        StaffMember.full_name.label("homeroom_teacher"),
        func.coalesce(_STUDYING.c.students, 0).label("students"),
    )
    .join(
        AcademicYear,
        and_(
            AcademicYear.tenant_id == SchoolClass.tenant_id, AcademicYear.id == SchoolClass.academic_year_id
        ),
    )
    .outerjoin(
        StaffMember,
        and_(
            StaffMember.tenant_id == SchoolClass.tenant_id, StaffMember.id == SchoolClass.homeroom_teacher_id
        ),
    )
    .outerjoin(_STUDYING, _STUDYING.c.class_id == SchoolClass.id)
    .where(SchoolClass.tenant_id == _TENANT)
)
_CLASSES = Question(_CLASSES_UNSORTED.order_by(SchoolClass.name_key))
_ONE_CLASS = Question(_CLASSES_UNSORTED.where(SchoolClass.id == bindparam("class_id")))

_STUDENTS = Question(
    select(Student.id, Student.student_code, *STUDENT_FIELDS, Enrollment.registry_no, Enrollment.joined_on)
    .join(Enrollment, and_(Enrollment.tenant_id == Student.tenant_id, Enrollment.student_id == Student.id))
    .where(
        Student.tenant_id == _TENANT,
        Enrollment.class_id == bindparam("class_id"),
        Enrollment.status == EnrollmentStatus.STUDYING,
    )
    .order_by(Student.name_key, Student.date_of_birth, Student.id)
)
_ALL_ASSIGNMENTS = (
    select(
        TeachingAssignment.class_id,
        TeachingAssignment.subject_code,
        TeachingAssignment.teacher_id,
        StaffMember.full_name.label("teacher"),
    )
    .outerjoin(
        StaffMember,
        and_(
            StaffMember.tenant_id == TeachingAssignment.tenant_id,
            StaffMember.id == TeachingAssignment.teacher_id,
        ),
    )
    .where(TeachingAssignment.tenant_id == _TENANT)
)
_ASSIGNMENTS = Question(_ALL_ASSIGNMENTS)
_ASSIGNMENTS_OF_CLASS = Question(_ALL_ASSIGNMENTS.where(TeachingAssignment.class_id == bindparam("class_id")))

_CLASSES_OF_STAFF = Question(
    union(
        select(SchoolClass.id).where(
            SchoolClass.tenant_id == _TENANT, SchoolClass.homeroom_teacher_id == bindparam("staff_id")
        ),
        select(TeachingAssignment.class_id).where(
            TeachingAssignment.tenant_id == _TENANT, TeachingAssignment.teacher_id == bindparam("staff_id")
        ),
    )
)


async def year_by_name(session: TenantSession, name: str) -> AcademicYear | None:
    return await session.scalar(
        select(AcademicYear).where(AcademicYear.tenant_id == session.tenant_id, AcademicYear.name == name)
    )


async def latest_year(session: TenantSession) -> AcademicYear | None:
    return await session.scalar(
        select(AcademicYear)
        .where(AcademicYear.tenant_id == session.tenant_id)
        .order_by(AcademicYear.starts_on.desc())
        .limit(1)
    )


async def years(session: TenantSession) -> Sequence[AcademicYear]:
    """All school years, the newest first."""
    found = await session.scalars(
        select(AcademicYear)
        .where(AcademicYear.tenant_id == session.tenant_id)
        .order_by(AcademicYear.starts_on.desc())
    )
    return found.all()


async def hold_year(session: TenantSession, year_id: uuid.UUID) -> None:
    """Registers are taken one after another: the year is held until the transaction ends."""
    await session.execute(
        select(AcademicYear.id)
        .where(AcademicYear.tenant_id == session.tenant_id, AcademicYear.id == year_id)
        .with_for_update(key_share=True)
    )


async def classes(session: TenantSession) -> Sequence[Any]:
    """Classes with year, homeroom teacher and number of pupils, in the order of their names."""
    return await session.ask(_CLASSES)


async def class_with_numbers(session: TenantSession, class_id: uuid.UUID) -> Any | None:
    """One class as `classes` describes it."""
    rows = await session.ask(_ONE_CLASS, class_id=class_id)
    return rows[0] if rows else None


async def class_by_id(session: TenantSession, class_id: uuid.UUID) -> SchoolClass | None:
    return await session.get(SchoolClass, (session.tenant_id, class_id))


async def classes_by_name(session: TenantSession, year_id: uuid.UUID) -> dict[str, SchoolClass]:
    found = await session.scalars(
        select(SchoolClass).where(
            SchoolClass.tenant_id == session.tenant_id, SchoolClass.academic_year_id == year_id
        )
    )
    return {row.name: row for row in found}


async def students_of(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Pupils of a class with their enrollment, in the order of names."""
    return await session.ask(_STUDENTS, class_id=class_id)


async def student(session: TenantSession, student_id: uuid.UUID) -> Student | None:
    """One pupil."""
    return await session.get(Student, (session.tenant_id, student_id))


async def pupil_named_in(session: TenantSession, text: str) -> str | None:
    """A pupil of the school whose full name stands in a text."""
    found: str | None = await session.scalar(
        select(Student.full_name)
        .where(
            Student.tenant_id == session.tenant_id,
            func.strpos(func.lower(text), func.lower(Student.full_name)) > 0,
        )
        .limit(1)
    )
    return found


async def students_by_code(session: TenantSession, codes: Sequence[str]) -> dict[str, Any]:
    """Pupils by code with the class of their current enrollment in any year."""
    query = select(Student.id, Student.student_code, *STUDENT_FIELDS).where(
        Student.tenant_id == session.tenant_id, Student.student_code.in_(codes)
    )
    return {row.student_code: row for row in await session.execute(query)}


async def classes_of_students(
    session: TenantSession, year_id: uuid.UUID, student_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[uuid.UUID, str]]:
    """student → (class, class name) in that year."""
    query = (
        select(Enrollment.student_id, SchoolClass.id, SchoolClass.name)
        .join(
            SchoolClass,
            and_(SchoolClass.tenant_id == Enrollment.tenant_id, SchoolClass.id == Enrollment.class_id),
        )
        .where(
            Enrollment.tenant_id == session.tenant_id,
            SchoolClass.academic_year_id == year_id,
            Enrollment.student_id.in_(student_ids),
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
    )
    return {row.student_id: (row.id, row.name) for row in await session.execute(query)}


async def places(session: TenantSession, year_id: uuid.UUID) -> Sequence[Any]:
    """Every pupil of a year: id, student code, name, date of birth, name of the class."""
    query = (
        select(
            Student.id,
            Student.student_code,
            Student.full_name,
            Student.date_of_birth,
            SchoolClass.name.label("class_name"),
        )
        .join(
            Enrollment, and_(Enrollment.tenant_id == Student.tenant_id, Enrollment.student_id == Student.id)
        )
        .join(
            SchoolClass,
            and_(SchoolClass.tenant_id == Enrollment.tenant_id, SchoolClass.id == Enrollment.class_id),
        )
        .where(
            Student.tenant_id == session.tenant_id,
            SchoolClass.academic_year_id == year_id,
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
    )
    return (await session.execute(query)).all()


async def members(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Pupils of some classes in the order of names: class, pupil, name."""
    query = (
        select(Enrollment.class_id, Student.id, Student.full_name)
        .join(Student, and_(Student.tenant_id == Enrollment.tenant_id, Student.id == Enrollment.student_id))
        .where(
            Enrollment.tenant_id == session.tenant_id,
            Enrollment.class_id.in_(class_ids),
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
        .order_by(Student.name_key, Student.id)
    )
    return (await session.execute(query)).all()


async def personal_ids(session: TenantSession, ids: Sequence[str]) -> dict[str, str]:
    """personal id → student code of the pupils that already carry one of `ids`."""
    query = select(Student.personal_id, Student.student_code).where(
        Student.tenant_id == session.tenant_id, Student.personal_id.in_(ids)
    )
    return {row.personal_id: row.student_code for row in await session.execute(query) if row.personal_id}


async def insert_students(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(Student), rows)


async def update_student(session: TenantSession, student_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(Student).where(Student.tenant_id == session.tenant_id, Student.id == student_id).values(values)
    )


async def enroll(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    """Put pupils into classes; who comes back to a class that they left takes their old place again."""
    if not rows:
        return
    query = upsert(Enrollment)
    query = query.on_conflict_do_update(
        index_elements=["tenant_id", "student_id", "class_id"], set_={"status": query.excluded.status}
    )
    await session.execute(query, rows)


async def leave_class(
    session: TenantSession, student_id: uuid.UUID, class_id: uuid.UUID, status: EnrollmentStatus
) -> None:
    await session.execute(
        update(Enrollment)
        .where(
            Enrollment.tenant_id == session.tenant_id,
            Enrollment.student_id == student_id,
            Enrollment.class_id == class_id,
        )
        .values(status=status)
    )


async def assignments(session: TenantSession, class_id: uuid.UUID | None = None) -> Sequence[Any]:
    if class_id is None:
        return await session.ask(_ASSIGNMENTS)
    return await session.ask(_ASSIGNMENTS_OF_CLASS, class_id=class_id)


async def classes_of_staff(session: TenantSession, staff_id: StaffId) -> Sequence[Any]:
    """Ids of the classes that a person leads or teaches in."""
    return await session.ask(_CLASSES_OF_STAFF, staff_id=staff_id)


async def insert_assignments(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(TeachingAssignment), rows)


async def study_history(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Every enrollment of every pupil of a class, oldest year first: student, year, class, registry number, date."""
    members = select(Enrollment.student_id).where(
        Enrollment.tenant_id == session.tenant_id, Enrollment.class_id == class_id
    )
    query = (
        select(
            Enrollment.student_id,
            AcademicYear.name.label("academic_year"),
            SchoolClass.name.label("class_name"),
            Enrollment.registry_no,
            Enrollment.joined_on,
        )
        .join(
            SchoolClass,
            and_(SchoolClass.tenant_id == Enrollment.tenant_id, SchoolClass.id == Enrollment.class_id),
        )
        .join(
            AcademicYear,
            and_(
                AcademicYear.tenant_id == SchoolClass.tenant_id,
                AcademicYear.id == SchoolClass.academic_year_id,
            ),
        )
        .where(
            Enrollment.tenant_id == session.tenant_id,
            Enrollment.student_id.in_(members),
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
        .order_by(AcademicYear.starts_on)
    )
    return (await session.execute(query)).all()
