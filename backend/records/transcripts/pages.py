"""Transcripts of a class, one transcript with its signatures and history, and the official acts of the management."""

import uuid

from litestar import Response, get, post
from litestar.params import FromPath

from backend.core import audit, storage
from backend.core.errors import NotFound
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.roster import service as roster
from backend.records.transcripts import rules, service
from backend.records.transcripts.rules import VersionState
from backend.remote_signing.requests import service as signing
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

TONES = {
    VersionState.FROZEN: "waiting",
    VersionState.RENDERED: "info",
    VersionState.SIGNING: "info",
    VersionState.ISSUED: "official",
}
_TYPES = {"pdf": service.PDF_TYPE, "xml": service.XML_TYPE}


@get("/lop/{class_id:uuid}/hoc-ba", guards=[requires(Permission.TRANSCRIPT_READ)])
async def show_transcripts(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """Transcripts of a class and how far each has come."""
    school_class = await roster.get_class(session, class_id)
    versions = await service.list_versions(session, class_id)
    return page(
        request,
        "records/transcripts/transcripts.html",
        school_class=school_class,
        versions=versions,
        may_freeze=actor.may(Permission.TRANSCRIPT_FREEZE) and len(versions) < school_class.students,
        names=rules.STATE_NAMES,
        tones=TONES,
    )


@post("/lop/{class_id:uuid}/chot", guards=[requires(Permission.TRANSCRIPT_FREEZE)])
async def freeze_class(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """Freeze every confirmed year of the class."""
    report = await service.freeze_class(session, actor, class_id)
    message = f"Đã chốt {report.frozen} học bạ."
    if report.left_out:
        name, reason = report.left_out[0]
        message += f" Còn {len(report.left_out)} học sinh chưa chốt được; ví dụ {name}: {reason}"
    return redirect(request, f"/lop/{class_id}/hoc-ba", message, "warn" if report.left_out else "ok")


@get("/hoc-ba/{version_id:uuid}", guards=[requires(Permission.TRANSCRIPT_READ)])
async def show_transcript(request: Request, session: Session, version_id: FromPath[uuid.UUID]) -> Html:
    """One transcript: its PDF, signatures and history."""
    version = await service.get_version(session, version_id)
    return page(
        request,
        "records/transcripts/transcript.html",
        version=version,
        school_class=await roster.get_class(session, version.class_id),
        steps=await signing.steps_of(session, version_id),
        history=await audit.history(session, [version_id]),
        verify_url=service.verify_url(version.lookup_code),
        names=rules.STATE_NAMES,
        tones=TONES,
    )


@get("/hoc-ba/{version_id:uuid}/tep/{kind:str}", guards=[requires(Permission.TRANSCRIPT_READ)])
async def download(session: Session, version_id: FromPath[uuid.UUID], kind: FromPath[str]) -> Response[bytes]:
    """The newest PDF or the XML of a version, checked against its digest."""
    if kind not in _TYPES:
        raise NotFound("Không có loại tệp này; chỉ có pdf và xml.")
    version = await service.get_version(session, version_id)
    data = await storage.get(session.tenant_id, await service.digest_of_file(session, version_id, kind))
    name = f"hoc-ba-{version.student_code}-{version.academic_year}.{kind}"
    return Response(
        data, media_type=_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
