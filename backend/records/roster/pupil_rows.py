"""SQL of pupils' records and places: as a register compares them, and every write into them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import InstrumentedAttribute

from backend.core.database import TenantSession
from backend.records.roster.models import Enrollment, SchoolClass, Student, StudentChange
from backend.records.roster.schemas import EnrollmentStatus

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
        Student.id, Student.student_code, Student.code_is_temporary, Student.status, *REGISTER_FIELDS
    ).where(Student.tenant_id == session.tenant_id, Student.merged_into_id.is_(None))


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
