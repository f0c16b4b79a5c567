"""Workbooks in: upload, preview, take, take back; and out: those of a class, and an uploaded one as it would be today."""

import uuid
from typing import Annotated
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery

from backend.core.actor import Actor
from backend.core.errors import Invalid, NotFound
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
from backend.integrations.imports import exporting, service, undoing
from backend.integrations.imports.schemas import Form, ImportState
from backend.records.roster import service as roster
from backend.records.roster.schemas import DifferenceKind
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

LAYOUT_NAMES = {
    "pupils": "Danh sách học sinh",
    "primary_results": "Kết quả tiểu học cuối năm",
    "primary_comments": "Nhận xét tiểu học",
    "secondary_marks": "Điểm các môn",
    "homeroom": "Sổ chủ nhiệm",
    "oneroster": "Gói OneRoster 1.2",
    "unreadable": "Không đọc được",
}


#: What a workbook is called, and what it is for.
FORM_NAMES = {
    Form.MARKS: (
        "Bảng điểm theo mẫu của hệ thống",
        "Mỗi môn một trang, có hướng dẫn và kiểm tra ô khi nhập.",
    ),
    Form.VNEDU: ("Bảng điểm kiểu vnEdu", "Các cột ĐĐGtx, ĐĐGgk, ĐĐGck và cột ẩn như tệp của vnEdu."),
    Form.SMAS: ("Bảng điểm kiểu SMAS", "Các cột TX, giữa kì, cuối kì như tệp của SMAS."),
    Form.HOMEROOM: ("Sổ chủ nhiệm", "Kết quả rèn luyện, số buổi nghỉ, nhận xét và kết quả sau hè."),
    Form.RESULTS: (
        "Kết quả học tập theo mẫu CSDL ngành",
        "Mức đạt được, điểm kiểm tra, năng lực, phẩm chất cuối năm.",
    ),
    Form.COMMENTS: ("Nhận xét, số buổi nghỉ, sức khỏe", "Mẫu của hệ thống, đi cùng kết quả học tập."),
    Form.PUPILS: (
        "Danh sách học sinh theo mẫu CSDL ngành",
        "Các cột của C1-HocSinh; có số định danh cá nhân, nên cần xác minh lại trước khi tải.",
    ),
}
#: The register has an address of its own: it asks for a proof.
_FORMS = {form.value: form for form in Form if form is not Form.PUPILS}
_CLASS_FORMS = "/lop/{class_id}/bang-tinh"


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
        classes=await roster.list_classes_of_newest_year(session),
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
    request: Request,
    session: Session,
    actor: CurrentActor,
    run_id: FromPath[uuid.UUID],
    loai: FromQuery[DifferenceKind | None] = None,
) -> Html:
    """The preview of one workbook, all of it or one kind of differences; of one that was taken, whether it can be taken
    back."""
    run = await service.open_run(session, actor, run_id)
    return page(
        request,
        "integrations/imports/preview.html",
        run=run,
        kind=loai,
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


@get("/lop/{class_id:uuid}/bang-tinh", guards=[requires(Permission.SHEET_READ)])
async def show_forms(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """The workbooks of a class, empty or filled."""
    school_class, forms = await exporting.open_forms(session, actor, class_id)
    return page(
        request,
        "integrations/imports/forms.html",
        school_class=school_class,
        duty=class_id in await roster.open_to(session, actor, [class_id]),
        forms=[(form, *FORM_NAMES[form], (1, 2) if form in exporting.BY_TERM else (0,)) for form in forms],
    )


@get(
    "/lop/{class_id:uuid}/bang-tinh/{form:str}",
    guards=[requires(Permission.SHEET_READ), without_transaction],
    media_type=service.XLSX,
)
async def take_form(
    request: Request,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    form: FromPath[str],
    hoc_ky: FromQuery[int] = 0,
    mon: FromQuery[str] = "",
    trong: FromQuery[bool] = False,
) -> Response[bytes]:
    """One workbook of a class: of a term where it has terms, of one subject or all; `trong`: with its pupils alone."""
    if form not in _FORMS:
        raise NotFound("Không có mẫu bảng tính này.")
    return await _take(request, actor, class_id, _FORMS[form], term=hoc_ky, subject=mon, empty=trong)


@get(
    f"/lop/{{class_id:uuid}}/bang-tinh/{Form.PUPILS.value}",
    guards=[requires(Permission.IMPORT), step_up(_CLASS_FORMS), without_transaction],
    media_type=service.XLSX,
)
async def take_register(
    request: Request,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    trong: FromQuery[bool] = False,
) -> Response[bytes]:
    """The register of a class: personal numbers, addresses and parents; `trong`: with names and codes alone."""
    return await _take(request, actor, class_id, Form.PUPILS, term=0, subject="", empty=trong)


async def _take(
    request: Request, actor: Actor, class_id: uuid.UUID, form: Form, *, term: int, subject: str, empty: bool
) -> Response[bytes]:
    async with transaction(request) as session:
        blank, contents = await exporting.prepare(
            session, actor, class_id, form, term=term, subject=subject, empty=empty
        )
    data = await exporting.made(blank, contents)
    of_term = f"-hk{term}" if term else ""
    return _workbook(data, f"{form.value}-{blank.class_name}{of_term}{'-trong' if empty else ''}.xlsx")


@get(
    "/nhap/{run_id:uuid}/tep-da-dien",
    guards=[requires(Permission.IMPORT), step_up("/nhap/{run_id}"), without_transaction],
    media_type=service.XLSX,
)
async def take_filled(request: Request, actor: CurrentActor, run_id: FromPath[uuid.UUID]) -> Response[bytes]:
    """The very file that was uploaded, with what stands in the school today."""
    async with transaction(request) as session:
        run = await service.get_run(session, run_id)
    file = await service.parsed_workbook(actor.tenant_id, run.parsed_sha256)
    async with transaction(request) as session:
        wanted = await exporting.filling_of_run(session, actor, run, file)
    data = await exporting.filled(actor.tenant_id, run.file_sha256, wanted)
    return _workbook(
        data, run.file_name if run.file_name.lower().endswith(".xlsx") else f"{run.file_name}.xlsx"
    )


@get(
    "/nhap/oneroster.zip",
    guards=[requires(Permission.IMPORT), step_up("/nhap"), without_transaction],
    media_type=service.ZIP,
)
async def take_oneroster(request: Request, actor: CurrentActor) -> Response[bytes]:
    """The classes and pupils of the working year, for systems that read OneRoster."""
    async with transaction(request) as session:
        data = await service.take_oneroster(session, actor)
    headers = {"Content-Disposition": 'attachment; filename="oneroster.zip"'}
    return Response(data, media_type=service.ZIP, headers=headers)


@get(
    "/so-ban-sao/xlsx",
    guards=[requires(Permission.TRANSCRIPT_READ_ANY), step_up("/so-ban-sao"), without_transaction],
    media_type=service.XLSX,
)
async def take_copies_register(
    request: Request, actor: CurrentActor, tim: FromQuery[str] = ""
) -> Response[bytes]:
    """The register of issued copies, all of it or the lines that are looked for."""
    async with transaction(request) as session:
        school_name, rows = await exporting.copies_register(session, actor, tim[:100])
    return _workbook(await exporting.register_made(school_name, rows), "so-cap-ban-sao.xlsx")


def _workbook(data: bytes, name: str) -> Response[bytes]:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(data, media_type=service.XLSX, headers=headers)
