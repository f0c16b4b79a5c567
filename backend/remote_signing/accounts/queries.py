"""SQL of accounts at providers and of the keys that close them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, insert, select, update

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.remote_signing.accounts.models import ProviderAccess, ProviderAccount, SecretKey
from backend.remote_signing.accounts.schemas import AccessState, AccountState

_KEY_OF_ACCOUNT = and_(
    SecretKey.tenant_id == ProviderAccount.tenant_id, SecretKey.id == ProviderAccount.key_id
)
#: These hold values.
KEEPING = (AccountState.PROPOSED, AccountState.ACTIVE)


async def newest_key(session: TenantSession) -> SecretKey | None:
    """The key that closes now."""
    return await session.scalar(
        select(SecretKey)
        .where(SecretKey.tenant_id == session.tenant_id)
        .order_by(SecretKey.made_at.desc(), SecretKey.id.desc())
        .limit(1)
    )


async def key(session: TenantSession, key_id: uuid.UUID) -> SecretKey | None:
    """One of the school's keys."""
    return await session.get(SecretKey, (session.tenant_id, key_id))


async def insert_key(session: TenantSession, values: dict[str, Any]) -> None:
    await session.execute(insert(SecretKey).values(tenant_id=session.tenant_id, **values))


async def accounts(session: TenantSession, provider: str | None = None) -> Sequence[Any]:
    """Accounts that hold values, of one provider or all, with the key that closed them."""
    query = (
        select(ProviderAccount, SecretKey)
        .join(SecretKey, _KEY_OF_ACCOUNT)
        .where(ProviderAccount.tenant_id == session.tenant_id, ProviderAccount.state.in_(KEEPING))
        .order_by(ProviderAccount.added_at)
    )
    if provider is not None:
        query = query.where(ProviderAccount.provider == provider)
    return (await session.execute(query)).all()


async def insert_account(session: TenantSession, values: dict[str, Any]) -> None:
    await session.execute(insert(ProviderAccount).values(tenant_id=session.tenant_id, **values))


async def update_account(session: TenantSession, account_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(ProviderAccount)
        .where(ProviderAccount.tenant_id == session.tenant_id, ProviderAccount.id == account_id)
        .values(values)
    )


async def accesses(session: TenantSession) -> Sequence[ProviderAccess]:
    """Everything that users have left, newest first."""
    found = await session.scalars(
        select(ProviderAccess)
        .where(ProviderAccess.tenant_id == session.tenant_id)
        .order_by(ProviderAccess.given_at.desc(), ProviderAccess.id.desc())
    )
    return found.all()


async def live_access(
    session: TenantSession, provider: str, account: str, holder: StaffId | None
) -> ProviderAccess | None:
    return await session.scalar(
        select(ProviderAccess).where(
            ProviderAccess.tenant_id == session.tenant_id,
            ProviderAccess.provider == provider,
            ProviderAccess.account == account,
            ProviderAccess.holder_id.is_not_distinct_from(holder),
            ProviderAccess.state == AccessState.ACTIVE,
        )
    )


async def access(session: TenantSession, access_id: uuid.UUID) -> ProviderAccess | None:
    query = select(ProviderAccess).where(
        ProviderAccess.tenant_id == session.tenant_id, ProviderAccess.id == access_id
    )
    return await session.scalar(query.execution_options(populate_existing=True))


async def insert_access(session: TenantSession, values: dict[str, Any]) -> None:
    await session.execute(insert(ProviderAccess).values(tenant_id=session.tenant_id, **values))


async def update_access(session: TenantSession, access_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(ProviderAccess)
        .where(ProviderAccess.tenant_id == session.tenant_id, ProviderAccess.id == access_id)
        .values(values)
    )
