"""What other systems read of a school: lists part by part, and files.

A key's scope is the only right that it has, and its school the only one that it sees. Every read about pupils is
recorded once the reading transaction has ended.
"""

import base64
import uuid
from hashlib import sha256
from typing import Annotated

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from backend.core.actor import Actor
from backend.core.api_document import MISSING, ROOT, Cursor, Limit, documented, problem
from backend.core.web import CurrentActor, Request, transaction
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.imports import service as imports
from backend.integrations.partner_api import service
from backend.integrations.partner_api.schemas import (
    ClassPage,
    DeliveryPage,
    EventPage,
    FileKind,
    ResultPage,
    SheetPage,
    StudentPage,
    TranscriptItem,
    TranscriptPage,
)
from backend.records.transcripts.schemas import VersionState
from backend.tenants.api_clients.schemas import Scope
from backend.tenants.guards import scoped

_NOT_YET = {409: problem("The transcript has not been issued yet. / Học bạ chưa được phát hành.")}
_NO_ROSTER = {409: problem("The working year has no pupils yet. / Năm học hiện tại chưa có học sinh.")}
_FILES = {
    FileKind.PDF: "application/pdf",
    FileKind.XML: "application/xml",
    FileKind.JSON: "application/octet-stream",
}


@get(f"{ROOT}/classes", guards=[scoped(Scope.CLASSES_READ)], **documented(Scope.CLASSES_READ))
async def list_classes(request: Request, limit: Limit = 50, cursor: Cursor = None) -> ClassPage:
    """Classes of all years."""
    async with transaction(request) as session:
        return await service.classes(session, cursor, limit)


@get(
    f"{ROOT}/classes/{{class_id:uuid}}/students",
    guards=[scoped(Scope.STUDENTS_READ)],
    **documented(Scope.STUDENTS_READ, MISSING),
)
async def list_students(
    request: Request,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> StudentPage:
    """Pupils who study in a class now."""
    async with transaction(request) as session:
        found = await service.students(session, class_id, cursor, limit)
    await service.record_read(actor, "students", class_id, [one.id for one in found.items])
    return found


@get(
    f"{ROOT}/classes/{{class_id:uuid}}/sheets",
    guards=[scoped(Scope.CLASSES_READ)],
    **documented(Scope.CLASSES_READ, MISSING),
)
async def list_sheets(
    request: Request, class_id: FromPath[uuid.UUID], limit: Limit = 50, cursor: Cursor = None
) -> SheetPage:
    """Mark sheets of a class and the columns that each has. / Sổ điểm của lớp và các cột của từng sổ."""
    async with transaction(request) as session:
        return await service.sheets(session, class_id, cursor, limit)


@get(
    f"{ROOT}/classes/{{class_id:uuid}}/results",
    guards=[scoped(Scope.RESULTS_READ)],
    **documented(Scope.RESULTS_READ, MISSING),
)
async def list_results(
    request: Request,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ResultPage:
    """Confirmed results of the year of a class. / Kết quả cả năm đã được xác nhận của lớp."""
    async with transaction(request) as session:
        found = await service.results(session, class_id, cursor, limit)
    await service.record_read(actor, "results", class_id, [one.student_id for one in found.items])
    return found


@get(
    f"{ROOT}/oneroster",
    guards=[scoped(Scope.STUDENTS_READ)],
    media_type="application/zip",
    **documented(Scope.STUDENTS_READ, _NO_ROSTER),
)
async def download_oneroster(request: Request, actor: CurrentActor) -> Response[bytes]:
    """The working year's classes and pupils as a OneRoster 1.2 package (CSV, bulk). / Lớp, học sinh theo OneRoster."""
    async with transaction(request) as session:
        data, pupils = await imports.oneroster_package(session)
    await service.record_read(actor, "students", None, pupils)
    headers = {"Content-Disposition": 'attachment; filename="oneroster.zip"'}
    return Response(data, media_type="application/zip", headers=headers)


@get(f"{ROOT}/events", guards=[scoped(Scope.EVENTS_READ)], **documented(Scope.EVENTS_READ))
async def list_events(
    request: Request,
    after: Annotated[
        int, QueryParameter(ge=0, le=2**63 - 1, description="`sequence` of the last one known.")
    ] = 0,
    limit: Limit = 50,
) -> EventPage:
    """What happened since: the events of webhooks, in order, by ids alone. / Những việc đã xảy ra từ mốc đã biết."""
    async with transaction(request) as session:
        return await service.events(session, after, limit)


@get(
    f"{ROOT}/transcripts",
    guards=[scoped(Scope.TRANSCRIPTS_READ)],
    **documented(Scope.TRANSCRIPTS_READ, MISSING),
)
async def list_transcripts(
    request: Request,
    actor: CurrentActor,
    class_id: Annotated[uuid.UUID | None, QueryParameter(description="Of this class alone.")] = None,
    in_state: Annotated[
        VersionState | None,
        QueryParameter(description="In this state alone; those that are `packaged` are `issued`, too."),
    ] = None,
    in_force: Annotated[
        bool, QueryParameter(description="Only what is issued and not taken back, in whichever state since.")
    ] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> TranscriptPage:
    """Versions of transcripts with their states and digests, oldest first."""
    async with transaction(request) as session:
        found = await service.list_transcripts(session, cursor, limit, class_id, in_state, in_force=in_force)
    await service.record_read(actor, "transcripts", class_id, [one.student_id for one in found.items])
    return found


@get(
    f"{ROOT}/transcripts/{{version_id:uuid}}",
    guards=[scoped(Scope.TRANSCRIPTS_READ)],
    **documented(Scope.TRANSCRIPTS_READ, MISSING),
)
async def get_transcript(
    request: Request, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> TranscriptItem:
    """One version of a transcript."""
    async with transaction(request) as session:
        found = await service.get_transcript(session, version_id)
    await service.record_read(actor, "transcript", version_id, [found.student_id])
    return found


@get(
    f"{ROOT}/transcripts/{{version_id:uuid}}/pdf",
    guards=[scoped(Scope.TRANSCRIPTS_READ)],
    media_type=_FILES[FileKind.PDF],
    **documented(Scope.TRANSCRIPTS_READ, MISSING, _NOT_YET),
)
async def download_pdf(
    request: Request, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Response[bytes]:
    """The signed PDF of an issued version; `Repr-Digest` (RFC 9530) lets you check what arrived."""
    return await _download(request, actor, version_id, FileKind.PDF)


@get(
    f"{ROOT}/transcripts/{{version_id:uuid}}/xml",
    guards=[scoped(Scope.TRANSCRIPTS_READ)],
    media_type=_FILES[FileKind.XML],
    **documented(Scope.TRANSCRIPTS_READ, MISSING, _NOT_YET),
)
async def download_xml(
    request: Request, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Response[bytes]:
    """The signed XML of an issued version, as it goes to the Authority; with `Repr-Digest` (RFC 9530)."""
    return await _download(request, actor, version_id, FileKind.XML)


@get(
    f"{ROOT}/transcripts/{{version_id:uuid}}/json",
    guards=[scoped(Scope.TRANSCRIPTS_READ)],
    media_type=_FILES[FileKind.JSON],
    **documented(Scope.TRANSCRIPTS_READ, MISSING, _NOT_YET),
)
async def download_json(
    request: Request, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Response[bytes]:
    """The frozen content of an issued version (schema at `/luoc-do/hocba.snapshot.1.json`), byte for byte as it lies in
    the signed PDF; its SHA-256 is `content_sha256`."""
    async with transaction(request) as session:
        student_id, data = await service.content(session, version_id)
    return await _answer(actor, version_id, student_id, FileKind.JSON, data)


async def _download(request: Request, actor: Actor, version_id: uuid.UUID, kind: FileKind) -> Response[bytes]:
    async with transaction(request) as session:
        student_id, digest = await service.find_file(session, version_id, kind)
    return await _answer(actor, version_id, student_id, kind, await service.file(actor, digest))


async def _answer(
    actor: Actor, version_id: uuid.UUID, student_id: uuid.UUID, kind: FileKind, data: bytes
) -> Response[bytes]:
    await service.record_read(actor, f"file {kind}", version_id, [student_id])
    digest = base64.b64encode(sha256(data).digest()).decode()
    headers = {
        "Content-Disposition": f'attachment; filename="{version_id}.{kind}"',
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    return Response(data, media_type=_FILES[kind], headers=headers)


@get(f"{ROOT}/deliveries", guards=[scoped(Scope.DELIVERIES_READ)], **documented(Scope.DELIVERIES_READ))
async def list_deliveries(
    request: Request,
    actor: CurrentActor,
    in_state: Annotated[
        DeliveryState | None,
        QueryParameter(description="In this state alone; `draft` and `validated` ones are `queued`, too."),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeliveryPage:
    """What was sent to the Authority and what it answered, oldest first."""
    async with transaction(request) as session:
        found = await service.list_deliveries(session, cursor, limit, in_state)
    await service.record_read(actor, "deliveries", None, [one.student_id for one in found.items])
    return found
