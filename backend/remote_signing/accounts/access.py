"""What the users of providers have left us by letting us in there: one refresh token each, closed like the school's own.

It signs nothing: the user still agrees to each list. Whoever gave it takes it back at any time; what is over, for
whatever reason, keeps no secret.
"""

import uuid
from collections.abc import Mapping, Sequence

import msgspec

from backend.core import audit, clock, vault
from backend.core.actor import Actor, StaffId, machine
from backend.core.audit import Action, Outcome
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.remote_signing.accounts import queries, rules, sealing
from backend.remote_signing.accounts.models import ProviderAccess
from backend.remote_signing.accounts.schemas import (
    AccessId,
    AccessState,
    AccessView,
    Closed,
    KeyId,
    OwnValues,
)
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import Access
from backend.tenants.permissions import Permission

#: Where a user lets us in; what comes of it is told with this address.
LINKS_PATH = "/chung-thu/lien-ket"


async def keep_access(
    session: TenantSession,
    actor: Actor,
    *,
    provider: str,
    account: str,
    holder: StaffId | None,
    access: Access,
) -> AccessId:
    """What a user has left, in place of what they left before; `holder` None: for the school's seal."""
    await session.hold("provider-accounts")
    known = await queries.live_access(session, provider, account, holder)
    if known is not None:
        await _end(session, known.id, AccessState.REPLACED)
    access_id, now = AccessId(new_id()), clock.now()
    closed = await sealing.close(session, msgspec.json.encode(access.values), _purpose(access_id))
    await queries.insert_access(
        session,
        {
            "id": access_id,
            "provider": provider,
            "account": account,
            "holder_id": holder,
            "given_by": actor.staff_id,
            "state": AccessState.ACTIVE,
            "key_id": closed.key_id,
            "sealed_values": closed.content,
            "given_at": now,
            "ends_at": now + access.lasts,
        },
    )
    label = gateway.label(provider)
    await audit.record(session, actor, Action.PROVIDER_ACCESS_GIVEN, access_id, label, account=account)
    return access_id


async def take_access_back(session: TenantSession, actor: Actor, access_id: uuid.UUID) -> AccessView:
    """Whoever gave it, or keeps the seal that it is for, gives it no more. Raises NotFound, also for another's."""
    await session.hold("provider-accounts")
    row = await queries.access(session, access_id)
    if row is None or row.state != AccessState.ACTIVE or not _concerns(actor, row):
        raise NotFound("Không tìm thấy liên kết này.")
    await _end(session, row.id, AccessState.TAKEN_BACK)
    label = gateway.label(row.provider)
    await audit.record(session, actor, Action.PROVIDER_ACCESS_ENDED, row.id, label, account=row.account)
    return _view(row)


async def access_refused(session: TenantSession, own: OwnValues) -> None:
    """The service takes what was used for a call no more; what was left since is untouched. Safe to repeat."""
    await session.hold("provider-accounts")
    row = await queries.access(session, own.access_id) if own.access_id else None
    if row is None or row.state != AccessState.ACTIVE:
        return
    await _end(session, row.id, AccessState.REFUSED)
    await audit.record(
        session,
        machine(session.tenant_id),
        Action.PROVIDER_ACCESS_ENDED,
        row.id,
        gateway.label(row.provider),
        outcome=Outcome.REFUSED,
        about=[row.holder_id] if row.holder_id else (),
        account=row.account,
    )


async def own_links(session: TenantSession, actor: Actor) -> list[AccessView]:
    """What this person has left for themselves, and for the seal that they keep: the newest of each account."""
    found: dict[tuple[str, str, uuid.UUID | None], AccessView] = {}
    for row in await queries.accesses(session):
        if _concerns(actor, row):
            found.setdefault((row.provider, row.account, row.holder_id), _view(row))
    return list(found.values())


async def link_warnings(session: TenantSession, actor: Actor) -> tuple[str, ...]:
    """What is to be done about links of this person that end soon or are over."""
    now = clock.now()
    told = (rules.access_warning(one, now) for one in await own_links(session, actor))
    return tuple(one for one in told if one)


async def left_by(session: TenantSession, provider: str, account: str, holder: StaffId | None) -> OwnValues:
    """What the holder of an account has left; nothing where they have not, or it is over. What another one has left under
    the same name is theirs.

    Raises Conflict when it cannot be opened any more.
    """
    row = await queries.live_access(session, provider, account, holder)
    if row is None or row.ends_at <= clock.now():
        return OwnValues()
    return OwnValues(await _opened(session, row), AccessId(row.id))


def asks_users(provider: str) -> bool:
    """Whether it is there, and asks nothing of users who have not let us in."""
    return provider in gateway.names() and gateway.lets_in(provider)


async def require_access(session: TenantSession, provider: str, account: str, holder: StaffId | None) -> None:
    """Before a list is agreed to: its signer can be asked. Raises Conflict with what they do."""
    if asks_users(provider) and not (await left_by(session, provider, account, holder)).by_field:
        raise Conflict(
            f"Tài khoản {account} tại {gateway.label(provider)} chưa cho phép hệ thống gửi yêu cầu ký, hoặc quyền đã hết "
            f"hạn; xin mở mục Chứng thư số, trang Liên kết tài khoản ký số ({LINKS_PATH}) để cấp quyền rồi ký."
        )


async def opened(session: TenantSession) -> list[tuple[AccessId, Mapping[str, str]]]:
    """Everything that is kept of users, to be closed anew. Raises Conflict."""
    live = [row for row in await queries.accesses(session) if row.state == AccessState.ACTIVE]
    return [(AccessId(row.id), await _opened(session, row)) for row in live]


async def close_anew(session: TenantSession, left: Sequence[tuple[AccessId, Mapping[str, str]]]) -> None:
    """Close it under the school's newest key."""
    for access_id, values in left:
        closed = await sealing.close(session, msgspec.json.encode(values), _purpose(access_id))
        changed = {"key_id": closed.key_id, "sealed_values": closed.content}
        await queries.update_access(session, access_id, changed)


async def _opened(session: TenantSession, row: ProviderAccess) -> Mapping[str, str]:
    closed = Closed(KeyId(row.key_id), row.sealed_values)
    try:
        plain = await sealing.open_closed(session, closed, _purpose(row.id))
    except vault.Unsealable:
        raise Conflict(
            f"Liên kết của tài khoản {row.account} tại {gateway.label(row.provider)} không còn mở được sau một lần đổi "
            "khóa hệ thống; chủ tài khoản cần liên kết lại."
        ) from None
    return msgspec.json.decode(plain, type=dict[str, str])


async def _end(session: TenantSession, access_id: uuid.UUID, state: AccessState) -> None:
    values = {"state": state, "sealed_values": b"", "ended_at": clock.now()}
    await queries.update_access(session, access_id, values)


def _concerns(actor: Actor, row: ProviderAccess) -> bool:
    if row.holder_id is None:
        return actor.may(Permission.SEAL)
    return row.holder_id == actor.staff_id


def _purpose(access_id: uuid.UUID) -> str:
    return f"provider access {access_id}"


def _view(row: ProviderAccess) -> AccessView:
    return AccessView(
        id=AccessId(row.id),
        provider=row.provider,
        provider_name=gateway.label(row.provider),
        account=row.account,
        is_seal=row.holder_id is None,
        is_live=row.state == AccessState.ACTIVE and row.ends_at > clock.now(),
        state=AccessState(row.state),
        given_at=row.given_at.astimezone(clock.VIETNAM),
        ends_at=row.ends_at.astimezone(clock.VIETNAM),
    )
