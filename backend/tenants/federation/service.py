"""Signing in with an account elsewhere, and linking one: by issuer and subject, never by e-mail address.

A provider belongs to one school, and its word opens that school alone. Linking takes somebody who is signed in, has just
proved who they are, and says yes after seeing which account it is.
"""

import logging
import secrets
import uuid
from datetime import timedelta

from backend.core import audit, clock, settings, vault
from backend.core.actor import Actor, Browser, SignIn, machine
from backend.core.audit import Action, Outcome
from backend.core.database import TenantSession, public_session, speak_for, tenant_session
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from backend.core.ids import new_token
from backend.tenants.access import service as access
from backend.tenants.access.schemas import Entered
from backend.tenants.factors.schemas import Factor
from backend.tenants.federation import oidc, queries, rules
from backend.tenants.federation.schemas import (
    Arrival,
    Identity,
    IdentityId,
    Journey,
    Offer,
    Outsider,
    Provider,
    ProviderForm,
    ProviderId,
    ProviderKind,
)

log = logging.getLogger(__name__)

#: For so long a browser may be away, and an account may wait for the yes.
JOURNEY_LASTS = timedelta(minutes=10)

_JOURNEY, _OFFER = "oidc journey", "oidc offer"
_UNKNOWN = "Không tìm thấy cách đăng nhập này; xin hỏi lại nhà trường địa chỉ đăng nhập."
_NOT_LINKED = (
    "Tài khoản này chưa được liên kết với ai ở trường. Xin đăng nhập bằng mật khẩu hoặc khóa truy cập, "
    "rồi liên kết ở trang Tài khoản của tôi."
)
_FOREIGN = "Tài khoản này không thuộc trường; xin chọn tài khoản do trường cấp."
_LOST = "Lần đăng nhập này đã hết hạn hoặc không do trình duyệt này bắt đầu; xin làm lại từ đầu."
_NOT_BELIEVED = "Không xác minh được câu trả lời của nơi đăng nhập; xin làm lại từ đầu."
_SEALED_FOR_GOOD = (
    "Khóa bí mật của {name} không còn mở được sau một lần đổi khóa hệ thống; xin đăng nhập bằng mật khẩu hoặc "
    "khóa truy cập, và nhờ giáo viên phụ trách CNTT của trường gỡ rồi thêm lại {name} ở trang Cách đăng nhập."
)
_SILENT = "Nơi đăng nhập chưa trả lời; xin thử lại sau ít phút hoặc đăng nhập bằng mật khẩu."


def issuers() -> list[str]:
    """Further issuers that the operator of this installation lets schools choose."""
    return settings.get().other_issuers.split()


async def list_providers(session: TenantSession) -> list[Provider]:
    """The school's providers."""
    return await queries.providers(session)


async def add_provider(session: TenantSession, actor: Actor, form: ProviderForm) -> ProviderId:
    """Let the school's people sign in there. Raises Invalid with the field that is wrong."""
    restriction = rules.restriction_of(form.kind, form.restriction)
    if restriction is None:
        what = "tên miền" if form.kind is ProviderKind.GOOGLE else "mã thư mục (tenant ID)"
        raise Invalid(f"{what.capitalize()} của trường chưa đúng ({form.restriction}); xin xem lại.")
    named = {name: getattr(form, name).strip() for name in ("name", "client_id", "client_secret")}
    if not all(0 < len(value) <= rules.LONGEST for value in named.values()):
        raise Invalid("Tên hiển thị, mã ứng dụng và khóa bí mật đều cần có, mỗi mục không quá 200 ký tự.")
    values: dict[str, object] = {
        "kind": form.kind,
        "name": named["name"],
        "issuer": _issuer(form.kind, restriction, form.issuer.strip()),
        "restriction": restriction,
        "client_id": named["client_id"],
        "sealed_secret": vault.seal(named["client_secret"].encode(), _purpose(session.tenant_id)),
        "added_at": clock.now(),
    }
    provider_id = await queries.add_provider(session, values)
    await audit.record(session, actor, Action.PROVIDER_ADDED, provider_id, named["name"], kind=form.kind)
    return provider_id


async def remove_provider(session: TenantSession, actor: Actor, provider_id: uuid.UUID) -> str:
    """Nobody signs in there any more; links stay, for when it comes back. Raises NotFound."""
    name = await queries.remove_provider(session, ProviderId(provider_id))
    if name is None:
        raise NotFound("Không tìm thấy cách đăng nhập này.")
    await audit.record(session, actor, Action.PROVIDER_REMOVED, provider_id, name)
    return name


async def find_provider(key: str) -> Provider:
    """The provider that a browser names in its address. Raises NotFound."""
    try:
        provider_id = ProviderId(uuid.UUID(key))
    except ValueError:
        raise NotFound(_UNKNOWN) from None
    async with public_session() as directory:
        tenant_id = await queries.school_of(directory, provider_id)
    if tenant_id is None:
        raise NotFound(_UNKNOWN)
    async with tenant_session(tenant_id, read_only=True) as session:
        provider = await queries.provider(session, provider_id)
    if provider is None:
        raise NotFound(_UNKNOWN)
    return provider


async def set_out(provider: Provider, back: str, linking: SignIn | None = None) -> tuple[str, bytes]:
    """Where the browser goes, and what it must bring back in its cookie.

    Raises Unavailable, and Conflict rather than let somebody go whom `arrive` could not let in.
    """
    _secret_of(provider)
    journey = Journey(
        provider_id=provider.id,
        state=new_token(),
        nonce=new_token(),
        verifier=secrets.token_urlsafe(48),
        until=clock.now() + JOURNEY_LASTS,
        back=back,
        linking=linking.session_id if linking else None,
    )
    try:
        address = await oidc.address(provider, journey, return_address(provider))
    except (oidc.Silent, oidc.NotBelieved) as problem:
        raise _told(problem, provider) from None
    return address, vault.seal_struct(journey, _JOURNEY)


def journey_of(provider: Provider, sealed: bytes) -> Journey:
    """What a browser brought back. Raises Forbidden when it did not set out from here, or too long ago."""
    journey = vault.unseal_struct(sealed, _JOURNEY, Journey)
    if journey is None or journey.provider_id != provider.id or journey.until < clock.now():
        raise Forbidden(_LOST)
    return journey


async def arrive(provider: Provider, journey: Journey, arrival: Arrival) -> Outsider:
    """Who has come back, believed. Raises Conflict, Forbidden, Unavailable, each with what to do."""
    secret = _secret_of(provider)
    try:
        claims = await oidc.claims_of(provider, secret, journey, arrival, return_address(provider))
    except oidc.Silent as problem:
        raise _told(problem, provider) from None
    except oidc.NotBelieved as problem:
        await _record_refusal(provider)
        raise _told(problem, provider) from None
    if not rules.belongs(provider.kind, provider.restriction, claims):
        await _record_refusal(provider)
        raise Forbidden(_FOREIGN)
    return Outsider(issuer=provider.issuer, subject=str(claims["sub"]), label=rules.label_of(claims))


async def sign_in(provider: Provider, outsider: Outsider, browser: Browser, old_token: str = "") -> Entered:
    """Open a session at the provider's school. Raises Forbidden for an account that is not linked, Unauthenticated."""
    async with public_session() as directory:
        account_id = await queries.account_of(directory, outsider)
    if account_id is None:
        await _record_refusal(provider)
        raise Forbidden(_NOT_LINKED)
    try:
        return await access.enter(
            account_id, browser, Factor.ELSEWHERE, old_token, only_at=provider.tenant_id
        )
    except Unauthenticated:
        await _record_refusal(provider)
        raise


def offer(sign_in: SignIn, journey: Journey, outsider: Outsider) -> bytes:
    """An account that came back to be linked, for the browser to keep until its holder says yes.

    Raises Forbidden when somebody else is signed in than set out.
    """
    if journey.linking != sign_in.session_id:
        raise Forbidden(_LOST)
    until = clock.now() + JOURNEY_LASTS
    made = Offer(session_id=sign_in.session_id, outsider=outsider, until=until)
    return vault.seal_struct(made, _OFFER)


def offered(sign_in: SignIn, sealed: bytes) -> Outsider:
    """The account that waits for this person's yes. Raises Forbidden."""
    found = vault.unseal_struct(sealed, _OFFER, Offer)
    if found is None or found.session_id != sign_in.session_id or found.until < clock.now():
        raise Forbidden(_LOST)
    return found.outsider


async def link(session: TenantSession, actor: Actor, sign_in: SignIn, outsider: Outsider) -> None:
    """From now on that account opens this one. Raises Conflict when it opens somebody's already."""
    await speak_for(session, sign_in.account_id)
    identity_id = await queries.link(session, outsider, clock.now())
    if identity_id is None:
        raise Conflict(
            f"Tài khoản {outsider.label} đã được liên kết; mỗi tài khoản chỉ liên kết với một người."
        )
    await audit.record(
        session, actor, Action.IDENTITY_LINKED, actor.staff_id, actor.name, issuer=outsider.issuer
    )


async def unlink(session: TenantSession, actor: Actor, sign_in: SignIn, identity_id: uuid.UUID) -> str:
    """Take a link away; returns what it was called. Raises NotFound for anybody else's."""
    await speak_for(session, sign_in.account_id)
    label = await queries.unlink(session, IdentityId(identity_id))
    if label is None:
        raise NotFound("Không tìm thấy tài khoản liên kết này.")
    await audit.record(session, actor, Action.IDENTITY_UNLINKED, actor.staff_id, actor.name)
    return label


async def list_identities(session: TenantSession, sign_in: SignIn) -> list[Identity]:
    """The person's linked accounts."""
    await speak_for(session, sign_in.account_id)
    return await queries.identities(session)


def return_address(provider: Provider) -> str:
    """Where this provider sends browsers back; each provider has an address of its own."""
    return f"{door_of(provider)}/ve"


def door_of(provider: Provider) -> str:
    """The address that a school gives its people."""
    return f"{settings.get().public_url}/dang-nhap/oidc/{provider.id}"


def _issuer(kind: ProviderKind, restriction: str, chosen: str) -> str:
    known = settings.get()
    match kind:
        case ProviderKind.GOOGLE:
            return known.google_issuer
        case ProviderKind.ENTRA:
            return known.entra_issuer.format(tid=restriction)
        case ProviderKind.OTHER:
            if chosen not in issuers():
                raise Invalid(
                    "Nhà cung cấp này chưa được đơn vị vận hành cho phép; xin chọn trong danh sách."
                )
            return chosen


def _told(problem: Exception, provider: Provider) -> Forbidden | Unavailable:
    log.warning("sign-in elsewhere refused: %s", problem, extra={"tenant_id": provider.tenant_id})
    return Unavailable(_SILENT) if isinstance(problem, oidc.Silent) else Forbidden(_NOT_BELIEVED)


async def _record_refusal(provider: Provider) -> None:
    """In the audit of the provider's school: whose account it was said to be is not known, or not believed."""
    async with tenant_session(provider.tenant_id) as session:
        await audit.record(
            session,
            machine(provider.tenant_id),
            Action.SIGN_IN_REFUSED,
            provider.id,
            provider.name,
            outcome=Outcome.REFUSED,
            factor=Factor.ELSEWHERE,
        )


def _secret_of(provider: Provider) -> str:
    try:
        return vault.unseal(provider.sealed_secret, _purpose(provider.tenant_id)).decode()
    except vault.Unsealable:
        raise Conflict(_SEALED_FOR_GOOD.format(name=provider.name)) from None


def _purpose(tenant_id: uuid.UUID) -> str:
    return f"oidc client secret {tenant_id}"
