"""What a person carries to a portal: the file, the list of what is done there, the receipt."""

import uuid
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, URLEncodedBody

from backend.core import storage
from backend.core.errors import AppError, Conflict, Invalid
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
from backend.integrations.portal import service
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_AT = "/gui/cong"
_FILE = f"{_AT}/tep/{{sha256:str}}"
_CARRIES = requires(Permission.DELIVERY_RETRY)


class FileForm(msgspec.Struct, frozen=True, kw_only=True):
    """Of which portal, and of which class; empty: all."""

    co_quan: str = ""
    lop: str = ""
    csrf_token: str = ""


class Receipt(msgspec.Struct):
    """The form: one workbook."""

    bien_nhan: UploadFile
    csrf_token: str = ""


class Letter(msgspec.Struct):
    """The form: what the Authority wrote about a recall."""

    van_ban: UploadFile
    so: str = ""
    ly_do: str = ""
    csrf_token: str = ""


@get(_AT, guards=[_CARRIES])
async def show_desks(request: Request, session: Session) -> Html:
    """What is to be carried where, and what has no receipt yet."""
    return await _page(request, session)


@post(f"{_AT}/tep", guards=[_CARRIES, step_up(_AT), without_transaction])
async def take_file(request: Request, actor: CurrentActor, data: URLEncodedBody[FileForm]) -> Html:
    """Make the file, and note that a person takes it."""
    async with transaction(request) as session:
        lines = await service.prepare(session, data.co_quan, data.lop or None)
    content = await service.written(actor.tenant_id, lines)
    async with transaction(request) as session:
        await service.hand_over(session, actor, lines, content)
    told = f"Đã lập tệp có {len(lines)} học bạ; hãy tải tệp về rồi nộp ở cổng."
    return redirect(request, f"{_AT}#cho-bien-nhan", told)


@get(_FILE, guards=[_CARRIES, step_up(_AT), without_transaction], media_type=service.XLSX)
async def download(request: Request, actor: CurrentActor, sha256: FromPath[str]) -> Response[bytes]:
    """The file, for as long as it has no receipt."""
    async with transaction(request) as session:
        file = await service.file_of(session, sha256)
    content = await storage.get(actor.tenant_id, file.sha256)
    headers = {"Content-Disposition": f'attachment; filename="nop-hoc-ba-{sha256[:8]}.xlsx"'}
    return Response(content, media_type=service.XLSX, headers=headers)


@post(
    f"{_FILE}/bien-nhan",
    guards=[_CARRIES, without_transaction],
    request_max_body_size=service.MAX_UPLOAD + 100_000,
    status_code=200,
)
async def bring_receipt(
    request: Request,
    actor: CurrentActor,
    sha256: FromPath[str],
    data: Annotated[Receipt, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Html:
    """What the portal gave back: all of it is taken over, or nothing."""
    content = await data.bien_nhan.read()
    try:
        if not content:
            raise Invalid("Bạn chưa chọn tệp biên nhận; hãy chọn tệp .xlsx tải về từ cổng.")
        sheets = await service.read_receipt(actor.tenant_id, content)
        async with transaction(request) as session:
            number = await service.record_receipt(session, actor, sha256, content, sheets)
    except (Conflict, Invalid) as error:
        async with transaction(request) as session:
            return await _page(request, session, error)
    return redirect(request, _AT, f"Đã ghi kết quả của {number} học bạ theo biên nhận.")


@post(
    f"{_AT}/thu-hoi/{{delivery_id:uuid}}",
    guards=[_CARRIES, without_transaction],
    request_max_body_size=service.MAX_UPLOAD + 100_000,
    status_code=200,
)
async def bring_letter(
    request: Request,
    actor: CurrentActor,
    delivery_id: FromPath[uuid.UUID],
    data: Annotated[Letter, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Html:
    """What the Authority answered in writing about a recall."""
    content = await data.van_ban.read()
    try:
        await service.keep_letter(actor.tenant_id, content)
        async with transaction(request) as session:
            await service.record_letter(session, actor, delivery_id, data.so, data.ly_do, content)
    except (Conflict, Invalid) as error:
        async with transaction(request) as session:
            return await _page(request, session, error)
    return redirect(request, _AT, "Đã ghi trả lời của cơ quan tiếp nhận về đề nghị thu hồi.")


@post(f"{_FILE}/chua-nop", guards=[_CARRIES])
async def take_back(request: Request, session: Session, actor: CurrentActor, sha256: FromPath[str]) -> Html:
    """The file was never handed in: its học bạ wait for another one."""
    await service.take_back(session, actor, sha256)
    return redirect(request, _AT, "Các học bạ trong tệp ấy lại chờ nộp; hãy lấy tệp mới.")


async def _page(request: Request, session: Session, error: AppError | None = None) -> Html:
    return page(
        request,
        "integrations/portal/desks.html",
        status_code=error.status if error else 200,
        desks=await service.desks(session),
        recalls=await service.recalls(session),
        error=error.message if error else None,
    )
