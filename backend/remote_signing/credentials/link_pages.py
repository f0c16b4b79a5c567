"""One's own accounts at providers whose users let us in, in the browser: linked, renewed, taken back."""

import uuid
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody

from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict
from backend.core.rate_limit import TooManyTries
from backend.core.web import (
    CurrentActor,
    CurrentSignIn,
    Html,
    Request,
    Session,
    page,
    redirect,
    transaction,
    without_transaction,
)
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.credentials import linking
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_ALL = accounts.LINKS_PATH
_SIGNERS = requires(Permission.SIGN, Permission.SEAL)


class LinkForm(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a provider; `cho` says for whom (`linking.choices`)."""

    nha_cung_cap: str = ""
    tai_khoan: str = ""
    cho: str = linking.FOR_ME
    csrf_token: str = ""


class ReturnForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider's page brought back; no code: its user did not agree."""

    state: str
    code: str = ""

    def __repr__(self) -> str:
        return "ReturnForm()"


@get(_ALL, guards=[_SIGNERS])
async def show_links(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What this person has linked, and how to link more."""
    return await _shown(request, session, actor)


@post(_ALL, guards=[_SIGNERS, step_up(_ALL)], status_code=200)
async def set_out(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    data: URLEncodedBody[LinkForm],
) -> Html:
    """The way to the provider's page, as a link: a form may not lead there (Content Security Policy)."""
    account, for_seal = data.tai_khoan.strip(), data.cho == linking.FOR_SEAL
    try:
        address = await linking.set_out(
            session, actor, sign_in, data.nha_cung_cap, account, for_seal=for_seal
        )
    except (Conflict, TooManyTries) as error:
        return await _shown(request, session, actor, data, error)
    return page(
        request,
        "remote_signing/credentials/link_out.html",
        address=address,
        account=account,
        provider_name=linking.offered()[data.nha_cung_cap],
    )


@get(linking.RETURN_PATH, guards=[_SIGNERS])
async def come_back(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    sent_state: Annotated[str, QueryParameter(name="state")] = "",
    code: FromQuery[str] = "",
) -> Html:
    """Back from the provider's page. Reading changes nothing: what was brought is sent on by a form, at once."""
    await linking.returned(session, actor, sign_in, sent_state)
    return page(request, "remote_signing/credentials/link_back.html", state=sent_state, code=code)


@post(linking.RETURN_PATH, guards=[_SIGNERS, without_transaction])
async def accept_return(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, data: URLEncodedBody[ReturnForm]
) -> Html:
    """Keep what the provider's user has left us."""
    async with transaction(request) as session:
        link = await linking.returned(session, actor, sign_in, data.state)
    try:
        access = await linking.exchange(link, data.code)
        async with transaction(request) as session:
            await linking.keep(session, actor, link, access)
    except Conflict as error:
        async with transaction(request) as session:
            return await _shown(request, session, actor, error=error)
    told = f"Đã liên kết tài khoản {link.journey.account}; mỗi lần ký bạn vẫn xác nhận trên ứng dụng của nhà cung cấp."
    return redirect(request, _ALL, told)


@post(f"{_ALL}/{{access_id:uuid}}/ngung", guards=[_SIGNERS])
async def take_back(
    request: Request, session: Session, actor: CurrentActor, access_id: FromPath[uuid.UUID]
) -> Html:
    """Let us in no more."""
    link = await accounts.take_access_back(session, actor, access_id)
    told = (
        f"Đã ngừng liên kết tài khoản {link.account}. Muốn chắc chắn, xin thu hồi quyền của ứng dụng cả ở trang của "
        f"{link.provider_name}."
    )
    return redirect(request, _ALL, told)


async def _shown(
    request: Request,
    session: TenantSession,
    actor: Actor,
    data: LinkForm | None = None,
    error: AppError | None = None,
) -> Html:
    return page(
        request,
        "remote_signing/credentials/links.html",
        status_code=error.status if error else 200,
        links=await linking.links(session, actor),
        providers=linking.offered(),
        choices=linking.choices(actor),
        form_data=data or LinkForm(),
        error=error.message if error else None,
    )
