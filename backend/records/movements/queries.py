"""SQL of years that pupils spent at other schools, and of who has left this one."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from backend.core.database import TenantSession
from backend.records.roster.models import EarlierYear, Student
from backend.records.roster.schemas import PRESENT


async def insert_earlier_year(session: TenantSession, row: dict[str, Any]) -> None:
    """Enter one year."""
    await session.execute(insert(EarlierYear).values(tenant_id=session.tenant_id, **row))


async def is_entered(
    session: TenantSession, student_id: uuid.UUID, academic_year: str, school_name: str
) -> bool:
    """Whether that year at that school stands there and is not withdrawn."""
    query = select(EarlierYear.id).where(
        EarlierYear.tenant_id == session.tenant_id,
        EarlierYear.student_id == student_id,
        EarlierYear.academic_year == academic_year,
        EarlierYear.school_name == school_name,
        EarlierYear.withdrawn_at.is_(None),
    )
    return await session.scalar(query.limit(1)) is not None


async def withdraw(
    session: TenantSession, student_id: uuid.UUID, year_id: uuid.UUID, values: dict[str, Any]
) -> str | None:
    """Withdraw a year of a pupil; its name, or None where there is none that still stands."""
    return await session.scalar(
        update(EarlierYear)
        .where(
            EarlierYear.tenant_id == session.tenant_id,
            EarlierYear.student_id == student_id,
            EarlierYear.id == year_id,
            EarlierYear.withdrawn_at.is_(None),
        )
        .values(values)
        .returning(EarlierYear.academic_year)
    )


async def absent(session: TenantSession) -> Sequence[Any]:
    """Pupils who are not at the school any more: student code, name, status and its day."""
    query = select(Student.student_code, Student.full_name, Student.status, Student.status_on).where(
        Student.tenant_id == session.tenant_id, Student.status.not_in(PRESENT)
    )
    return (await session.execute(query)).all()
