"""Who signs in which order, level by level, and what the school decides about it."""

import msgspec
from litestar import get, post
from litestar.params import URLEncodedBody

from backend.core import clock
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.signing_order import service
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission
from backend.tenants.schools.schemas import LEVEL_NAMES

_PAGE = "/truong/thu-tu-ky"


class OrderForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided: for which level, whether they sign ("1", "0"), from when on, why."""

    cap: str = ""
    ky: str = ""
    tu_ngay: str = ""
    ly_do: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[requires(Permission.SCHOOL_MANAGE)])
async def show_order(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What holds today, with every decision."""
    return await _show(request, session, actor, OrderForm())


@post(_PAGE, guards=[requires(Permission.REGULATIONS_MANAGE)])
async def change_order(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[OrderForm]
) -> Html:
    """Decide, or show the form again with one sentence."""
    try:
        made = await service.decide(session, actor, data.cap, data.ky, data.tu_ngay, data.ly_do)
    except (Invalid, Conflict) as error:
        return await _show(request, session, actor, data, error)
    return redirect(request, _PAGE, f"Đã lưu; áp dụng cho học bạ chốt từ ngày {made.starts_on:%d/%m/%Y}.")


async def _show(
    request: Request,
    session: TenantSession,
    actor: CurrentActor,
    data: OrderForm,
    error: AppError | None = None,
) -> Html:
    return page(
        request,
        "records/signing_order/signing_order.html",
        status_code=error.status if error else 200,
        error=error.message if error else None,
        form_data=data,
        orders=await service.current(session),
        history=await service.history(session),
        level_names=LEVEL_NAMES,
        today=clock.today(),
        may_change=actor.may(Permission.REGULATIONS_MANAGE),
    )
