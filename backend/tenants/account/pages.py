"""/tai-khoan: a person's own ways to sign in, password and sessions; and giving somebody their account back."""

import uuid

from litestar import Response, get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core import admission
from backend.core.admission import RouteClass
from backend.core.errors import Invalid
from backend.core.rate_limit import TooManyTries
from backend.core.web import (
    CurrentActor,
    CurrentSignIn,
    Html,
    Request,
    Session,
    network_of,
    page,
    redirect,
    with_session,
)
from backend.tenants.access import service as access
from backend.tenants.account import recovery, service
from backend.tenants.account.schemas import FirstCodeForm, NewPasskeyForm, NewPasswordForm, PasswordForm
from backend.tenants.factors.schemas import FACTOR_NAMES
from backend.tenants.guards import public, requires, step_up
from backend.tenants.permissions import Permission

_HOME = "/tai-khoan"
_KEYS = f"{_HOME}/khoa"
_APP = f"{_HOME}/ung-dung"
_PASSWORD = f"{_HOME}/mat-khau"
_RESETS = "/cai-dat/dat-lai"


@get(_HOME, guards=[requires()])
async def show_account(request: Request, session: Session, sign_in: CurrentSignIn) -> Html:
    """What the person has, and where they are signed in."""
    return page(
        request,
        "tenants/account/account.html",
        account=await service.overview(session, sign_in),
        here=sign_in.session_id,
        factor_names=FACTOR_NAMES,
    )


@post(f"{_HOME}/da-xem", guards=[requires(), step_up(_HOME, for_factors=True)])
async def see_news(request: Request, session: Session, sign_in: CurrentSignIn) -> Html:
    """The person has seen what became of their account."""
    await access.see_news(session, sign_in)
    return redirect(request, _HOME, "Đã ghi nhận bạn đã xem các việc của tài khoản.")


@get(_KEYS, guards=[requires(), step_up(for_factors=True)])
async def show_new_passkey(request: Request) -> Html:
    """The form that makes a passkey."""
    return page(request, "tenants/account/passkey.html", name="", error=None)


@post(f"{_KEYS}/cau-hoi", guards=[requires(), step_up(_KEYS, for_factors=True)])
async def ask_new_passkey(session: Session, actor: CurrentActor, sign_in: CurrentSignIn) -> Response[bytes]:
    """What the browser is to make, as JSON for `navigator.credentials.create`."""
    question = await service.question_for_new_passkey(session, actor, sign_in)
    return Response(question.encode(), status_code=200, media_type="application/json")


@post(_KEYS, guards=[requires(), step_up(_KEYS, for_factors=True)])
async def add_passkey(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    data: URLEncodedBody[NewPasskeyForm],
) -> Html:
    """Keep it."""
    try:
        token = await service.add_passkey(session, actor, sign_in, data.passkey, data.name)
    except Invalid as error:
        template = "tenants/account/passkey.html"
        return page(request, template, status_code=422, name=data.name, error=error.message)
    return with_session(redirect(request, _HOME, "Đã thêm khóa truy cập."), token)


@post("/tai-khoan/khoa/{passkey_id:uuid}/go", guards=[requires(), step_up(_HOME, for_factors=True)])
async def remove_passkey(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    passkey_id: FromPath[uuid.UUID],
) -> Html:
    """Forget one."""
    name = await service.remove_passkey(session, actor, sign_in, passkey_id)
    return redirect(request, _HOME, f"Đã gỡ khóa truy cập {name}.")


@post(f"{_APP}/bat-dau", guards=[requires(), step_up(_HOME, for_factors=True)])
async def start_app(request: Request, session: Session, sign_in: CurrentSignIn) -> Html:
    """Begin to set up a code app."""
    await service.start_app(session, sign_in)
    return redirect(request, _APP)


@get(_APP, guards=[requires(), step_up(for_factors=True)])
async def show_app(request: Request, session: Session, sign_in: CurrentSignIn) -> Html:
    """The picture for the app's camera, and the field for its first code."""
    app = await service.waiting_app(session, sign_in)
    return page(request, "tenants/account/app.html", app=app, error=None)


@post(_APP, guards=[requires(), step_up(_APP, for_factors=True)])
async def confirm_app(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    data: URLEncodedBody[FirstCodeForm],
) -> Html:
    """The first code takes the app into use."""
    try:
        token = await service.confirm_app(session, actor, sign_in, data.code)
    except (Invalid, TooManyTries) as error:
        app = await service.waiting_app(session, sign_in)
        template = "tenants/account/app.html"
        return page(request, template, status_code=error.status, app=app, error=error.message)
    return with_session(redirect(request, _HOME, "Đã bật ứng dụng tạo mã."), token)


@post(f"{_APP}/tat", guards=[requires(), step_up(_HOME, for_factors=True)])
async def remove_app(request: Request, session: Session, actor: CurrentActor, sign_in: CurrentSignIn) -> Html:
    """Forget the code app."""
    await service.remove_app(session, actor, sign_in)
    return redirect(request, _HOME, "Đã tắt ứng dụng tạo mã.")


@post(f"{_HOME}/ma-khoi-phuc", guards=[requires(), step_up(_HOME, for_factors=True)])
async def make_recovery_codes(
    request: Request, session: Session, actor: CurrentActor, sign_in: CurrentSignIn
) -> Html:
    """Ten new codes, shown this once."""
    codes = await service.new_recovery_codes(session, actor, sign_in)
    return page(request, "tenants/account/recovery_codes.html", codes=codes)


@get(_RESETS, guards=[requires(Permission.ACCOUNTS_RESET)])
async def show_resets(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Whose account may be given back."""
    return page(request, "tenants/account/resets.html", people=await recovery.list_people(session, actor))


@post("/cai-dat/dat-lai/{staff_id:uuid}", guards=[requires(Permission.ACCOUNTS_RESET), step_up(_RESETS)])
async def issue_reset(
    request: Request, session: Session, actor: CurrentActor, staff_id: FromPath[uuid.UUID]
) -> Html:
    """A link for one new password, shown this once."""
    person, link = await recovery.issue_link(session, actor, staff_id)
    return page(request, "tenants/account/reset_link.html", person=person, link=link)


@get("/dat-lai/{token:str}", guards=[public()])
async def show_reset(request: Request, token: FromPath[str]) -> Html:
    """The form behind such a link."""
    return page(request, "tenants/account/reset.html", token=token, error=None)


@post("/dat-lai/{token:str}", guards=[public()], opt={admission.OPTION: RouteClass.SIGN_IN})
async def reset(request: Request, token: FromPath[str], data: URLEncodedBody[NewPasswordForm]) -> Html:
    """The new password."""
    try:
        await recovery.use_link(token, data, network_of(request))
    except (Invalid, TooManyTries) as error:
        template = "tenants/account/reset.html"
        return page(request, template, status_code=error.status, token=token, error=error.message)
    return redirect(request, "/dang-nhap", "Đã đặt mật khẩu mới; xin đăng nhập.")


@get(_PASSWORD, guards=[requires()])
async def show_password(request: Request) -> Html:
    """The form for a new password."""
    return page(request, "tenants/account/password.html", error=None)


@post(_PASSWORD, guards=[requires()])
async def change_password(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    data: URLEncodedBody[PasswordForm],
) -> Html:
    """A new password; other sessions end."""
    try:
        token = await service.change_password(session, actor, sign_in, data)
    except (Invalid, TooManyTries) as error:
        template = "tenants/account/password.html"
        return page(request, template, status_code=error.status, error=error.message)
    answer = redirect(request, _HOME, "Đã đổi mật khẩu; mọi phiên đăng nhập khác của bạn đã kết thúc.")
    return with_session(answer, token)


@post("/tai-khoan/phien/{session_id:uuid}/ket-thuc", guards=[requires()])
async def end_session(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    session_id: FromPath[uuid.UUID],
) -> Html:
    """End one of one's own sessions."""
    await access.end_session(session, actor, sign_in, session_id)
    return redirect(request, _HOME, "Đã kết thúc phiên đăng nhập.")


@post(f"{_HOME}/phien-khac/ket-thuc", guards=[requires()])
async def end_other_sessions(
    request: Request, session: Session, actor: CurrentActor, sign_in: CurrentSignIn
) -> Html:
    """End all but this one."""
    count = await access.end_other_sessions(session, actor, sign_in)
    return redirect(request, _HOME, f"Đã kết thúc {count} phiên đăng nhập khác.")
