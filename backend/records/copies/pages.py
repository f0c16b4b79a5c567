"""Asking for a copy of a học bạ, taking it away, and the register of all copies."""

import uuid
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core import admission, storage
from backend.core.actor import Actor
from backend.core.admission import RouteClass
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.ids import new_id
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
from backend.records.copies import service
from backend.records.copies.schemas import KIND_NAMES
from backend.records.roster import service as roster
from backend.records.transcripts.schemas import PDF_TYPE
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_READS = requires(Permission.TRANSCRIPT_READ)


class CopyForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which copy, for whom, and for what."""

    loai: str = ""
    nam_hoc: str = ""
    cap_cho: str = ""
    muc_dich: str = ""
    ban: str = ""
    csrf_token: str = ""


@get("/hoc-ba/{version_id:uuid}/ban-sao", guards=[_READS])
async def show_copies(
    request: Request, session: Session, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Html:
    """The copies of a học bạ so far, and the form that asks for another."""
    return await _show(request, session, actor, version_id, CopyForm())


@post(
    "/hoc-ba/{version_id:uuid}/ban-sao",
    guards=[requires(Permission.TRANSCRIPT_READ_ANY), step_up("/hoc-ba/{version_id}/ban-sao")],
)
async def issue_copy(
    request: Request,
    session: Session,
    actor: CurrentActor,
    version_id: FromPath[uuid.UUID],
    data: URLEncodedBody[CopyForm],
) -> Html:
    """Write a copy into the register and have it printed, or show the form again with one sentence."""
    try:
        typed = (data.loai, data.nam_hoc, data.cap_cho, data.muc_dich)
        label = await service.issue(session, actor, version_id, _copy_id(data), typed)
    except (Invalid, Conflict) as error:
        return await _show(request, session, actor, version_id, data, error)
    said = f"Đã ghi vào sổ với số {label}; tệp PDF có trong danh sách dưới đây sau ít giây."
    return redirect(request, f"/hoc-ba/{version_id}/ban-sao", said)


@get(
    "/ban-sao/{copy_id:uuid}/tep",
    guards=[_READS, without_transaction],
    opt={admission.OPTION: RouteClass.EXPORT},
)
async def take_copy(request: Request, actor: CurrentActor, copy_id: FromPath[uuid.UUID]) -> Response[bytes]:
    """The PDF of a copy, checked against its digest: the same bytes each time."""
    async with transaction(request) as session:
        view, sha256 = await service.take(session, actor, copy_id)
    data = await storage.get(actor.tenant_id, sha256)
    name = f"hoc-ba-{view.kind.value}-{view.label.replace('/', '-')}.pdf"
    return Response(
        data, media_type=PDF_TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@get("/so-ban-sao", guards=[requires(Permission.TRANSCRIPT_READ_ANY)])
async def show_register(
    request: Request,
    session: Session,
    actor: CurrentActor,
    tim: FromQuery[str] = "",
    trang: FromQuery[int] = 1,
) -> Html:
    """The register of all copies, newest first, or those that are looked for."""
    number = min(max(1, trang), 10_000)
    typed = tim[:100]
    return page(
        request,
        "records/copies/register.html",
        found=await service.register(session, actor, typed, number),
        typed=typed,
        number=number,
        kinds=KIND_NAMES,
        url=f"/so-ban-sao?{urlencode({'tim': typed})}&trang={{page}}",
        workbook=f"/so-ban-sao/xlsx?{urlencode({'tim': typed})}",
    )


def _copy_id(data: CopyForm) -> uuid.UUID:
    try:
        return uuid.UUID(data.ban)
    except ValueError:
        raise Invalid("Biểu mẫu cấp bản sao thiếu mã của bản; xin tải lại trang rồi điền lại.") from None


async def _show(
    request: Request,
    session: TenantSession,
    actor: Actor,
    version_id: uuid.UUID,
    typed: CopyForm,
    error: AppError | None = None,
) -> Html:
    version, years, copies = await service.open_copies(session, actor, version_id)
    return page(
        request,
        "records/copies/copies.html",
        status_code=error.status if error else 200,
        version=version,
        school_class=await roster.get_class(session, version.class_id),
        years=[(one, one) for one in years],
        copies=copies,
        kinds=KIND_NAMES,
        typed=typed,
        copy_id=new_id(),
        error=error.message if error else None,
    )
