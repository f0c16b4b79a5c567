"""The people of a school: the list, invitations and taking one up, roles, coming back."""

import uuid
from urllib.parse import urljoin

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core import clock, cookies, settings
from backend.core.actor import Actor, StaffId
from backend.core.browsers import browser_of
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Forbidden, Invalid, Unauthenticated
from backend.core.rate_limit import TooManyTries
from backend.core.visit import host_of
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect, several
from backend.tenants.access.service import MIN_PASSWORD
from backend.tenants.guards import public, requires, step_up
from backend.tenants.people import service as people
from backend.tenants.permissions import ROLE_NAMES, Permission, grantable_by
from backend.tenants.staffing import rules, service
from backend.tenants.staffing.schemas import SentInvitation

_MANAGERS = requires(Permission.PEOPLE_MANAGE)
#: Who gives roles proves first who they are: a stolen session would otherwise make itself a second person.
_LIST, _INVITE, _PERSON = "/nhan-su", "/nhan-su/moi", "/nhan-su/{staff_id}"


class InvitationForm(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to invite; one role comes as a text, several as a list."""

    ho_ten: str = ""
    thu: str = ""
    chuc_danh: str = ""
    vai: list[str] | str = ""
    csrf_token: str = ""


class StaffForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is called and is."""

    ho_ten: str = ""
    chuc_danh: str = ""
    vai: list[str] | str = ""
    csrf_token: str = ""


class AcceptanceForm(msgspec.Struct, frozen=True, kw_only=True):
    """How the invited person signs in from now on: a new password, an account that they have, or the session."""

    cach: str = "moi"
    mat_khau: str = ""
    nhap_lai: str = ""
    tai_khoan: str = ""
    csrf_token: str = ""


@get(_LIST, guards=[requires(Permission.PEOPLE_READ)])
async def show_staff(request: Request, session: Session) -> Html:
    """Who works here, who is asked to, who has left, and the seats."""
    now = clock.now()
    staffing = await service.staffing(session)
    return page(
        request,
        "tenants/staffing/staff.html",
        staffing=staffing,
        states={one.id: rules.state_of(one, now) for one in staffing.invitations},
    )


@get(_INVITE, guards=[_MANAGERS, step_up()])
async def show_invitation_form(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Whom to invite, and how many seats are free."""
    return await _invitation_form(request, session, actor, InvitationForm())


@post(_INVITE, guards=[_MANAGERS, step_up(_INVITE)])
async def invite(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[InvitationForm]
) -> Html:
    """Make the invitation and show its link, this once; or the form again with one sentence."""
    try:
        sent = await service.invite(session, actor, data.ho_ten, data.thu, data.chuc_danh, several(data.vai))
    except (Invalid, Conflict, Forbidden) as error:
        return await _invitation_form(request, session, actor, data, error)
    return _sent(request, sent)


@post("/nhan-su/loi-moi/{invitation_id:uuid}/lien-ket-moi", guards=[_MANAGERS, step_up(_LIST)])
async def renew(
    request: Request, session: Session, actor: CurrentActor, invitation_id: FromPath[uuid.UUID]
) -> Html:
    """Another link for the same person, shown this once."""
    return _sent(request, await service.renew(session, actor, invitation_id))


@post("/nhan-su/loi-moi/{invitation_id:uuid}/thu-hoi", guards=[_MANAGERS])
async def withdraw(
    request: Request, session: Session, actor: CurrentActor, invitation_id: FromPath[uuid.UUID]
) -> Html:
    """The link leads nowhere from now on."""
    invitation = await service.withdraw(session, actor, invitation_id)
    return redirect(request, "/nhan-su", f"Đã thu hồi lời mời {invitation.full_name}.")


@get("/nhan-su/{staff_id:uuid}", guards=[requires(Permission.PEOPLE_READ)])
async def show_person(
    request: Request, session: Session, actor: CurrentActor, staff_id: FromPath[uuid.UUID]
) -> Html:
    """One person: what they are, and the form that changes it."""
    return await _person(request, session, actor, StaffId(staff_id))


@post("/nhan-su/{staff_id:uuid}", guards=[_MANAGERS, step_up(_PERSON)])
async def change(
    request: Request,
    session: Session,
    actor: CurrentActor,
    staff_id: FromPath[uuid.UUID],
    data: URLEncodedBody[StaffForm],
) -> Html:
    """Another name, title or other roles, from the person's next request on."""
    try:
        await people.change_staff(
            session, actor, StaffId(staff_id), data.ho_ten, data.chuc_danh, several(data.vai)
        )
    except (Invalid, Conflict, Forbidden) as error:
        return await _person(request, session, actor, StaffId(staff_id), error)
    return redirect(request, "/nhan-su", f"Đã lưu thông tin của {data.ho_ten.strip()}.")


@post("/nhan-su/{staff_id:uuid}/nhan-lai", guards=[_MANAGERS, step_up(_LIST)])
async def come_back(
    request: Request, session: Session, actor: CurrentActor, staff_id: FromPath[uuid.UUID]
) -> Html:
    """Somebody who had left works here again."""
    name = await service.come_back(session, actor, StaffId(staff_id))
    return redirect(
        request, "/nhan-su", f"{name} đã trở lại làm việc với vai trò như trước; hãy xem lại vai trò."
    )


@get("/loi-moi/{token:str}", guards=[public()])
async def show_offer(request: Request, token: FromPath[str]) -> Html:
    """What the school offers, and the ways to take it up."""
    return await _offer(request, token, AcceptanceForm())


@post("/loi-moi/{token:str}", guards=[public()])
async def accept(request: Request, token: FromPath[str], data: URLEncodedBody[AcceptanceForm]) -> Html:
    """Become staff; then sign in like everybody."""
    try:
        if data.cach == "moi":
            return await _accept_with_password(request, token, data)
        if data.cach == "co-san":
            await service.accept_with_account(token, data.tai_khoan, data.mat_khau, browser_of(request))
        else:
            await service.accept_with_session(token, cookies.read(request, "session"), host_of(request))
    except (Invalid, Conflict, Unauthenticated, TooManyTries) as error:
        return await _offer(request, token, data, error)
    return redirect(request, "/dang-nhap", "Đã nhận lời mời; xin đăng nhập bằng tài khoản vừa chọn.")


async def _accept_with_password(request: Request, token: str, data: AcceptanceForm) -> Html:
    if data.mat_khau != data.nhap_lai:
        raise Invalid("Hai lần nhập mật khẩu không giống nhau; xin nhập lại.")
    login = await service.accept_with_new_account(token, data.mat_khau)
    return redirect(request, "/dang-nhap", f"Đã nhận lời mời; xin đăng nhập bằng {login}.")


async def _offer(request: Request, token: str, data: AcceptanceForm, error: AppError | None = None) -> Html:
    """The offer, with what went wrong; an offer that holds no longer says so by itself."""
    offer = await service.look_at(token, cookies.read(request, "session"), host_of(request))
    return page(
        request,
        "tenants/staffing/offer.html",
        status_code=422 if error else 200,
        offer=offer,
        token=token,
        form_data=data,
        error=error.message if error else None,
        min_password=MIN_PASSWORD,
    )


async def _invitation_form(
    request: Request,
    session: TenantSession,
    actor: Actor,
    data: InvitationForm,
    error: AppError | None = None,
) -> Html:
    staffing = await service.staffing(session)
    return page(
        request,
        "tenants/staffing/invite.html",
        status_code=error.status if error else 200,
        form_data=data,
        chosen=several(data.vai),
        error=error.message if error else None,
        seats=staffing.seats,
        waiting=len(staffing.invitations),
        roles=_grantable(actor),
        days=rules.VALID.days,
    )


async def _person(
    request: Request,
    session: TenantSession,
    actor: Actor,
    staff_id: StaffId,
    error: AppError | None = None,
) -> Html:
    staff = await people.get_staff(session, staff_id)
    return page(
        request,
        "tenants/staffing/person.html",
        status_code=error.status if error else 200,
        staff=staff,
        error=error.message if error else None,
        roles=_grantable(actor),
        may_change=staff.left_at is None and staff.roles <= grantable_by(actor.roles),
    )


def _sent(request: Request, sent: SentInvitation) -> Html:
    link = urljoin(settings.get().public_url, f"/loi-moi/{sent.token}")
    return page(request, "tenants/staffing/sent.html", sent=sent, link=link)


def _grantable(actor: Actor) -> list[tuple[str, str]]:
    """Roles for a form, in the order of the role table."""
    allowed = grantable_by(actor.roles)
    return [(role.value, name) for role, name in ROLE_NAMES.items() if role in allowed]
