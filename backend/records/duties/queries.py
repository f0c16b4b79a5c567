"""SQL of duties: each is given on only by who still finds it where they saw it."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from backend.core.database import TenantSession
from backend.records.duties.models import PastDuty
from backend.records.duties.schemas import Move
from backend.records.roster.models import SchoolClass, TeachingAssignment


async def move(session: TenantSession, one: Move) -> bool:
    """Give a duty to another; False when somebody else has done so meanwhile."""
    duty = one.duty
    if duty.is_homeroom:
        query = (
            update(SchoolClass)
            .where(
                SchoolClass.tenant_id == session.tenant_id,
                SchoolClass.id == duty.class_id,
                SchoolClass.homeroom_teacher_id.is_not_distinct_from(one.old),
            )
            .values(homeroom_teacher_id=one.new)
            .returning(SchoolClass.id)
        )
    else:
        query = (
            update(TeachingAssignment)
            .where(
                TeachingAssignment.tenant_id == session.tenant_id,
                TeachingAssignment.class_id == duty.class_id,
                TeachingAssignment.subject_code == duty.code,
                TeachingAssignment.teacher_id.is_not_distinct_from(one.old),
            )
            .values(teacher_id=one.new)
            .returning(TeachingAssignment.id)
        )
    return await session.scalar(query) is not None


async def past(session: TenantSession, class_id: uuid.UUID) -> Sequence[PastDuty]:
    """Who held duties in a class before, the latest first."""
    found = await session.scalars(
        select(PastDuty)
        .where(PastDuty.tenant_id == session.tenant_id, PastDuty.class_id == class_id)
        .order_by(PastDuty.ends_on.desc(), PastDuty.id.desc())
    )
    return found.all()


async def insert_past(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    """Keep who held duties until now."""
    if rows:
        await session.execute(insert(PastDuty), rows)
