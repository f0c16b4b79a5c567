"""All SQL of reconciliation."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from backend.core.database import TenantSession
from backend.integrations.reconciliation.models import Reconciliation, ReconciliationFinding


async def add(session: TenantSession, values: dict[str, Any]) -> None:
    """Open a run."""
    await session.execute(insert(Reconciliation).values(tenant_id=session.tenant_id, **values))


async def run(session: TenantSession, run_id: uuid.UUID) -> Reconciliation | None:
    return await session.get(Reconciliation, (session.tenant_id, run_id))


async def runs(session: TenantSession, limit: int) -> Sequence[Reconciliation]:
    """The newest first."""
    found = await session.scalars(
        select(Reconciliation)
        .where(Reconciliation.tenant_id == session.tenant_id)
        .order_by(Reconciliation.started_at.desc(), Reconciliation.id.desc())
        .limit(limit)
    )
    return found.all()


async def last_with(session: TenantSession, outcome: str) -> Reconciliation | None:
    """The newest run with this outcome."""
    found = await session.scalars(
        select(Reconciliation)
        .where(Reconciliation.tenant_id == session.tenant_id, Reconciliation.outcome == outcome)
        .order_by(Reconciliation.started_at.desc(), Reconciliation.id.desc())
        .limit(1)
    )
    return found.first()


async def has_begun_since(session: TenantSession, authority: str, since: datetime) -> bool:
    """Whether a run with this Authority began since then."""
    found = await session.scalars(
        select(Reconciliation.id)
        .where(
            Reconciliation.tenant_id == session.tenant_id,
            Reconciliation.authority == authority,
            Reconciliation.started_at >= since,
        )
        .limit(1)
    )
    return found.first() is not None


async def end(session: TenantSession, run_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(Reconciliation)
        .where(Reconciliation.tenant_id == session.tenant_id, Reconciliation.id == run_id)
        .values(values)
    )


async def add_findings(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(ReconciliationFinding), rows)


async def findings(session: TenantSession, run_id: uuid.UUID, limit: int) -> Sequence[ReconciliationFinding]:
    """What differed, the most alarming first."""
    found = await session.scalars(
        select(ReconciliationFinding)
        .where(
            ReconciliationFinding.tenant_id == session.tenant_id,
            ReconciliationFinding.reconciliation_id == run_id,
        )
        .order_by(ReconciliationFinding.id)
        .limit(limit)
    )
    return found.all()
