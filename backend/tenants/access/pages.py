"""Signing in and out."""

from typing import Annotated
from urllib.parse import quote

from litestar import get, post
from litestar.params import FromQuery, QueryParameter, URLEncodedBody

from backend.core import admission, cookies
from backend.core.admission import RouteClass
from backend.core.errors import AppError, Unauthenticated
from backend.core.rate_limit import TooManyTries
from backend.core.web import CurrentActor, Html, Request, Session, local_path, network_of, page, redirect
from backend.tenants.access import service
from backend.tenants.access.schemas import SignInForm
from backend.tenants.guards import public, requires

_TEMPLATE = "tenants/access/sign_in.html"


@get("/dang-nhap", guards=[public()])
async def show_sign_in(
    request: Request,
    tiep: FromQuery[str] = "",
    expired: Annotated[bool, QueryParameter(name="het-han")] = False,
) -> Html:
    """The sign-in form."""
    return page(request, _TEMPLATE, login="", tiep=local_path(tiep), error=None, expired=expired)


@post("/dang-nhap", guards=[public()], opt={admission.OPTION: RouteClass.SIGN_IN})
async def sign_in(request: Request, data: URLEncodedBody[SignInForm]) -> Html:
    """Check the form: on to the page that was asked for, or the form again with one sentence."""
    old_token = cookies.read(request, "session")
    try:
        token = await service.sign_in(data.login, data.password, network_of(request), old_token)
    except (Unauthenticated, TooManyTries) as error:
        return _again(request, data, error)
    answer = redirect(request, await _first_page(token, local_path(data.tiep)))
    answer.cookies.append(cookies.write("session", token))
    return answer


async def _first_page(token: str, wanted: str) -> str:
    """Where the person goes from the sign-in: by way of the choice of a school, where there is a choice."""
    several = len(await service.places_of(token)) > 1
    return f"/chon-truong?tiep={quote(wanted, safe='/')}" if several else wanted


@post("/dang-xuat", guards=[requires()])
async def sign_out(request: Request, session: Session, actor: CurrentActor) -> Html:
    """End the session, here and in the directory."""
    await service.sign_out(session, actor, cookies.read(request, "session"))
    answer = redirect(request, "/dang-nhap", "Đã đăng xuất.")
    answer.cookies.append(cookies.clear("session"))
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def _again(request: Request, data: SignInForm, error: AppError) -> Html:
    locked = isinstance(error, TooManyTries)
    return page(
        request,
        _TEMPLATE,
        status_code=429 if locked else 422,
        login=data.login,
        tiep=local_path(data.tiep),
        error=error.message,
        expired=False,
    )
