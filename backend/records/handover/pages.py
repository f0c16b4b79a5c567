"""Taking the school's data away, and closing the school."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import IO

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Stream

from backend.core import clock, storage
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.rate_limit import TooManyTries
from backend.core.web import (
    CurrentActor,
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
    """When the school closes, and who takes its records over."""

    ngay_dong: str = ""
    noi_nhan: str = ""
    csrf_token: str = ""


class AskForm(msgspec.Struct, frozen=True):
    """Nothing but the token."""

    csrf_token: str = ""


@get(_PAGE, guards=[_EXPORT])
async def show_handover(request: Request, session: Session) -> Html:
    """Exports so far, and when the school closes."""
    return await _show(request, session)


@post(f"{_PAGE}/xuat", guards=[_EXPORT, step_up(_PAGE)])
async def ask(request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[AskForm]) -> Html:
    """Have everything packed."""
    try:
        await service.ask(session, actor)
    except (Conflict, TooManyTries) as error:
        return await _show(request, session, error=error)
    return redirect(request, _PAGE, "Hệ thống đang đóng gói dữ liệu; trang này cho biết khi nào xong.")


@post(
    f"{_PAGE}/xuat/{{export_id:uuid}}/tai",
    guards=[_EXPORT, step_up(_PAGE), without_transaction],
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
async def plan_closing(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[ClosingForm]
) -> Html:
    """Say from which day on nobody works here."""
    try:
        planned = await schools.plan_closing(session, actor, data.ngay_dong, data.noi_nhan)
    except Invalid as error:
        return await _show(request, session, data, error)
    return redirect(request, _PAGE, f"Trường sẽ đóng từ ngày {planned.closes_on:%d/%m/%Y}.")


@post(f"{_PAGE}/khong-dong", guards=[_CLOSE])
async def cancel_closing(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[AskForm]
) -> Html:
    """The school stays open."""
    await schools.cancel_closing(session, actor)
    return redirect(request, _PAGE, "Đã hủy lịch đóng trường; trường hoạt động bình thường.")


async def _show(
    request: Request,
    session: TenantSession,
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
        form_data=data or ClosingForm(),
        error=error.message if error else None,
        now=clock.now(),
        today=clock.today(),
    )
