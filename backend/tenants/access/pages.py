"""Signing in, proving once more who one is, and signing out."""

from typing import Annotated
from urllib.parse import quote

from litestar import Response, get, post
from litestar.params import FromQuery, QueryParameter, URLEncodedBody

from backend.core import admission, cookies
from backend.core.admission import RouteClass
from backend.core.browsers import browser_of
from backend.core.errors import AppError, Conflict, Unauthenticated
from backend.core.rate_limit import TooManyTries
from backend.core.web import (
    CurrentActor,
    CurrentSignIn,
    Html,
    Request,
    Session,
    local_path,
    page,
    redirect,
    session_renewed,
    transaction,
    with_session,
    without_transaction,
)
from backend.tenants.access import entry, service
from backend.tenants.access.schemas import (
    CodeForm,
    CodeWanted,
    Entered,
    PasskeyForm,
    QuestionForm,
    SignInForm,
    VerifyForm,
)
from backend.tenants.factors.service import Unproven
from backend.tenants.guards import public, requires

_SIGN_IN = "tenants/access/sign_in.html"
_CODE = "tenants/access/code.html"
_VERIFY = "tenants/access/verify.html"


@get("/dang-nhap", guards=[public()])
async def show_sign_in(
    request: Request,
    tiep: FromQuery[str] = "",
    expired: Annotated[bool, QueryParameter(name="het-han")] = False,
) -> Html:
    """The sign-in form."""
    return page(request, _SIGN_IN, login="", tiep=local_path(tiep), error=None, expired=expired)


@post("/dang-nhap", guards=[public()], opt={admission.OPTION: RouteClass.SIGN_IN})
async def sign_in(request: Request, data: URLEncodedBody[SignInForm]) -> Html:
    """Check the form: on to the page that was asked for, to the code, or the form again with one sentence."""
    try:
        entered = await entry.sign_in(data.login, data.password, browser_of(request), _old_token(request))
    except (Unauthenticated, TooManyTries) as error:
        return _again(request, data, error)
    if isinstance(entered, CodeWanted):
        return page(request, _CODE, ticket=entered.ticket, tiep=local_path(data.tiep), error=None)
    return _in(request, entered, data.tiep)


@post("/dang-nhap/ma", guards=[public()], opt={admission.OPTION: RouteClass.SIGN_IN})
async def sign_in_with_code(request: Request, data: URLEncodedBody[CodeForm]) -> Html:
    """The code after the password."""
    try:
        entered = await entry.sign_in_with_code(
            data.ticket, data.code, browser_of(request), _old_token(request)
        )
    except entry.WrongCode as error:
        tiep = local_path(data.tiep)
        return page(request, _CODE, status_code=422, ticket=error.ticket, tiep=tiep, error=error.message)
    except (Unauthenticated, TooManyTries) as error:
        return _again(request, SignInForm(tiep=data.tiep), error)
    return _in(request, entered, data.tiep)


@post("/dang-nhap/khoa/cau-hoi", guards=[public()], opt={admission.OPTION: RouteClass.SIGN_IN})
async def ask_passkey(request: Request) -> Response[bytes]:
    """What a browser's passkey is to answer, as JSON for `navigator.credentials.get`."""
    return _json(await entry.passkey_question(browser_of(request)))


@post("/dang-nhap/khoa", guards=[public()], opt={admission.OPTION: RouteClass.SIGN_IN})
async def sign_in_with_passkey(request: Request, data: URLEncodedBody[PasskeyForm]) -> Html:
    """The answer of a passkey: it says who asks, and that it is they."""
    try:
        entered = await entry.sign_in_with_passkey(data.passkey, browser_of(request), _old_token(request))
    except (Unauthenticated, Unproven, TooManyTries) as error:
        return _again(request, SignInForm(tiep=data.tiep), error)
    return _in(request, entered, data.tiep)


@get("/xac-minh", guards=[requires()])
async def show_verify(
    request: Request,
    session: Session,
    sign_in: CurrentSignIn,
    tiep: FromQuery[str] = "",
    for_factors: Annotated[bool, QueryParameter(name="yeu-to")] = False,
) -> Html:
    """The form to prove once more who one is, before a deed that needs it."""
    wanted = await service.wanted(session, sign_in, for_factors=for_factors)
    return page(request, _VERIFY, wanted=wanted, tiep=local_path(tiep), for_factors=for_factors, error=None)


@post("/xac-minh", guards=[requires(), without_transaction])
async def verify(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, data: URLEncodedBody[VerifyForm]
) -> Html:
    """Back to where the person was, with a session that says what they have just proved."""
    for_factors = data.yeu_to == "1"
    try:
        _, token = await service.verify(actor, sign_in, data.proof, for_factors=for_factors)
        session_renewed(request, token)
    except (Unproven, TooManyTries, Conflict) as error:
        async with transaction(request) as session:
            wanted = await service.wanted(session, sign_in, for_factors=for_factors)
        return page(
            request,
            _VERIFY,
            status_code=error.status,
            wanted=wanted,
            tiep=local_path(data.tiep),
            for_factors=for_factors,
            error=error.message,
        )
    return redirect(request, local_path(data.tiep))


@post("/xac-minh/cau-hoi", guards=[requires(), without_transaction])
async def ask_own_passkey(sign_in: CurrentSignIn, data: URLEncodedBody[QuestionForm]) -> Response[bytes]:
    """What the person's own passkey is to answer, about the deed that the form describes."""
    return _json(await service.passkey_question(sign_in, data.statement))


@post("/dang-xuat", guards=[requires()])
async def sign_out(request: Request, session: Session, actor: CurrentActor) -> Html:
    """End the session, here and in the directory."""
    await service.sign_out(session, actor, cookies.read(request, "session"))
    answer = redirect(request, "/dang-nhap", "Đã đăng xuất.")
    answer.cookies.append(cookies.clear("session"))
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def _in(request: Request, entered: Entered, tiep: str) -> Html:
    wanted = local_path(tiep)
    first = f"/chon-truong?tiep={quote(wanted, safe='/')}" if entered.has_choice else wanted
    return with_session(redirect(request, first, entered.news, "warn"), entered.token, entered.known)


def _again(request: Request, data: SignInForm, error: AppError) -> Html:
    locked = isinstance(error, TooManyTries)
    return page(
        request,
        _SIGN_IN,
        status_code=429 if locked else 422,
        login=data.login,
        tiep=local_path(data.tiep),
        error=error.message,
        expired=False,
    )


def _old_token(request: Request) -> str:
    return cookies.read(request, "session")


def _json(text: str) -> Response[bytes]:
    return Response(text.encode(), status_code=200, media_type="application/json")
