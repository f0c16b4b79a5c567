"""Deputies who sign in the principal's place."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.tenants.delegations import service
from backend.tenants.guards import requires, step_up
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission, Role

_MANAGERS = requires(Permission.SCHOOL_MANAGE)
_PAGE = "/truong/ky-thay"


class DelegationForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs on which days, by which decision."""

    nguoi: str = ""
    tu_ngay: str = ""
    den_ngay: str = ""
    so_quyet_dinh: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[_MANAGERS])
async def show_delegations(request: Request, session: Session) -> Html:
    """Who signs today, who signs when, and the form for another deputy."""
    return await _show(request, session, DelegationForm())


@post(_PAGE, guards=[_MANAGERS, step_up(_PAGE)])
async def delegate(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[DelegationForm]
) -> Html:
    """A deputy signs for a time; or the form again with one sentence."""
    try:
        made = await service.delegate(
            session, actor, _chosen(data.nguoi), data.tu_ngay, data.den_ngay, data.so_quyet_dinh
        )
    except (Invalid, Conflict) as error:
        return await _show(request, session, data, error)
    return redirect(
        request,
        _PAGE,
        f"{made.name} ký thay hiệu trưởng từ {made.starts_on:%d/%m/%Y} đến hết {made.ends_on:%d/%m/%Y}.",
    )


@post(f"{_PAGE}/{{delegation_id:uuid}}/cham-dut", guards=[_MANAGERS])
async def end(
    request: Request, session: Session, actor: CurrentActor, delegation_id: FromPath[uuid.UUID]
) -> Html:
    """The principal signs again."""
    ended = await service.end(session, actor, delegation_id)
    return redirect(request, _PAGE, f"{ended.name} không còn ký thay từ hôm nay.")


async def _show(
    request: Request, session: TenantSession, data: DelegationForm, error: AppError | None = None
) -> Html:
    deputies = await people.list_staff(session, Role.DEPUTY_PRINCIPAL)
    try:
        signer = await service.head_signer(session)
    except Conflict:
        signer = None
    return page(
        request,
        "tenants/delegations/delegations.html",
        status_code=error.status if error else 200,
        signer=signer,
        delegations=await service.list_delegations(session),
        deputies=[(one.id, one.full_name) for one in deputies],
        form_data=data,
        error=error.message if error else None,
        today=clock.today(),
    )


def _chosen(typed: str) -> StaffId:
    try:
        return StaffId(uuid.UUID(typed))
    except ValueError:
        raise Invalid("Chưa chọn người ký thay; xin chọn một người trong danh sách.") from None
