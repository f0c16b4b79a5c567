"""All SQL of token helpers."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from backend.core.database import TenantSession
from backend.remote_signing.token_helpers.models import TokenHelper
from backend.remote_signing.token_helpers.schemas import HelperState


async def insert_helper(session: TenantSession, values: dict[str, Any]) -> None:
    await session.execute(insert(TokenHelper).values(tenant_id=session.tenant_id, **values))


async def helper(session: TenantSession, helper_id: uuid.UUID, *, hold: bool = False) -> TokenHelper | None:
    query = select(TokenHelper).where(TokenHelper.tenant_id == session.tenant_id, TokenHelper.id == helper_id)
    if hold:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(query)


async def living(session: TenantSession) -> Sequence[TokenHelper]:
    """Those that have not ended, newest first."""
    query = (
        select(TokenHelper)
        .where(TokenHelper.tenant_id == session.tenant_id, TokenHelper.state != HelperState.ENDED)
        .order_by(TokenHelper.offered_at.desc())
    )
    return (await session.scalars(query)).all()


async def change(session: TenantSession, helper_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(TokenHelper)
        .where(TokenHelper.tenant_id == session.tenant_id, TokenHelper.id == helper_id)
        .values(values)
    )
