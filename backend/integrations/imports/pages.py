"""Bringing a workbook in: upload, preview, take."""

import uuid
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from backend.core.errors import Invalid
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
from backend.integrations.imports import service, undoing
from backend.integrations.imports.schemas import ImportState
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

LAYOUT_NAMES = {
    "pupils": "Danh sách học sinh",
    "primary_results": "Kết quả tiểu học cuối năm",
    "primary_comments": "Nhận xét tiểu học",
    "secondary_marks": "Điểm các môn",
    "homeroom": "Sổ chủ nhiệm",
    "unreadable": "Không đọc được",
}


class Upload(msgspec.Struct):
    """The form: one workbook."""

    tep: UploadFile
    csrf_token: str = ""


@get("/nhap", guards=[requires(Permission.IMPORT)])
async def show_imports(request: Request, session: Session) -> Html:
    """The upload form and the newest imports."""
    return page(
        request,
        "integrations/imports/imports.html",
        runs=await service.list_runs(session),
        layouts=LAYOUT_NAMES,
    )


@post(
    "/nhap",
    guards=[requires(Permission.IMPORT), without_transaction],
    request_max_body_size=service.MAX_UPLOAD + 100_000,
)
async def upload(
    request: Request,
    actor: CurrentActor,
    data: Annotated[Upload, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Html:
    """Read the workbook and show what it would change; nothing is written yet."""
    content = await data.tep.read()
    if not content:
        raise Invalid("Bạn chưa chọn tệp, hoặc tệp rỗng; hãy chọn một tệp Excel (.xlsx) rồi tải lên lại.")
    file = await service.read_workbook(actor.tenant_id, content)
    async with transaction(request) as session:
        run_id = await service.preview(session, actor, data.tep.filename, content, file)
    return redirect(request, f"/nhap/{run_id}")


@get("/nhap/{run_id:uuid}", guards=[requires(Permission.IMPORT)])
async def show_run(
    request: Request, session: Session, actor: CurrentActor, run_id: FromPath[uuid.UUID]
) -> Html:
    """The preview of one workbook; of one that was taken, whether it can be taken back."""
    run = await service.open_run(session, actor, run_id)
    return page(
        request,
        "integrations/imports/preview.html",
        run=run,
        why_not_undone=await undoing.why_not(session, run_id) if run.state is ImportState.APPLIED else None,
        layouts=LAYOUT_NAMES,
    )


@post("/nhap/{run_id:uuid}/ghi", guards=[requires(Permission.IMPORT), without_transaction])
async def apply(request: Request, actor: CurrentActor, run_id: FromPath[uuid.UUID]) -> Html:
    """Take the workbook: all of it or nothing."""
    async with transaction(request) as session:
        run = await service.get_run(session, run_id)
    file = await service.parsed_workbook(actor.tenant_id, run.parsed_sha256)
    async with transaction(request) as session:
        preview = await service.apply(session, actor, run_id, file)
    return redirect(
        request,
        f"/nhap/{run_id}",
        f"Đã ghi: {preview.new} mới, {preview.changed} thay đổi, {preview.moved} chuyển lớp.",
    )


@post("/nhap/{run_id:uuid}/hoan-tac", guards=[requires(Permission.IMPORT)])
async def undo(request: Request, session: Session, actor: CurrentActor, run_id: FromPath[uuid.UUID]) -> Html:
    """Put back all that the workbook has changed, or nothing."""
    await undoing.undo(session, actor, run_id)
    return redirect(request, f"/nhap/{run_id}", "Đã hoàn tác: dữ liệu trở lại như trước khi nhập tệp này.")
