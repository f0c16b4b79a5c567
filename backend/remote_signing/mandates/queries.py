"""SQL of mandates."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from backend.core.database import TenantSession
from backend.remote_signing.mandates.models import SealMandate


async def mandates(session: TenantSession) -> Sequence[SealMandate]:
    """All of the school, newest first."""
    query = select(SealMandate).where(SealMandate.tenant_id == session.tenant_id)
    return (await session.scalars(query.order_by(SealMandate.given_at.desc(), SealMandate.id.desc()))).all()


async def live(session: TenantSession) -> SealMandate | None:
    """The one that has not ended."""
    query = select(SealMandate).where(
        SealMandate.tenant_id == session.tenant_id, SealMandate.ended_at.is_(None)
    )
    return await session.scalar(query.execution_options(populate_existing=True))


async def has_ended(session: TenantSession, mandate_id: uuid.UUID) -> bool:
    """Whether it has."""
    found = await session.scalar(
        select(SealMandate.ended_at).where(
            SealMandate.tenant_id == session.tenant_id, SealMandate.id == mandate_id
        )
    )
    return found is not None


async def insert_mandate(session: TenantSession, values: dict[str, Any]) -> None:
    await session.execute(insert(SealMandate).values(tenant_id=session.tenant_id, **values))


async def end(session: TenantSession, mandate_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(SealMandate)
        .where(SealMandate.tenant_id == session.tenant_id, SealMandate.id == mandate_id)
        .values(values)
    )
