"""Everybody has signed: what proves the signatures later goes into the document, which is announced as complete."""

import uuid
from collections import defaultdict
from collections.abc import Sequence

from backend.core import clock, outbox, storage
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.remote_signing.requests import batches, queries
from backend.remote_signing.requests.events import SigningRequestCompleted
from backend.remote_signing.requests.rules import RequestState, target_of
from backend.remote_signing.requests.schemas import (
    PDF_TYPE,
    XML_TYPE,
    CompletedRequest,
    RequestToComplete,
    XmlSignature,
)


async def requests_to_complete(
    session: TenantSession, request_ids: Sequence[uuid.UUID]
) -> list[RequestToComplete]:
    """Those of the requests that everybody has signed and that are not completed yet. Raises NotFound."""
    requests = await queries.requests(session, request_ids)
    if len(requests) < len(set(request_ids)):
        raise NotFound("Không tìm thấy yêu cầu ký này.")
    signed = [request for request in requests if request.state == RequestState.SIGNED]
    certificates: dict[uuid.UUID, list[bytes]] = defaultdict(list)
    fields: dict[uuid.UUID, list[str]] = defaultdict(list)
    for row in await queries.certificates_of(session, [request.id for request in signed]):
        if row.signs_pdf:
            certificates[row.request_id] += [row.certificate, *row.chain]
            fields[row.request_id].append(row.role)
    signatures: dict[uuid.UUID, list[XmlSignature]] = defaultdict(list)
    for row in await batches.signatures_of(session, [request.id for request in signed]):
        target = target_of(row.xml_targets, row.part)
        if target is not None:
            made = XmlSignature(
                target=target, signature=row.signature, certificates=(row.certificate, *row.chain)
            )
            signatures[row.request_id].append(made)
    return [
        RequestToComplete(
            request_id=request.id,
            current_sha256=request.current_sha256,
            fields=tuple(fields[request.id]),
            certificates=tuple(dict.fromkeys(certificates[request.id])),
            xml_sha256=request.xml_sha256,
            signatures=tuple(signatures[request.id]),
        )
        for request in signed
    ]


async def record_completed(session: TenantSession, completed: Sequence[CompletedRequest]) -> None:
    """The documents with their long-term validation material are in the store; without those cancelled meanwhile."""
    held = await queries.hold_requests(session, [one.request_id for one in completed])
    completed = [one for one in completed if held[one.request_id] == RequestState.SIGNED]
    files = [storage.File(one.document_sha256, one.size, PDF_TYPE) for one in completed]
    files += [storage.File(one.xml_sha256, one.xml_size, XML_TYPE) for one in completed if one.xml_sha256]
    await storage.register(session, *files)
    documents = {one.request_id: (one.document_sha256, one.xml_sha256) for one in completed}
    await queries.complete_requests(session, documents, clock.now())
    await outbox.emit_all(session, [SigningRequestCompleted(one.request_id) for one in completed])
