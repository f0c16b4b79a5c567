"""Running a school across its slices: the owner's page, letting a person go."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.management import service
from backend.tenants.guards import requires
from backend.tenants.people import service as people
from backend.tenants.permissions import ROLE_NAMES, Permission
from backend.tenants.staffing import service as staffing
from backend.tenants.subscriptions.schemas import PLAN_NAMES

_MANAGERS = requires(Permission.PEOPLE_MANAGE)
_OWNERS = requires(Permission.SEATS_MANAGE)


class SeatsForm(msgspec.Struct, frozen=True):
    """How many seats the school wants."""

    so_cho: str = ""
    csrf_token: str = ""


@get("/chu-truong", guards=[_OWNERS])
async def show_console(request: Request, session: Session) -> Html:
    """The owner's page."""
    return await _console(request, session)


@post("/chu-truong/cho", guards=[_OWNERS])
async def change_seats(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[SeatsForm]
) -> Html:
    """More seats, or fewer as long as everybody keeps theirs."""
    try:
        seats = _whole(data.so_cho)
        await people.change_seats(session, actor, seats)
    except (Invalid, Conflict) as error:
        return await _console(request, session, data.so_cho, error)
    return redirect(request, "/chu-truong", f"Trường có {seats} chỗ từ bây giờ.")


@get("/nhan-su/{staff_id:uuid}/thoi-viec", guards=[_MANAGERS])
async def show_leaving(request: Request, session: Session, staff_id: FromPath[uuid.UUID]) -> Html:
    """What still waits for the person, before they are let go."""
    found = await service.unfinished_of(session, StaffId(staff_id))
    return page(request, "records/management/leaving.html", found=found, staff=found.staff)


@post("/nhan-su/{staff_id:uuid}/thoi-viec", guards=[_MANAGERS])
async def leave(
    request: Request, session: Session, actor: CurrentActor, staff_id: FromPath[uuid.UUID]
) -> Html:
    """The person leaves: sessions end at once, the seat is free."""
    found = await service.unfinished_of(session, StaffId(staff_id))
    await staffing.leave(session, actor, StaffId(staff_id))
    away = "/dang-nhap" if actor.staff_id == staff_id else "/nhan-su"
    return redirect(request, away, f"{found.staff.full_name} đã thôi làm việc; mọi phiên đã kết thúc.")


async def _console(
    request: Request, session: TenantSession, wanted: str = "", error: AppError | None = None
) -> Html:
    found = await staffing.staffing(session)
    return page(
        request,
        "records/management/console.html",
        status_code=error.status if error else 200,
        staffing=found,
        wanted=wanted or found.seats.total,
        error=error.message if error else None,
        role_names=ROLE_NAMES,
        plan_names=PLAN_NAMES,
    )


def _whole(typed: str) -> int:
    digits = typed.strip().replace(".", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 6):
        raise Invalid(f"Số chỗ phải là một số nguyên; xin nhập lại (đang nhập “{typed[:20]}”).")
    return int(digits)
