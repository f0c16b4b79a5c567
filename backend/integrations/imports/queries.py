"""All SQL of imports."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from backend.core.database import TenantSession
from backend.integrations.imports.models import ImportChange, ImportRun


async def insert_run(session: TenantSession, values: dict[str, Any]) -> None:
    await session.execute(insert(ImportRun).values(values))


async def run(session: TenantSession, run_id: uuid.UUID, *, hold: bool = False) -> ImportRun | None:
    query = select(ImportRun).where(ImportRun.tenant_id == session.tenant_id, ImportRun.id == run_id)
    return await session.scalar(query.with_for_update() if hold else query)


async def update_run(session: TenantSession, run_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(ImportRun)
        .where(ImportRun.tenant_id == session.tenant_id, ImportRun.id == run_id)
        .values(values)
    )


async def newest_runs(session: TenantSession, limit: int) -> Sequence[ImportRun]:
    found = await session.scalars(
        select(ImportRun)
        .where(ImportRun.tenant_id == session.tenant_id)
        .order_by(ImportRun.uploaded_at.desc())
        .limit(limit)
    )
    return found.all()


async def insert_changes(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(ImportChange), rows)


async def changes_of(session: TenantSession, run_id: uuid.UUID) -> Sequence[Any]:
    """What stood before a run, one answer per pupil."""
    query = select(ImportChange.overwritten).where(
        ImportChange.tenant_id == session.tenant_id, ImportChange.run_id == run_id
    )
    return (await session.scalars(query)).all()
