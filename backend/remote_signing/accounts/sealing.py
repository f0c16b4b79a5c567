"""Secrets of a school, closed under its own key, which is closed under the product's (infra/decisions/0036)."""

import uuid

from backend.core import clock, vault
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.remote_signing.accounts import queries
from backend.remote_signing.accounts.models import SecretKey
from backend.remote_signing.accounts.schemas import Closed, KeyId


async def close(session: TenantSession, plain: bytes, purpose: str) -> Closed:
    """Close a secret of the school under its newest key, for one purpose, which names its place."""
    await session.hold("provider-accounts")
    key = await _key(session)
    sealed = vault.seal_under(key.sealed_key, _purpose(session.tenant_id, key.id), plain, purpose)
    return Closed(KeyId(key.id), sealed)


async def open_closed(session: TenantSession, closed: Closed, purpose: str) -> bytes:
    """What `close` closed for this purpose. Raises vault.Unsealable."""
    if closed.key_id is None:
        return vault.unseal(closed.content, purpose)
    key = await queries.key(session, closed.key_id)
    if key is None:
        raise vault.Unsealable(purpose)
    return vault.unseal_under(key.sealed_key, _purpose(session.tenant_id, key.id), closed.content, purpose)


async def make_key(session: TenantSession) -> KeyId:
    """A new key, which closes from now on."""
    return KeyId((await _make_key(session)).id)


async def _key(session: TenantSession) -> SecretKey:
    return await queries.newest_key(session) or await _make_key(session)


async def _make_key(session: TenantSession) -> SecretKey:
    key_id = KeyId(new_id())
    sealed = vault.new_data_key(_purpose(session.tenant_id, key_id))
    made = {"id": key_id, "sealed_key": sealed, "made_at": clock.now()}
    await queries.insert_key(session, made)
    return SecretKey(tenant_id=session.tenant_id, **made)


def _purpose(tenant_id: uuid.UUID, key_id: uuid.UUID) -> str:
    return f"secret key {tenant_id} {key_id}"
