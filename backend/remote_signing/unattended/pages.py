"""A seal that seals by itself, in the browser: its limits, what it has sealed, and the button that stops it."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, CurrentSignIn, Html, Request, Session, page, redirect
from backend.remote_signing.mandates import service as mandates
from backend.remote_signing.mandates.schemas import Terms
from backend.remote_signing.unattended import service
from backend.tenants.approvals import service as approvals
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_PAGE = "/chung-thu/con-dau/tu-dong"
_READERS = requires(Permission.CREDENTIALS_READ, Permission.SEAL)
_STOPPERS = requires(Permission.SEAL, Permission.CREDENTIALS_MANAGE)


class TermsForm(msgspec.Struct, frozen=True, kw_only=True):
    """The limits, and why."""

    so_luong: str = "500"
    tu_gio: str = "07:00"
    den_gio: str = "18:00"
    den_ngay: str = ""
    ly_do: str = ""
    csrf_token: str = ""


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why."""

    ly_do: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[_READERS])
async def show_unattended(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What the seal may do by itself, and what it has done."""
    return await _page(request, session, actor)


@post(_PAGE, guards=[requires(Permission.SEAL), step_up(_PAGE)])
async def ask_unattended(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    data: URLEncodedBody[TermsForm],
) -> Html:
    """Ask a second person to let it."""
    try:
        await mandates.ask(session, actor, sign_in, msgspec.structs.asdict(data), data.ly_do)
    except (Conflict, Invalid) as error:
        return await _page(request, session, actor, data, error)
    return redirect(request, _PAGE, "Đã gửi đề nghị; con dấu tự đóng ngay khi người thứ hai duyệt.")


@post(f"{_PAGE}/{{mandate_id:uuid}}/dung", guards=[_STOPPERS])
async def stop_unattended(
    request: Request,
    session: Session,
    actor: CurrentActor,
    mandate_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """Nothing is sealed by itself from now on: one person is enough, and nobody is asked to prove anything."""
    try:
        await service.end(session, actor, mandate_id, data.ly_do)
    except Invalid as error:
        return await _page(request, session, actor, error=error)
    return redirect(request, _PAGE, "Đã dừng; từ bây giờ mỗi lô đóng dấu lại cần người giữ con dấu xác nhận.")


async def _page(
    request: Request,
    session: TenantSession,
    actor: Actor,
    data: TermsForm | None = None,
    error: AppError | None = None,
) -> Html:
    shown = await service.overview(session, actor)
    return page(
        request,
        "remote_signing/unattended/page.html",
        status_code=error.status if error else 200,
        shown=shown,
        approvers=await approvals.approvers(session, actor),
        form_data=data or (_typed(shown.live.terms) if shown.live else TermsForm()),
        error=error.message if error else None,
    )


def _typed(terms: Terms) -> TermsForm:
    """Limits as they would be typed again."""
    return TermsForm(
        so_luong=str(terms.daily_limit),
        tu_gio=f"{terms.opens:%H:%M}",
        den_gio=f"{terms.closes:%H:%M}",
        den_ngay=terms.last_day.isoformat(),
    )
