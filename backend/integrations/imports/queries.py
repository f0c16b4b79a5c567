"""All SQL of imports."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from backend.core.database import TenantSession
from backend.integrations.imports.models import ImportRun


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
