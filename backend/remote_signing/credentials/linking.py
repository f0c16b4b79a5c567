"""A provider's user lets us in there, on the provider's own page: what comes back is kept as theirs.

Whose account it is says the provider: only one with a certificate in the name of whoever links it, or of the school, is
kept. Between the two pages everything needed is in `state`, sealed for this person in this session.
"""

import base64
import binascii
from datetime import datetime, timedelta

import msgspec

from backend.core import clock, settings, vault
from backend.core.actor import Actor, SignIn, StaffId
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.accounts.schemas import AccessView, OwnValues
from backend.remote_signing.credentials import inspection, service
from backend.remote_signing.credentials.schemas import Holder
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import Access, AccessEnded, ProviderError
from backend.tenants.permissions import Permission

#: Where the provider's page sends the user back to; registered there.
RETURN_PATH = f"{accounts.LINKS_PATH}/ve"
#: So long somebody may take on the provider's page.
JOURNEY_LASTS = timedelta(minutes=15)
#: For whom an account is linked.
FOR_ME, FOR_SEAL = "toi", "con-dau"
_PURPOSE = "provider access"
_LOST = "Lượt liên kết này đã quá lâu hoặc không thuộc phiên đăng nhập của bạn; xin liên kết lại từ đầu."


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """What is being linked, by whom; `for_seal`: an account of the school's seal."""

    provider: str
    account: str
    for_seal: bool
    staff_id: str
    session_id: str
    until: datetime


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A journey that has come back, and what is needed to see whose account it is."""

    journey: Journey
    holder: Holder
    own: OwnValues


def offered() -> dict[str, str]:
    """Name → what people call it, of every provider whose users must let us in."""
    return {name: label for name, label in gateway.names().items() if gateway.lets_in(name)}


def choices(actor: Actor) -> list[tuple[str, str]]:
    """For whom this person may link: value and words."""
    mine = [(FOR_ME, "Chữ ký của tôi")] if actor.may(Permission.SIGN) else []
    seal = [(FOR_SEAL, "Con dấu số của trường")] if actor.may(Permission.SEAL) else []
    return mine + seal


async def links(session: TenantSession, actor: Actor) -> list[AccessView]:
    """What this person has linked."""
    return await accounts.own_links(session, actor)


async def set_out(
    session: TenantSession, actor: Actor, sign_in: SignIn, provider: str, account: str, *, for_seal: bool
) -> str:
    """The address of the provider's page. Raises Conflict for a provider or account that is none, TooManyTries,
    Forbidden for somebody who does not keep the seal."""
    if provider not in offered():
        raise Conflict("Hệ thống không liên kết với nhà cung cấp này; xin chọn trong danh sách.")
    if not actor.may(Permission.SEAL if for_seal else Permission.SIGN):
        raise Forbidden("Bạn chỉ liên kết được tài khoản của chính mình, hoặc của con dấu do mình giữ.")
    await service.look_up(session, actor, None if for_seal else actor.staff_id, account)
    own = await accounts.values_of(session, provider)
    journey = Journey(
        provider=provider,
        account=account,
        for_seal=for_seal,
        staff_id=str(actor.staff_id),
        session_id=str(sign_in.session_id),
        until=clock.now() + JOURNEY_LASTS,
    )
    try:
        application = gateway.application(provider, account, own.by_field)
    except ProviderError as error:
        raise Conflict(error.message) from error
    return gateway.letting_in(provider).access_url(
        application, redirect_uri=_redirect_uri(), state=_sealed(journey, actor)
    )


async def returned(session: TenantSession, actor: Actor, sign_in: SignIn, state: str) -> Link:
    """The journey that came back. Raises Forbidden for one of another person or session, or of long ago."""
    try:
        sealed = base64.urlsafe_b64decode(state)
    except (ValueError, binascii.Error):
        sealed = b""
    journey = vault.unseal_struct(sealed, f"{_PURPOSE} {actor.tenant_id}", Journey)
    if (
        journey is None
        or journey.until < clock.now()
        or (journey.staff_id, journey.session_id) != (str(actor.staff_id), str(sign_in.session_id))
    ):
        raise Forbidden(_LOST)
    holder = await service.holder_of(session, None if journey.for_seal else actor.staff_id)
    return Link(journey=journey, holder=holder, own=await accounts.values_of(session, journey.provider))


async def exchange(link: Link, code: str) -> Access:
    """What the code is good for, if the account is the holder's. Raises Conflict with what speaks against it."""
    journey = link.journey
    if not code:
        raise Conflict("Bạn chưa đồng ý trên trang của nhà cung cấp nên chưa có liên kết nào.")
    provider, label = gateway.letting_in(journey.provider), gateway.label(journey.provider)
    try:
        application = gateway.application(journey.provider, journey.account, link.own.by_field)
        access = await provider.access_for(application, code, _redirect_uri())
    except AccessEnded as error:
        raise Conflict(f"{label} không nhận mã vừa cấp: mã chỉ có hạn vài giây; xin liên kết lại.") from error
    except ProviderError as error:
        raise Conflict(f"{label} chưa cấp quyền: {error.message}") from error
    values = OwnValues({**link.own.by_field, **access.values})
    found = await inspection.listed(journey.provider, journey.account, link.holder, values)
    if not any(one.is_theirs for one in found):
        raise Conflict(
            f"Tài khoản vừa đăng nhập ở {label} không có chứng thư số mang tên {link.holder.name}; xin đăng nhập đúng "
            "tài khoản rồi liên kết lại."
        )
    return access


async def keep(session: TenantSession, actor: Actor, link: Link, access: Access) -> None:
    """From now on the account's user can be asked."""
    journey = link.journey
    await accounts.keep_access(
        session,
        actor,
        provider=journey.provider,
        account=journey.account,
        holder=None if journey.for_seal else _staff(actor),
        access=access,
    )


def _staff(actor: Actor) -> StaffId:
    assert actor.staff_id is not None
    return actor.staff_id


def _sealed(journey: Journey, actor: Actor) -> str:
    return base64.urlsafe_b64encode(vault.seal_struct(journey, f"{_PURPOSE} {actor.tenant_id}")).decode()


def _redirect_uri() -> str:
    return settings.get().public_url.rstrip("/") + RETURN_PATH
