"""All SQL of the roster."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Uuid,
    and_,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    tuple_,
    union,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.core.questions import Question
from backend.records.roster.models import (
    CLASS_OF_ENROLLMENT,
    YEAR_OF_CLASS,
    AcademicYear,
    EarlierYear,
    Enrollment,
    SchoolClass,
    Student,
    TeachingAssignment,
)
from backend.records.roster.schemas import EnrollmentStatus
from backend.tenants.people.models import StaffMember

#: What the forms print of a pupil.
_FORM_FIELDS: tuple[InstrumentedAttribute[Any], ...] = (
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
    Student.father_job,
    Student.mother_name,
    Student.mother_job,
    Student.guardian_name,
    Student.guardian_job,
    Student.policy_group,
    Student.not_assessed,
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
        SchoolClass.closed_on,
    )
    .join(AcademicYear, YEAR_OF_CLASS)
    .outerjoin(
        StaffMember,
        and_(
            StaffMember.tenant_id == SchoolClass.tenant_id, StaffMember.id == SchoolClass.homeroom_teacher_id
        ),
    )
    .outerjoin(_STUDYING, _STUDYING.c.class_id == SchoolClass.id)
    .where(SchoolClass.tenant_id == _TENANT)
)
_CLASSES = Question(_CLASSES_UNSORTED.where(SchoolClass.closed_on.is_(None)).order_by(SchoolClass.name_key))
_ONE_CLASS = Question(_CLASSES_UNSORTED.where(SchoolClass.id == bindparam("class_id")))
_SOME_CLASSES = Question(
    _CLASSES_UNSORTED.where(SchoolClass.id == any_(bindparam("class_ids", type_=ARRAY(Uuid))))
)

_STUDENTS = Question(
    select(
        Student.id,
        Student.student_code,
        Student.status,
        *_FORM_FIELDS,
        Enrollment.registry_no,
        Enrollment.joined_on,
    )
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
    """Classes that are not closed, with year, homeroom teacher and number of pupils, in the order of their names."""
    return await session.ask(_CLASSES)


async def class_with_numbers(session: TenantSession, class_id: uuid.UUID) -> Any | None:
    """One class as `classes` describes it."""
    rows = await session.ask(_ONE_CLASS, class_id=class_id)
    return rows[0] if rows else None


async def some_classes(session: TenantSession, class_ids: Collection[uuid.UUID]) -> Sequence[Any]:
    """Some classes as `classes` describes them, closed ones among them."""
    return await session.ask(_SOME_CLASSES, class_ids=list(class_ids))


async def class_by_id(session: TenantSession, class_id: uuid.UUID) -> SchoolClass | None:
    return await session.get(SchoolClass, (session.tenant_id, class_id))


async def classes_by_name(session: TenantSession, year_id: uuid.UUID) -> dict[str, SchoolClass]:
    found = await session.scalars(
        select(SchoolClass).where(
            SchoolClass.tenant_id == session.tenant_id,
            SchoolClass.academic_year_id == year_id,
            SchoolClass.closed_on.is_(None),
        )
    )
    return {row.name: row for row in found}


async def class_named(session: TenantSession, year_id: uuid.UUID, name: str) -> uuid.UUID | None:
    """The class of a year with that name."""
    return await session.scalar(
        select(SchoolClass.id).where(
            SchoolClass.tenant_id == session.tenant_id,
            SchoolClass.academic_year_id == year_id,
            SchoolClass.name == name,
        )
    )


async def hold_classes(session: TenantSession, class_ids: Collection[uuid.UUID]) -> None:
    """Held until the transaction ends: a pupil's place refers to the class, and waits."""
    await session.execute(
        select(SchoolClass.id)
        .where(SchoolClass.tenant_id == session.tenant_id, SchoolClass.id.in_(class_ids))
        .order_by(SchoolClass.id)
        .with_for_update()
    )


async def students_of(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Pupils of a class with their enrollment, in the order of names."""
    return await session.ask(_STUDENTS, class_id=class_id)


async def gaps(
    session: TenantSession, class_ids: Collection[uuid.UUID], fields: Sequence[str]
) -> Sequence[Any]:
    """Per class and field of a record: how many of its pupils have nothing there (`number`), and one of them (`name`)."""
    named = [(field, getattr(Student, field)) for field in fields]
    lacks = union_all(
        *(
            select(literal(field).label("field"), Student.id, Student.full_name).where(
                Student.tenant_id == session.tenant_id, column.is_(None)
            )
            for field, column in named
        )
    ).subquery()
    query = (
        select(
            Enrollment.class_id,
            lacks.c.field,
            func.count().label("number"),
            func.min(lacks.c.full_name).label("name"),
        )
        .join(lacks, lacks.c.id == Enrollment.student_id)
        .where(
            Enrollment.tenant_id == session.tenant_id,
            Enrollment.class_id.in_(class_ids),
            Enrollment.left_on.is_(None),
        )
        .group_by(Enrollment.class_id, lacks.c.field)
        .order_by(Enrollment.class_id, lacks.c.field)
    )
    return (await session.execute(query)).all()


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
        .join(SchoolClass, CLASS_OF_ENROLLMENT)
        .where(
            Student.tenant_id == session.tenant_id,
            SchoolClass.academic_year_id == year_id,
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
    )
    return (await session.execute(query)).all()


_MEMBERS = Question(
    select(Enrollment.class_id, Student.id, Student.full_name)
    .join(Student, and_(Student.tenant_id == Enrollment.tenant_id, Student.id == Enrollment.student_id))
    .where(
        Enrollment.tenant_id == bindparam("tenant"),
        Enrollment.class_id == any_(bindparam("class_ids", type_=ARRAY(Uuid))),
        Enrollment.status == EnrollmentStatus.STUDYING.value,
    )
    .order_by(Student.name_key, Student.id)
)


async def members(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Pupils of some classes in the order of names: class, pupil, name."""
    return await session.ask(_MEMBERS, class_ids=list(class_ids))


async def assignments(session: TenantSession, class_id: uuid.UUID | None = None) -> Sequence[Any]:
    if class_id is None:
        return await session.ask(_ASSIGNMENTS)
    return await session.ask(_ASSIGNMENTS_OF_CLASS, class_id=class_id)


async def classes_of_staff(session: TenantSession, staff_id: StaffId) -> Sequence[Any]:
    """Ids of the classes that a person leads or teaches in."""
    return await session.ask(_CLASSES_OF_STAFF, staff_id=staff_id)


async def insert_assignments(
    session: TenantSession, class_id: uuid.UUID, teachers: Mapping[str, StaffId | None]
) -> None:
    """A class has these subjects, with who teaches each."""
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "class_id": class_id,
            "subject_code": code,
            "teacher_id": teacher,
            "created_at": clock.now(),
        }
        for code, teacher in teachers.items()
    ]
    if rows:
        await session.execute(insert(TeachingAssignment).execution_options(render_nulls=True), rows)


async def delete_enrollments(session: TenantSession, places: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> None:
    """Remove places: (student, class)."""
    if places:
        own = tuple_(Enrollment.student_id, Enrollment.class_id).in_(places)
        await session.execute(delete(Enrollment).where(Enrollment.tenant_id == session.tenant_id, own))


async def delete_classes(session: TenantSession, class_ids: Collection[uuid.UUID]) -> None:
    """Remove classes with their assignments."""
    for table, column in ((TeachingAssignment, TeachingAssignment.class_id), (SchoolClass, SchoolClass.id)):
        await session.execute(
            delete(table).where(table.tenant_id == session.tenant_id, column.in_(class_ids))
        )


async def delete_assignment(session: TenantSession, class_id: uuid.UUID, subject_code: str) -> None:
    await session.execute(
        delete(TeachingAssignment).where(
            TeachingAssignment.tenant_id == session.tenant_id,
            TeachingAssignment.class_id == class_id,
            TeachingAssignment.subject_code == subject_code,
        )
    )


async def study_history(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Every year of every pupil of a class, oldest first: here by enrollment, at other schools as it was entered."""
    members = select(Enrollment.student_id).where(
        Enrollment.tenant_id == session.tenant_id, Enrollment.class_id == class_id
    )
    here = (
        select(
            Enrollment.student_id,
            AcademicYear.name.label("academic_year"),
            SchoolClass.name.label("class_name"),
            null().label("school_name"),
            Enrollment.registry_no,
            Enrollment.joined_on,
        )
        .join(SchoolClass, CLASS_OF_ENROLLMENT)
        .join(AcademicYear, YEAR_OF_CLASS)
        .where(
            Enrollment.tenant_id == session.tenant_id,
            Enrollment.student_id.in_(members),
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
    )
    elsewhere = select(
        EarlierYear.student_id,
        EarlierYear.academic_year,
        EarlierYear.class_name,
        EarlierYear.school_name,
        EarlierYear.registry_no,
        EarlierYear.joined_on,
    ).where(
        EarlierYear.tenant_id == session.tenant_id,
        EarlierYear.student_id.in_(members),
        EarlierYear.withdrawn_at.is_(None),
    )
    both: Any = union_all(elsewhere, here)
    found: Sequence[Any] = (await session.execute(both.order_by("academic_year", "school_name"))).all()
    return found
