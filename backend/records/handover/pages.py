"""Taking the school's data away, and closing the school."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import IO

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Stream

from backend.core import admission, clock, storage
from backend.core.actor import Actor
from backend.core.admission import RouteClass
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
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
from backend.records.handover import service
from backend.records.handover.schemas import ZIP_TYPE, ExportState
from backend.tenants.approvals import service as approvals
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission
from backend.tenants.schools import service as schools

_PAGE = "/chu-truong/ban-giao"
_BLOCK = 1 << 18
_EXPORT = requires(Permission.SCHOOL_EXPORT)
_CLOSE = requires(Permission.SCHOOL_CLOSE)


class PartForm(msgspec.Struct, frozen=True):
    """Which archive."""

    phan: int = 1
    csrf_token: str = ""


class ClosingForm(msgspec.Struct, frozen=True):
    """When the school closes, who takes its records over, and why."""

    ngay_dong: str = ""
    noi_nhan: str = ""
    ly_do: str = ""
    csrf_token: str = ""


class AskForm(msgspec.Struct, frozen=True):
    """Why all data is taken away."""

    ly_do: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[_EXPORT])
async def show_handover(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Exports so far, what waits for a second person, and when the school closes."""
    return await _show(request, session, actor)


@post(f"{_PAGE}/xuat", guards=[_EXPORT, step_up(_PAGE)])
async def ask_export(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    data: URLEncodedBody[AskForm],
) -> Html:
    """Ask a second person to have everything packed."""
    try:
        await service.ask_export(session, actor, sign_in, data.ly_do)
    except (Conflict, Invalid) as error:
        return await _show(request, session, actor, error=error)
    return redirect(request, _PAGE, "Đã gửi đề nghị; việc đóng gói bắt đầu ngay khi người thứ hai duyệt.")


@post(
    f"{_PAGE}/xuat/{{export_id:uuid}}/tai",
    guards=[_EXPORT, step_up(_PAGE), without_transaction],
    opt={admission.OPTION: RouteClass.EXPORT},
    status_code=200,
)
async def download(
    request: Request,
    actor: CurrentActor,
    export_id: FromPath[uuid.UUID],
    data: URLEncodedBody[PartForm],
) -> Stream:
    """One archive, checked against its digest; by POST, because taking it away is a deed that is recorded."""
    async with transaction(request) as session:
        part = await service.take_part(session, actor, export_id, data.phan)
    headers = {
        "Content-Disposition": f'attachment; filename="du-lieu-truong-{part.name}"',
        "Content-Length": str(part.size),
    }
    archive = await storage.get_file(actor.tenant_id, part.sha256)
    return Stream(_blocks_of(archive), media_type=ZIP_TYPE, headers=headers)


async def _blocks_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block


@post(f"{_PAGE}/dong", guards=[_CLOSE, step_up(_PAGE)])
async def ask_closing(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    data: URLEncodedBody[ClosingForm],
) -> Html:
    """Ask a second person to close the school from a day on."""
    try:
        await service.ask_closing(session, actor, sign_in, data.ngay_dong, data.noi_nhan, data.ly_do)
    except (Conflict, Invalid) as error:
        return await _show(request, session, actor, data, error)
    return redirect(request, _PAGE, "Đã gửi đề nghị; lịch đóng trường có hiệu lực khi người thứ hai duyệt.")


@post(f"{_PAGE}/khong-dong", guards=[_CLOSE])
async def cancel_closing(request: Request, session: Session, actor: CurrentActor) -> Html:
    """The school stays open."""
    await schools.cancel_closing(session, actor)
    return redirect(request, _PAGE, "Đã hủy lịch đóng trường; trường hoạt động bình thường.")


async def _show(
    request: Request,
    session: TenantSession,
    actor: Actor,
    data: ClosingForm | None = None,
    error: AppError | None = None,
) -> Html:
    exports = await service.list_exports(session)
    return page(
        request,
        "records/handover/handover.html",
        status_code=error.status if error else 200,
        exports=exports,
        running=any(one.state is ExportState.RUNNING for one in exports),
        closing=await schools.closing(session),
        waiting={one.kind.value: one for one in await service.waiting(session)},
        approvers=await approvals.approvers(session, actor),
        form_data=data or ClosingForm(),
        error=error.message if error else None,
        now=clock.now(),
        today=clock.today(),
    )
