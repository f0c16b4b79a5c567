"""An organisation that was given a code asks to see the học bạ; the school asks the family, then grants or refuses.

Whoever asks has a token from then on: with it the answer is looked up, and once it is granted, the same token with the
PIN, which the school sends to the organisation's contact, opens the học bạ.
"""

import uuid
from collections.abc import Sequence

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.crypto import text_digest
from backend.core.database import TenantSession, tenant_session
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id, new_token
from backend.records.shares import queries, rules, service
from backend.records.shares.models import ShareRequest
from backend.records.shares.schemas import Made, NewRequest, RequestState, RequestView
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IN_FORCE, TranscriptId, VersionSummary
from backend.records.verification import service as verification

_KIND = "share-request"


async def ask(code: str, wanted: NewRequest) -> str:
    """Write a request down at the school of a code; returns the token of whoever asks. Raises NotFound."""
    found = await transcripts.find_by_code(verification.normal(code))
    if found is None:
        raise NotFound(verification.UNKNOWN_CODE)
    tenant_id, transcript_id = found
    token, request_id = new_token(), new_id()
    async with tenant_session(tenant_id) as session:
        version = await _newest(session, transcript_id)
        row = {
            "id": request_id,
            "transcript_id": transcript_id,
            "student_id": version.student_id,
            "organisation": wanted.organisation,
            "organisation_code": wanted.organisation_code,
            "is_known_school": wanted.is_known_school,
            "contact": wanted.contact,
            "purpose": wanted.purpose,
            "with_data": wanted.with_data,
            "token_digest": text_digest(token),
            "asked_at": clock.now(),
            "state": RequestState.WAITING.value,
        }
        await queries.insert_request(session, row)
        await queries.publish(session, request_id, {text_digest(f"{_KIND} {token}"): _KIND})
        asking = Actor(tenant_id=tenant_id, staff_id=None, name=wanted.organisation)
        about = [version.student_id]
        await audit.record(
            session,
            asking,
            Action.SHARE_ASKED,
            request_id,
            version.label,
            about=about,
            recipient=wanted.organisation,
        )
    return token


async def look(token: str) -> RequestView:
    """How far a request has come, for who made it; nothing about the pupil. Raises NotFound."""
    tenant_id, request_id = await service.find(_KIND, f"{_KIND} {token}")
    async with tenant_session(tenant_id, read_only=True) as session:
        row = await queries.request(session, request_id)
    if row is None:
        raise NotFound(service.UNKNOWN)
    return _view(row)


async def waiting(session: TenantSession, actor: Actor) -> list[RequestView]:
    """All requests that wait for an answer of the school, with the pupils whom they are about, oldest first."""
    views = []
    for row in await queries.requests(session, RequestState.WAITING):
        version = await _newest(session, TranscriptId(row.transcript_id))
        service.require_keeper(actor, version)
        views.append(_view(row, version))
    if views:
        about = [one.version_id for one in views if one.version_id]
        audit_reads.record_read(session, actor, Action.SHARE_REQUESTS_READ, None, "Đề nghị đang chờ", about)
    return views


async def waiting_of(session: TenantSession, transcript_id: TranscriptId) -> list[RequestView]:
    """The requests about one transcript that wait, oldest first."""
    return [_view(row) for row in await queries.requests(session, RequestState.WAITING, transcript_id)]


async def grant(
    session: TenantSession,
    actor: Actor,
    version_id: uuid.UUID,
    request_id: uuid.UUID,
    days: str,
    consent: tuple[str, str, str, str, bool],
) -> Made:
    """The family has agreed: the token of whoever asked opens the học bạ from now on, with a PIN.

    Raises as `service.make`; Conflict for a request that was answered.
    """
    version, row = await _held(session, actor, version_id, request_id)
    snapshot = await transcripts.get_snapshot(session, version_id)
    wanted = rules.read(
        row.organisation,
        row.purpose,
        days,
        row.with_data,
        consent,
        person=version.full_name,
        born=snapshot.student.date_of_birth,
        today=clock.today(),
    )
    made = await service.keep(session, actor, version, wanted, "", row.token_digest)
    await _answer(session, actor, row, RequestState.GRANTED, share_id=made.share_id)
    return made


async def refuse(
    session: TenantSession, actor: Actor, version_id: uuid.UUID, request_id: uuid.UUID, why: str
) -> None:
    """The family does not agree, or the school cannot. Raises NotFound, Forbidden, Conflict; Invalid without a reason."""
    version, row = await _held(session, actor, version_id, request_id)
    if not why.strip():
        raise Invalid("Hãy ghi lý do từ chối; nơi đề nghị đọc được lý do này.")
    await _answer(session, actor, row, RequestState.REFUSED, why=why.strip()[:200])
    about = [version.student_id]
    await audit.record(
        session, actor, Action.SHARE_DENIED, row.id, version.label, about=about, recipient=row.organisation
    )


async def _held(
    session: TenantSession, actor: Actor, version_id: uuid.UUID, request_id: uuid.UUID
) -> tuple[VersionSummary, ShareRequest]:
    version = await transcripts.get_version(session, version_id)
    service.require_keeper(actor, version)
    row = await queries.request(session, request_id, hold=True)
    if row is None or row.transcript_id != version.transcript_id:
        raise NotFound("Không tìm thấy đề nghị này của học bạ.")
    if row.state != RequestState.WAITING:
        raise Conflict("Đề nghị này đã được trả lời; hãy tải lại trang.")
    return version, row


async def _answer(
    session: TenantSession,
    actor: Actor,
    row: ShareRequest,
    state: RequestState,
    *,
    why: str | None = None,
    share_id: uuid.UUID | None = None,
) -> None:
    values = {
        "state": state.value,
        "decided_at": clock.now(),
        "decided_by": actor.staff_id,
        "why": why,
        "share_id": share_id,
    }
    await queries.answer(session, row.id, values)


async def _newest(session: TenantSession, transcript_id: TranscriptId) -> VersionSummary:
    versions: Sequence[VersionSummary] = await transcripts.versions_of_transcript(session, transcript_id)
    issued = [one for one in versions if one.issued_at is not None]
    return next((one for one in issued if one.state in IN_FORCE), issued[0])


def _view(row: ShareRequest, version: VersionSummary | None = None) -> RequestView:
    names = RequestView.__struct_fields__[:-2]
    return RequestView(
        **{name: getattr(row, name) for name in names},
        version_id=version.id if version else None,
        full_name=version.full_name if version else "",
    )
