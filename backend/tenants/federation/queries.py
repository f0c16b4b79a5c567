"""SQL of providers, and the directory's functions about accounts elsewhere."""

import uuid
from datetime import datetime

from sqlalchemy import delete, insert, select, text

from backend.core.database import PublicSession, TenantSession
from backend.core.ids import new_id
from backend.tenants.federation.models import IdentityProvider
from backend.tenants.federation.schemas import (
    Identity,
    IdentityId,
    Outsider,
    Provider,
    ProviderId,
    ProviderKind,
)

AnySession = PublicSession | TenantSession

_PUBLISH = text("select directory.publish_provider(:id)")
_WITHDRAW = text("select directory.withdraw_provider(:id)")
_FIND_PROVIDER = text("select tenant_id from directory.find_provider(:id)")
_FIND_IDENTITY = text("select account_id from directory.find_identity(:issuer, :subject)")
_LINK = text("select directory.link_identity(:id, :issuer, :subject, :label, :at)")
_IDENTITIES = text("select * from directory.identities()")
_UNLINK = text("select directory.unlink_identity(:id)")


async def providers(session: TenantSession) -> list[Provider]:
    """The school's providers, oldest first."""
    rows = await session.scalars(
        select(IdentityProvider)
        .where(IdentityProvider.tenant_id == session.tenant_id)
        .order_by(IdentityProvider.id)
    )
    return [_provider(row) for row in rows]


async def provider(session: TenantSession, provider_id: ProviderId) -> Provider | None:
    """One of the school's providers."""
    row = await session.scalar(
        select(IdentityProvider).where(
            IdentityProvider.tenant_id == session.tenant_id, IdentityProvider.id == provider_id
        )
    )
    return _provider(row) if row else None


async def add_provider(session: TenantSession, values: dict[str, object]) -> ProviderId:
    """Keep a provider and make it known to browsers that name it."""
    provider_id = ProviderId(new_id())
    keys = {"tenant_id": session.tenant_id, "id": provider_id}
    await session.execute(insert(IdentityProvider).values(keys | values))
    await session.execute(_PUBLISH, {"id": provider_id})
    return provider_id


async def remove_provider(session: TenantSession, provider_id: ProviderId) -> str | None:
    """Forget a provider; returns its name, None when the school has no such one."""
    removed: str | None = await session.scalar(
        delete(IdentityProvider)
        .where(IdentityProvider.tenant_id == session.tenant_id, IdentityProvider.id == provider_id)
        .returning(IdentityProvider.name)
    )
    await session.execute(_WITHDRAW, {"id": provider_id})
    return removed


async def school_of(session: PublicSession, provider_id: ProviderId) -> uuid.UUID | None:
    """Whose provider a browser names."""
    found: uuid.UUID | None = await session.scalar(_FIND_PROVIDER, {"id": provider_id})
    return found


async def account_of(session: PublicSession, outsider: Outsider) -> uuid.UUID | None:
    """The account that an account elsewhere opens."""
    values = {"issuer": outsider.issuer, "subject": outsider.subject}
    found: uuid.UUID | None = await session.scalar(_FIND_IDENTITY, values)
    return found


async def link(session: AnySession, outsider: Outsider, at: datetime) -> IdentityId | None:
    """Link it to the account that the transaction speaks for; None when it is linked already, to whomever."""
    identity_id = IdentityId(new_id())
    values = {
        "id": identity_id,
        "issuer": outsider.issuer,
        "subject": outsider.subject,
        "label": outsider.label,
        "at": at,
    }
    return identity_id if await session.scalar(_LINK, values) else None


async def identities(session: AnySession) -> list[Identity]:
    """What is linked to the account that the transaction speaks for, oldest first."""
    rows = await session.execute(_IDENTITIES)
    return [
        Identity(id=IdentityId(row.id), issuer=row.issuer, label=row.label, linked_at=row.linked_at)
        for row in rows
    ]


async def unlink(session: AnySession, identity_id: IdentityId) -> str | None:
    """Take a link away; returns its label, None when the account has no such one."""
    label: str | None = await session.scalar(_UNLINK, {"id": identity_id})
    return label


def _provider(row: IdentityProvider) -> Provider:
    return Provider(
        id=ProviderId(row.id),
        tenant_id=row.tenant_id,
        kind=ProviderKind(row.kind),
        name=row.name,
        issuer=row.issuer,
        restriction=row.restriction,
        client_id=row.client_id,
        sealed_secret=row.sealed_secret,
        added_at=row.added_at,
    )
