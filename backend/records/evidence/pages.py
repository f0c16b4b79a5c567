"""Taking the evidence pack of a học bạ away."""

import uuid

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core import admission
from backend.core.actor import Actor
from backend.core.admission import RouteClass
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    page,
    transaction,
    without_transaction,
)
from backend.records.evidence import service
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.remote_signing.archiving import service as archiving
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_KEEPS = requires(Permission.TRANSCRIPT_READ_ANY)


class EvidenceForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the pack is for."""

    ly_do: str = ""
    csrf_token: str = ""


@get("/hoc-ba/{version_id:uuid}/bang-chung", guards=[_KEEPS])
async def show_evidence(
    request: Request, session: Session, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Html:
    """What a pack holds, and the form that asks for one."""
    return await _show(request, session, actor, version_id)


@post(
    "/hoc-ba/{version_id:uuid}/bang-chung",
    guards=[_KEEPS, step_up("/hoc-ba/{version_id}/bang-chung"), without_transaction],
    opt={admission.OPTION: RouteClass.EXPORT},
    status_code=200,
)
async def take_evidence(
    request: Request,
    actor: CurrentActor,
    version_id: FromPath[uuid.UUID],
    data: URLEncodedBody[EvidenceForm],
) -> Html | Response[bytes]:
    """The pack, or the form again with one sentence."""
    try:
        async with transaction(request) as session:
            gathered = await service.gather(session, actor, version_id, data.ly_do)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _show(request, session, actor, version_id, error)
    content = await service.pack(actor.tenant_id, gathered)
    return Response(
        content,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{gathered.name}"'},
    )


async def _show(
    request: Request,
    session: TenantSession,
    actor: Actor,
    version_id: uuid.UUID,
    error: AppError | None = None,
) -> Html:
    version = await transcripts.open_version(session, actor, version_id)
    return page(
        request,
        "records/evidence/evidence.html",
        status_code=error.status if error else 200,
        version=version,
        school_class=await roster.get_class(session, version.class_id),
        archived=await archiving.archived(session, version_id),
        standing=await archiving.standing(session),
        error=error.message if error else None,
    )
