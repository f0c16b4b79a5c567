"""A school's own accounts at providers: written once, shown to nobody, changed by two people.

Envelope encryption: values are closed under a key of the school, which is closed under the product's. Each is bound to
its school and its place, so it opens nowhere else. Values are opened inside the transaction that reads them, for the
call that follows, and stand in no job, log or record.
"""

import uuid
from collections.abc import Mapping

import msgspec

from backend.core import audit, clock, outbox, vault
from backend.core.actor import Actor, SignIn, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.remote_signing.accounts import notice_addresses, queries, rules
from backend.remote_signing.accounts.events import SecretKeyRotated
from backend.remote_signing.accounts.models import ProviderAccount, SecretKey
from backend.remote_signing.accounts.notice_addresses import notice_place as notice_place
from backend.remote_signing.accounts.schemas import (
    AccountId,
    AccountState,
    AccountView,
    Closed,
    KeyId,
    OwnValues,
    ProviderFile,
)
from backend.remote_signing.providers import gateway, port
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import ApprovalRequest, Facts, Kind
from backend.tenants.people import service as people

_GONE = "Đề nghị này không còn thông tin tài khoản đi kèm; xin từ chối để nhà trường nhập lại."


async def values_of(session: TenantSession, provider: str) -> OwnValues:
    """What the school filled in for a provider; nothing where ours serves all schools, or it has filled in nothing.

    Raises Conflict when it cannot be opened any more.
    """
    if not _fields(provider):
        return OwnValues()
    found = [
        row
        for row in await queries.accounts(session, provider)
        if row.ProviderAccount.state == AccountState.ACTIVE
    ]
    return _open(found[0].ProviderAccount, found[0].SecretKey) if found else OwnValues()


async def list_files(session: TenantSession) -> list[ProviderFile]:
    """Every provider at which a school needs an account of its own, in the order of their declaration."""
    rows, names = await queries.accounts(session), await people.names(session)
    waiting = await approvals.waiting(session, Kind.PROVIDER_ACCOUNT)
    return [
        ProviderFile(
            provider=provider,
            label=label,
            fields=gateway.fields(provider),
            notices_to=_notices_to(session, provider),
            active=next(
                (
                    _view(row, names)
                    for row in rows
                    if row.ProviderAccount.provider == provider
                    and row.ProviderAccount.state == AccountState.ACTIVE
                ),
                None,
            ),
            waiting=next((one for one in waiting if one.facts["provider"] == provider), None),
        )
        for provider, label in gateway.names().items()
        if gateway.fields(provider)
    ]


def _notices_to(session: TenantSession, provider: str) -> str:
    if not gateway.provider(provider).capabilities.webhook:
        return ""
    return f"{notice_addresses.PATH}/{notice_addresses.name_of(session.tenant_id, provider)}"


async def propose(
    session: TenantSession,
    actor: Actor,
    sign_in: SignIn,
    provider: str,
    typed: Mapping[str, str],
    reason: str,
) -> ApprovalRequest:
    """Ask a second person to have the school's documents signed through this account from then on.

    Raises NotFound for a provider that wants none, Invalid with the field that is empty, and as `approvals.ask`.
    """
    await session.hold("provider-accounts")
    fields, label = _fields(provider), gateway.label(provider)
    if not fields or actor.staff_id is None:
        raise NotFound("Không tìm thấy nhà cung cấp này.")
    values = rules.checked(fields, typed, label)
    await _drop_undecided(session, provider)
    key, account_id = await _key(session), AccountId(new_id())
    facts = {"provider": provider, "account": str(account_id)}
    told = rules.described(fields, values, label)
    request = await approvals.ask(session, actor, sign_in, Kind.PROVIDER_ACCOUNT, told, facts, reason)
    await queries.insert_account(
        session,
        {
            "id": account_id,
            "provider": provider,
            "state": AccountState.PROPOSED,
            "key_id": key.id,
            "sealed_values": _close(account_id, key, values),
            "added_by": actor.staff_id,
            "added_at": clock.now(),
        },
    )
    return request


@approvals.deed(Kind.PROVIDER_ACCOUNT)
async def activate(session: TenantSession, actor: Actor, facts: Facts) -> None:
    """Sign through it from now on; the earlier one keeps no secret. Raises Conflict when its values are gone."""
    await session.hold("provider-accounts")
    provider, account_id = facts["provider"], uuid.UUID(facts["account"])
    rows = [row.ProviderAccount for row in await queries.accounts(session, provider)]
    if not any(row.id == account_id and row.state == AccountState.PROPOSED for row in rows):
        raise Conflict(_GONE)
    for row in rows:
        if row.state == AccountState.ACTIVE:
            await _end(session, row.id, AccountState.REPLACED)
    values = {"state": AccountState.ACTIVE, "decided_at": clock.now()}
    await queries.update_account(session, account_id, values)
    label = gateway.label(provider)
    await audit.record(session, actor, Action.PROVIDER_ACCOUNT_CHANGED, account_id, label)


async def close(session: TenantSession, plain: bytes, purpose: str) -> Closed:
    """Close another secret of the school under its key, for one purpose, which names its place."""
    await session.hold("provider-accounts")
    key = await _key(session)
    sealed = vault.seal_under(key.sealed_key, _key_purpose(session.tenant_id, key.id), plain, purpose)
    return Closed(KeyId(key.id), sealed)


async def open_closed(session: TenantSession, closed: Closed, purpose: str) -> bytes:
    """What `close` closed for this purpose. Raises vault.Unsealable."""
    if closed.key_id is None:
        return vault.unseal(closed.content, purpose)
    key = await queries.key(session, closed.key_id)
    if key is None:
        raise vault.Unsealable(purpose)
    return vault.unseal_under(
        key.sealed_key, _key_purpose(session.tenant_id, key.id), closed.content, purpose
    )


async def rotate(session: TenantSession, actor: Actor) -> int:
    """Make a new key for the school and close everything under it; counts what was closed anew.

    Raises Conflict when something cannot be opened any more: then nothing changes.
    """
    await session.hold("provider-accounts")
    opened = [
        (row.ProviderAccount.id, _open(row.ProviderAccount, row.SecretKey))
        for row in await queries.accounts(session)
    ]
    key = await _make_key(session)
    for account_id, values in opened:
        sealed = {"key_id": key.id, "sealed_values": _close(account_id, key, values)}
        await queries.update_account(session, account_id, sealed)
    await audit.record(session, actor, Action.SECRET_KEY_ROTATED, key.id, "", count=len(opened))
    await outbox.emit(session, SecretKeyRotated(key.id))
    return len(opened)


async def require_key(session: TenantSession, key_id: uuid.UUID) -> None:
    """Raises NotFound for a key that is none of the school's."""
    if await queries.key(session, key_id) is None:
        raise NotFound("Không tìm thấy khóa niêm phong này của trường.")


def _fields(provider: str) -> tuple[port.AccountField, ...]:
    try:
        return gateway.fields(provider)
    except port.NotInstalled:
        return ()


async def _drop_undecided(session: TenantSession, provider: str) -> None:
    """What nobody approved keeps no secret; while a request waits, another one is refused by `approvals.ask`."""
    waiting = {one.facts["account"] for one in await approvals.waiting(session, Kind.PROVIDER_ACCOUNT)}
    for row in await queries.accounts(session, provider):
        account = row.ProviderAccount
        if account.state == AccountState.PROPOSED and str(account.id) not in waiting:
            await _end(session, account.id, AccountState.DROPPED)


async def _end(session: TenantSession, account_id: uuid.UUID, state: AccountState) -> None:
    values = {"state": state, "sealed_values": b"", "decided_at": clock.now()}
    await queries.update_account(session, account_id, values)


async def _key(session: TenantSession) -> SecretKey:
    return await queries.newest_key(session) or await _make_key(session)


async def _make_key(session: TenantSession) -> SecretKey:
    key_id = KeyId(new_id())
    sealed = vault.new_data_key(_key_purpose(session.tenant_id, key_id))
    made = {"id": key_id, "sealed_key": sealed, "made_at": clock.now()}
    await queries.insert_key(session, made)
    return SecretKey(tenant_id=session.tenant_id, **made)


def _close(account_id: uuid.UUID, key: SecretKey, values: OwnValues) -> bytes:
    purpose = _key_purpose(key.tenant_id, key.id)
    return vault.seal_under(
        key.sealed_key, purpose, msgspec.json.encode(values.by_field), _purpose(account_id)
    )


def _open(account: ProviderAccount, key: SecretKey) -> OwnValues:
    purpose = _key_purpose(key.tenant_id, key.id)
    try:
        plain = vault.unseal_under(key.sealed_key, purpose, account.sealed_values, _purpose(account.id))
    except vault.Unsealable:
        raise Conflict(
            f"Thông tin tài khoản của trường tại {gateway.label(account.provider)} không còn mở được sau một lần "
            "đổi khóa hệ thống; xin nhập lại ở trang Tài khoản ký số của trường."
        ) from None
    return OwnValues(msgspec.json.decode(plain, type=dict[str, str]))


def _key_purpose(tenant_id: uuid.UUID, key_id: uuid.UUID) -> str:
    return f"secret key {tenant_id} {key_id}"


def _purpose(account_id: uuid.UUID) -> str:
    return f"provider account {account_id}"


def _view(row: object, names: Mapping[StaffId, str]) -> AccountView:
    account, key = row.ProviderAccount, row.SecretKey  # type: ignore[attr-defined]
    return AccountView(
        id=AccountId(account.id),
        state=AccountState(account.state),
        added_by_name=names[account.added_by],
        added_at=account.added_at,
        decided_at=account.decided_at,
        key_id=KeyId(key.id),
        key_made_at=key.made_at,
    )
