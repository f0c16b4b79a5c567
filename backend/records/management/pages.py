"""Running a school across its slices: the owner's page, letting a person go."""

import csv
import io
import uuid

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.templates import vn_date
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.duties import service as duties
from backend.records.management import rules, service
from backend.records.statistics import service as statistics
from backend.remote_signing.credentials import service as credentials
from backend.tenants.guards import requires
from backend.tenants.people import service as people
from backend.tenants.permissions import ROLE_NAMES, Permission
from backend.tenants.staffing import service as staffing
from backend.tenants.subscriptions import service as subscriptions
from backend.tenants.subscriptions.schemas import PLAN_NAMES, Invoice

_MANAGERS = requires(Permission.PEOPLE_MANAGE)
_OWNERS = requires(Permission.CONSOLE_READ)


_CSV_HEAD = (
    "Số hóa đơn",
    "Ngày lập",
    "Hạn trả",
    "Từ ngày",
    "Đến ngày",
    "Số chỗ",
    "Đơn giá",
    "Chưa thuế",
    "Thuế",
    "Phải trả",
    "Ngày trả",
)


class SeatsForm(msgspec.Struct, frozen=True):
    """How many seats the school wants."""

    so_cho: str = ""
    csrf_token: str = ""


@get("/chu-truong", guards=[_OWNERS])
async def show_console(request: Request, session: Session) -> Html:
    """The owner's page."""
    return await _console(request, session)


@post("/chu-truong/cho", guards=[requires(Permission.SEATS_MANAGE)])
async def change_seats(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[SeatsForm]
) -> Html:
    """More seats, or fewer as long as everybody keeps theirs."""
    try:
        seats = rules.whole_number(data.so_cho, "Số chỗ")
        await people.change_seats(session, actor, seats)
    except (Invalid, Conflict) as error:
        return await _console(request, session, data.so_cho, error)
    return redirect(request, "/chu-truong", f"Trường có {seats} chỗ từ bây giờ.")


@get("/chu-truong/hoa-don/{invoice_id:uuid}", guards=[_OWNERS])
async def show_invoice(request: Request, session: Session, invoice_id: FromPath[uuid.UUID]) -> Html:
    """One invoice."""
    invoice = await subscriptions.get_invoice(session, invoice_id)
    return page(request, "records/management/invoice.html", invoice=invoice)


@get("/chu-truong/hoa-don.csv", guards=[_OWNERS])
async def download_invoices(session: Session) -> Response[bytes]:
    """All invoices for a spreadsheet."""
    return Response(
        _csv(await subscriptions.list_invoices(session)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="hoa-don.csv"'},
    )


@get("/nhan-su/{staff_id:uuid}/thoi-viec", guards=[_MANAGERS])
async def show_leaving(request: Request, session: Session, staff_id: FromPath[uuid.UUID]) -> Html:
    """What still waits for the person, before they are let go."""
    found = await service.unfinished_of(session, StaffId(staff_id))
    return page(
        request,
        "records/management/leaving.html",
        found=found,
        staff=found.staff,
        takers=await duties.takers(session),
    )


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
        certificates=await credentials.overview(session),
        coverage=await statistics.coverage(session),
        use=await service.season_use(session),
        invoices=await subscriptions.list_invoices(session),
    )


def _csv(invoices: list[Invoice]) -> bytes:
    """Semicolons and a byte order mark: what a Vietnamese Excel opens as it is."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(_CSV_HEAD)
    for one in invoices:
        days = (one.issued_on, one.due_on, one.period_from, one.period_to)
        amounts = (one.seats, *(f"{amount:f}" for amount in (one.seat_price, one.net, one.vat, one.total)))
        writer.writerow([one.number, *(f"{day:%d/%m/%Y}" for day in days), *amounts, vn_date(one.paid_on)])
    return "\ufeff".encode() + out.getvalue().encode()
