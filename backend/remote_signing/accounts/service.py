"""A school's own accounts at providers: written once, shown to nobody, changed by two people.

Envelope encryption: values are closed under a key of the school, which is closed under the product's. Each is bound to
its school and its place, so it opens nowhere else. Values are opened inside the transaction that reads them, for the
call that follows, and stand in no job, log or record.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from backend.core import audit, clock, outbox, vault
from backend.core.actor import Actor, SignIn, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.remote_signing.accounts import access, notice_addresses, queries, rules, sealing
from backend.remote_signing.accounts.access import LINKS_PATH as LINKS_PATH
from backend.remote_signing.accounts.access import access_refused as access_refused
from backend.remote_signing.accounts.access import keep_access as keep_access
from backend.remote_signing.accounts.access import link_warnings as link_warnings
from backend.remote_signing.accounts.access import own_links as own_links
from backend.remote_signing.accounts.access import require_access as require_access
from backend.remote_signing.accounts.access import take_access_back as take_access_back
from backend.remote_signing.accounts.events import SecretKeyRotated
from backend.remote_signing.accounts.models import ProviderAccount
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
from backend.remote_signing.accounts.sealing import close as close
from backend.remote_signing.accounts.sealing import open_closed as open_closed
from backend.remote_signing.providers import gateway, port
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import ApprovalRequest, Facts, Kind
from backend.tenants.people import service as people

_GONE = "Đề nghị này không còn thông tin tài khoản đi kèm; xin từ chối để nhà trường nhập lại."


async def values_of(
    session: TenantSession, provider: str, account: str = "", holder: StaffId | None = None
) -> OwnValues:
    """What the school filled in for a provider, and what the holder of an account has left there (None: for the seal);
    nothing where ours serves all schools, or nothing was filled in or left.

    Raises Conflict when it cannot be opened any more.
    """
    values = await _of_school(session, provider)
    if not account or not access.asks_users(provider):
        return values
    left = await access.left_by(session, provider, account, holder)
    return OwnValues({**values.by_field, **left.by_field}, left.access_id)


async def _of_school(session: TenantSession, provider: str) -> OwnValues:
    if not _fields(provider):
        return OwnValues()
    found = [
        row.ProviderAccount
        for row in await queries.accounts(session, provider)
        if row.ProviderAccount.state == AccountState.ACTIVE
    ]
    return await _open(session, found[0]) if found else OwnValues()


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
    account_id = AccountId(new_id())
    facts = {"provider": provider, "account": str(account_id)}
    told = rules.described(fields, values, label)
    request = await approvals.ask(session, actor, sign_in, Kind.PROVIDER_ACCOUNT, told, facts, reason)
    await queries.insert_account(
        session,
        {
            "id": account_id,
            "provider": provider,
            "state": AccountState.PROPOSED,
            **await _closed(session, account_id, values),
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


async def rotate(session: TenantSession, actor: Actor) -> int:
    """Make a new key for the school and close everything under it; counts what was closed anew.

    Raises Conflict when something cannot be opened any more: then nothing changes.
    """
    await session.hold("provider-accounts")
    opened = [
        (row.ProviderAccount.id, await _open(session, row.ProviderAccount))
        for row in await queries.accounts(session)
    ]
    left = await access.opened(session)
    key_id = await sealing.make_key(session)
    for account_id, values in opened:
        await queries.update_account(session, account_id, await _closed(session, account_id, values))
    await access.close_anew(session, left)
    count = len(opened) + len(left)
    await audit.record(session, actor, Action.SECRET_KEY_ROTATED, key_id, "", count=count)
    await outbox.emit(session, SecretKeyRotated(key_id))
    return count


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


async def _closed(session: TenantSession, account_id: uuid.UUID, values: OwnValues) -> dict[str, Any]:
    """Both columns of a row that say what is closed, and by which key."""
    closed = await sealing.close(session, msgspec.json.encode(values.by_field), _purpose(account_id))
    return {"key_id": closed.key_id, "sealed_values": closed.content}


async def _open(session: TenantSession, account: ProviderAccount) -> OwnValues:
    closed = Closed(KeyId(account.key_id), account.sealed_values)
    try:
        plain = await sealing.open_closed(session, closed, _purpose(account.id))
    except vault.Unsealable:
        raise Conflict(
            f"Thông tin tài khoản của trường tại {gateway.label(account.provider)} không còn mở được sau một lần "
            "đổi khóa hệ thống; xin nhập lại ở trang Tài khoản ký số của trường."
        ) from None
    return OwnValues(msgspec.json.decode(plain, type=dict[str, str]))


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
