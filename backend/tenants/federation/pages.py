"""Signing in with an account elsewhere; linking one at /tai-khoan/lien-ket; the school's providers at /cai-dat/dang-nhap.

The way back from a provider is a GET by the protocol. What it brings is bound to the browser by a sealed cookie, and it
opens a session or nothing: no row of a school changes.
"""

import base64
import binascii
import uuid
from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody

from backend.core import admission, cookies
from backend.core.admission import RouteClass
from backend.core.browsers import browser_of
from backend.core.errors import AppError, Invalid
from backend.core.web import (
    CurrentActor,
    CurrentSignIn,
    Html,
    Request,
    Session,
    local_path,
    page,
    provide_sign_in,
    redirect,
    with_session,
    without_transaction,
)
from backend.tenants.federation import service
from backend.tenants.federation.schemas import KIND_NAMES, Arrival, ProviderForm
from backend.tenants.guards import authenticate, public, requires, step_up
from backend.tenants.permissions import Permission

_LINKS = "/tai-khoan/lien-ket"
_CONFIRM = f"{_LINKS}/xac-nhan"
_SETTINGS = "/cai-dat/dang-nhap"
_SIGNS_IN = {admission.OPTION: RouteClass.SIGN_IN}
_MANAGES = requires(Permission.PROVIDERS_MANAGE)


@get("/dang-nhap/oidc/{key:str}", guards=[public()], opt=_SIGNS_IN)
async def show_provider(request: Request, key: FromPath[str], tiep: FromQuery[str] = "") -> Html:
    """The school's own door: its provider, and the way past it."""
    provider = await service.find_provider(key)
    return page(request, "tenants/federation/door.html", provider=provider, tiep=local_path(tiep), error=None)


@get("/dang-nhap/oidc/{key:str}/di", guards=[public()], opt=_SIGNS_IN)
async def set_out(request: Request, key: FromPath[str], tiep: FromQuery[str] = "") -> Html:
    """Off to the provider."""
    provider = await service.find_provider(key)
    address, sealed = await service.set_out(provider, local_path(tiep))
    return _keeping(redirect(request, address), sealed)


@get("/dang-nhap/oidc/{key:str}/ve", guards=[public()], opt=_SIGNS_IN)
async def come_back(
    request: Request,
    key: FromPath[str],
    sent_state: Annotated[str, QueryParameter(name="state")] = "",
    code: FromQuery[str] = "",
    issuer: Annotated[str, QueryParameter(name="iss")] = "",
    error: FromQuery[str] = "",
) -> Html:
    """Back from the provider: in, or to the question whether to link; else the door again with one sentence."""
    provider = await service.find_provider(key)
    arrival = Arrival(state=sent_state, code=code, issuer=issuer, error=error)
    try:
        journey = service.journey_of(provider, _kept(request))
        outsider = await service.arrive(provider, journey, arrival)
        if journey.linking is not None:
            await authenticate(request)
            sign_in = await provide_sign_in(request)
            return _keeping(redirect(request, _CONFIRM), service.offer(sign_in, journey, outsider))
        entered = await service.sign_in(
            provider, outsider, browser_of(request), cookies.read(request, "session")
        )
    except AppError as problem:
        answer = page(
            request,
            "tenants/federation/door.html",
            status_code=problem.status,
            provider=provider,
            tiep="/",
            error=problem.message,
        )
        return _forgetting(answer)
    back = redirect(request, journey.back, entered.news, "warn")
    return _forgetting(with_session(back, entered.token, entered.known))


@get(_LINKS, guards=[requires()])
async def show_links(request: Request, session: Session, sign_in: CurrentSignIn) -> Html:
    """The person's linked accounts, and where more can come from."""
    return page(
        request,
        "tenants/federation/links.html",
        identities=await service.list_identities(session, sign_in),
        providers=await service.list_providers(session),
    )


@get(
    "/tai-khoan/lien-ket/{key:str}/di",
    guards=[requires(), step_up(_LINKS, for_factors=True), without_transaction],
)
async def set_out_to_link(request: Request, sign_in: CurrentSignIn, key: FromPath[str]) -> Html:
    """Off to the provider, to come back with an account to link."""
    provider = await service.find_provider(key)
    address, sealed = await service.set_out(provider, _LINKS, linking=sign_in)
    return _keeping(redirect(request, address), sealed)


@get(_CONFIRM, guards=[requires(), step_up(for_factors=True)])
async def show_offer(request: Request, sign_in: CurrentSignIn) -> Html:
    """Which account has come back, and whether to link it."""
    outsider = service.offered(sign_in, _kept(request))
    return page(request, "tenants/federation/confirm.html", outsider=outsider)


@post(_LINKS, guards=[requires(), step_up(_CONFIRM, for_factors=True)])
async def link(request: Request, session: Session, actor: CurrentActor, sign_in: CurrentSignIn) -> Html:
    """Yes."""
    outsider = service.offered(sign_in, _kept(request))
    await service.link(session, actor, sign_in, outsider)
    return _forgetting(redirect(request, _LINKS, f"Đã liên kết {outsider.label}."))


@post("/tai-khoan/lien-ket/{identity_id:uuid}/go", guards=[requires(), step_up(_LINKS, for_factors=True)])
async def unlink(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    identity_id: FromPath[uuid.UUID],
) -> Html:
    """Take a link away."""
    label = await service.unlink(session, actor, sign_in, identity_id)
    return redirect(request, _LINKS, f"Đã gỡ liên kết {label}.")


@get(_SETTINGS, guards=[_MANAGES])
async def show_providers(request: Request, session: Session) -> Html:
    """Where the school's people may sign in."""
    providers = await service.list_providers(session)
    return page(
        request,
        "tenants/federation/providers.html",
        providers=[(one, service.door_of(one), service.return_address(one)) for one in providers],
        kind_names=KIND_NAMES,
    )


@get(f"{_SETTINGS}/moi", guards=[_MANAGES, step_up()])
async def show_new_provider(request: Request) -> Html:
    """The form for one more."""
    return _form(request, ProviderForm())


@post(_SETTINGS, guards=[_MANAGES, step_up(f"{_SETTINGS}/moi")])
async def add_provider(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[ProviderForm]
) -> Html:
    """One more."""
    try:
        await service.add_provider(session, actor, data)
    except Invalid as error:
        return _form(request, data, error)
    return redirect(request, _SETTINGS, f"Đã thêm {data.name}. Xin khai địa chỉ quay về ở nhà cung cấp.")


@post("/cai-dat/dang-nhap/{provider_id:uuid}/go", guards=[_MANAGES, step_up(_SETTINGS)])
async def remove_provider(
    request: Request, session: Session, actor: CurrentActor, provider_id: FromPath[uuid.UUID]
) -> Html:
    """One less."""
    name = await service.remove_provider(session, actor, provider_id)
    return redirect(request, _SETTINGS, f"Đã gỡ {name}; không ai đăng nhập bằng cách này được nữa.")


def _form(request: Request, data: ProviderForm, error: AppError | None = None) -> Html:
    return page(
        request,
        "tenants/federation/provider.html",
        status_code=error.status if error else 200,
        form_data=data,
        kind_names=KIND_NAMES,
        issuers=[("", "—"), *((one, one) for one in service.issuers())],
        error=error.message if error else None,
    )


def _keeping(answer: Html, sealed: bytes) -> Html:
    seconds = int(service.JOURNEY_LASTS.total_seconds())
    value = base64.urlsafe_b64encode(sealed).decode()
    answer.cookies.append(cookies.write("elsewhere", value, max_age=seconds))
    return answer


def _forgetting(answer: Html) -> Html:
    answer.cookies.append(cookies.clear("elsewhere"))
    return answer


def _kept(request: Request) -> bytes:
    try:
        return base64.urlsafe_b64decode(cookies.read(request, "elsewhere"))
    except (binascii.Error, ValueError):
        return b""
