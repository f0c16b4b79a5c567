"""The archive: every completed document gets a time stamp over all of it, and another before that one's proof ends.

What was issued stays the issued document: its digest is what the authority, copies and the public check go by. The
stamped form is another object, which begins with the same bytes.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from backend.core import audit, clock, jobs, storage
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.core.ids import new_id
from backend.remote_signing.archiving import queries
from backend.remote_signing.archiving.schemas import PDF_TYPE, Archived, Stamped, Standing, ToStamp
from backend.remote_signing.requests import service as signing

#: Name of the task (tasks.py).
STAMP = "archiving.stamp"
#: So long before the authority's certificate ends a stamp is renewed.
RENEW_BEFORE = timedelta(days=365)
#: Documents that one night takes on in one school; the next night goes on.
MOST_A_NIGHT = 5_000


async def queue_due(session: TenantSession) -> None:
    """Have stamped what has no stamp yet or one that ages. Safe to repeat."""
    await jobs.enqueue(session, STAMP, *await queries.due_ids(session, _horizon(), MOST_A_NIGHT))


async def to_stamp(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> list[ToStamp]:
    """Those of the documents that are still due, as they stand. Raises NotFound for one that is not the school's."""
    if len(set(await queries.known(session, request_ids))) < len(set(request_ids)):
        raise NotFound("Không tìm thấy hồ sơ ký này.")
    rows = await queries.due(session, request_ids, _horizon())
    tokens = await _tokens(session, [request.id for request, _ in rows])
    return [
        ToStamp(
            request_id=request.id,
            number=stamp.number + 1 if stamp else 1,
            document_sha256=stamp.document_sha256 if stamp else request.current_sha256,
            xml_sha256=request.signed_xml_sha256,
            tokens=tokens[request.id],
        )
        for request, stamp in rows
    ]


async def record_stamped(session: TenantSession, stamped: Sequence[Stamped]) -> None:
    """The stamped forms are in the store. Of two that stamped at the same time the first counts."""
    await session.hold("archive")
    due = {row.request_id: row.number for row in await to_stamp(session, [one.request_id for one in stamped])}
    kept = [one for one in stamped if due.get(one.request_id) == one.number]
    if not kept:
        return
    await storage.register(session, *(storage.File(one.document_sha256, one.size, PDF_TYPE) for one in kept))
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "request_id": one.request_id,
            "number": one.number,
            "document_sha256": one.document_sha256,
            "xml_token": one.xml_token,
            "stamped_at": clock.now(),
            "expires_at": one.expires_at,
        }
        for one in kept
    ]
    await queries.insert_stamps(session, rows)
    known = await signing.labelled(session, [one.request_id for one in kept])
    deeds = [audit.Deed(*known[one.request_id], {"sha256": one.document_sha256}) for one in kept]
    await audit.record_many(session, machine(session.tenant_id), Action.DOCUMENT_ARCHIVED, deeds)


async def archived(session: TenantSession, subject_id: uuid.UUID) -> Archived | None:
    """The newest form of a subject's document in the archive; None before its first stamp."""
    requests = await signing.request_ids_of(session, [subject_id])
    stamps = await queries.stamps_of(session, list(requests.values()))
    if not stamps:
        return None
    newest = stamps[-1]
    return Archived(
        document_sha256=newest.document_sha256,
        stamped_at=newest.stamped_at,
        expires_at=newest.expires_at,
        tokens=tuple(stamp.xml_token for stamp in stamps if stamp.xml_token),
    )


async def issued_form(session: TenantSession, sha256: str) -> str | None:
    """SHA-256 of the issued document whose stamped form has this digest; None for any other."""
    return await queries.issued_form(session, sha256)


async def standing(session: TenantSession) -> Standing:
    """How the school's archive stands."""
    return Standing(**(await queries.standing(session, _horizon()))._mapping)


async def _tokens(
    session: TenantSession, request_ids: Sequence[uuid.UUID]
) -> defaultdict[uuid.UUID, tuple[bytes, ...]]:
    found: defaultdict[uuid.UUID, tuple[bytes, ...]] = defaultdict(tuple)
    for stamp in await queries.stamps_of(session, request_ids):
        if stamp.xml_token:
            found[stamp.request_id] += (stamp.xml_token,)
    return found


def _horizon() -> datetime:
    return clock.now() + RENEW_BEFORE
