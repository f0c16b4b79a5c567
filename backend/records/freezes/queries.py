"""All SQL of freezing many classes at once."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select, update

from backend.core.database import TenantSession
from backend.records.freezes.models import ClassFreeze
from backend.records.freezes.schemas import State


async def insert_run(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    await session.execute(insert(ClassFreeze), rows)


async def hold(session: TenantSession, class_freeze_id: uuid.UUID) -> ClassFreeze | None:
    """One class of a run, held against change until the transaction ends."""
    query = select(ClassFreeze).where(
        ClassFreeze.tenant_id == session.tenant_id, ClassFreeze.id == class_freeze_id
    )
    return await session.scalar(query.with_for_update())


async def end(session: TenantSession, class_freeze_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(ClassFreeze)
        .where(ClassFreeze.tenant_id == session.tenant_id, ClassFreeze.id == class_freeze_id)
        .values(values)
    )


async def classes_of_run(session: TenantSession, run_id: uuid.UUID) -> Sequence[ClassFreeze]:
    found = await session.scalars(
        select(ClassFreeze).where(ClassFreeze.tenant_id == session.tenant_id, ClassFreeze.run_id == run_id)
    )
    return found.all()


async def newest_runs(session: TenantSession, limit: int) -> Sequence[Any]:
    query = (
        select(
            ClassFreeze.run_id,
            ClassFreeze.asked_by,
            ClassFreeze.asked_at,
            func.count().label("classes"),
            func.count().filter(ClassFreeze.state == State.WAITING).label("waiting"),
            func.sum(ClassFreeze.frozen).label("frozen"),
        )
        .where(ClassFreeze.tenant_id == session.tenant_id)
        .group_by(ClassFreeze.run_id, ClassFreeze.asked_by, ClassFreeze.asked_at)
        .order_by(ClassFreeze.asked_at.desc())
        .limit(limit)
    )
    return (await session.execute(query)).all()
