"""What other systems may read, and that they did. Whoever asks holds a key of one school; its scope was checked."""

import logging
import uuid
from collections.abc import Sequence
from typing import TypeVar

from backend.core import audit, storage
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.core.errors import Conflict
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import DeliveryState, DeliverySummary
from backend.integrations.partner_api import oauth
from backend.integrations.partner_api.schemas import (
    ClassItem,
    ClassPage,
    ColumnItem,
    DeliveryItem,
    DeliveryPage,
    DeliveryProblem,
    EventPage,
    FileKind,
    ResultItem,
    ResultPage,
    SheetItem,
    SheetPage,
    StudentItem,
    StudentPage,
    TokenAnswer,
    TokenForm,
    TokenRefused,
    TranscriptItem,
    TranscriptPage,
)
from backend.integrations.webhooks import service as webhooks
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import ResultState
from backend.records.gradebook import service as gradebook
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IN_FORCE, VersionState, VersionSummary
from backend.tenants.api_clients import service as api_clients

log = logging.getLogger(__name__)

#: Version 1 was published before `packaged` was a state of its own: whoever asks for what is issued means both.
_ISSUED = frozenset({VersionState.ISSUED, VersionState.PACKAGED})
_Item = TypeVar("_Item", ClassItem, StudentItem, TranscriptItem, DeliveryItem, SheetItem, ResultItem)


async def issue_token(authorization: str, form: TokenForm) -> TokenAnswer:
    """A token for a client's own secret (RFC 6749, 4.4). Raises TokenRefused.

    A wrong secret stands in the log, and in the audit of the school whose connection it was tried for; a right one at a
    school that is closed stands there as what it is.
    """
    asked = oauth.read(authorization, form)
    client = await api_clients.find_client(asked.client_id, asked.secret)
    if client is None:
        log.warning("token refused: unknown client or wrong secret", extra={"subject_ids": [asked.client_id]})
        await api_clients.record_refused_secret(asked.client_id)
        raise oauth.unknown_client()
    if await api_clients.at_closed_school(client):
        await api_clients.record_refused_token(client, reason="Trường đã đóng trên hệ thống")
        raise oauth.closed_school()
    try:
        scopes = oauth.granted(asked, client.scopes)
    except TokenRefused:
        await api_clients.record_refused_token(client, scopes=" ".join(asked.scopes))
        raise
    issued = await api_clients.issue_token(client, scopes)
    return TokenAnswer(
        access_token=issued.token, expires_in=issued.seconds, scope=" ".join(sorted(issued.scopes))
    )


async def classes(session: TenantSession, after: uuid.UUID | None, limit: int) -> ClassPage:
    """Classes, in the order of their ids."""
    found = [
        ClassItem(
            id=one.id,
            name=one.name,
            grade_level=one.grade_level,
            academic_year=one.academic_year,
            students=one.students,
        )
        for one in await roster.list_classes(session)
    ]
    items, following = _part(_following(found, after), limit)
    return ClassPage(items=items, next_cursor=following)


async def students(
    session: TenantSession, class_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> StudentPage:
    """Pupils who study in a class, in the order of their ids. Raises NotFound."""
    await roster.get_class(session, class_id)
    found = [
        StudentItem(
            id=one.id,
            student_code=one.student_code,
            full_name=one.full_name,
            date_of_birth=one.date_of_birth,
            gender=one.gender,
        )
        for one in await roster.list_students(session, class_id)
    ]
    items, following = _part(_following(found, after), limit)
    return StudentPage(items=items, next_cursor=following)


async def list_transcripts(
    session: TenantSession,
    after: uuid.UUID | None,
    limit: int,
    class_id: uuid.UUID | None,
    state: VersionState | None,
    *,
    in_force: bool = False,
) -> TranscriptPage:
    """Versions, oldest first. Raises NotFound for a class that the school does not have."""
    if class_id is not None:
        await roster.get_class(session, class_id)
    states = _ISSUED if state is VersionState.ISSUED else {state} if state else None
    if in_force:
        states = IN_FORCE if states is None else IN_FORCE & states
    found = await transcripts.versions_after(session, after, limit + 1, class_id=class_id, states=states)
    items, following = _part([_transcript(one) for one in found], limit)
    return TranscriptPage(items=items, next_cursor=following)


async def get_transcript(session: TenantSession, version_id: uuid.UUID) -> TranscriptItem:
    """One version. Raises NotFound."""
    return _transcript(await transcripts.get_version(session, version_id))


async def list_deliveries(
    session: TenantSession, after: uuid.UUID | None, limit: int, state: DeliveryState | None
) -> DeliveryPage:
    """Deliveries, oldest first."""
    found = await deliveries.deliveries_after(session, after, limit + 1, state=state)
    versions = await transcripts.get_versions(session, [one.version_id for one in found])
    both = zip(found, versions, strict=True)
    items, following = _part([_delivery(one, version) for one, version in both], limit)
    return DeliveryPage(items=items, next_cursor=following)


async def sheets(
    session: TenantSession, class_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> SheetPage:
    """Sheets of a class with their columns, in the order of their ids. Raises NotFound."""
    contents = await gradebook.contents(session, await roster.get_class(session, class_id))
    found = [
        SheetItem(
            id=sheet_id,
            subject_code=one.summary.subject_code,
            subject_name=one.summary.subject_name,
            term=one.summary.term,
            state=one.summary.state,
            columns=tuple(
                ColumnItem(kind=column.cell.kind, slot=column.cell.slot, label=column.label)
                for column in one.columns
            ),
        )
        for sheet_id, one in contents.items()
    ]
    items, following = _part(_following(found, after), limit)
    return SheetPage(items=items, next_cursor=following)


async def results(
    session: TenantSession, class_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> ResultPage:
    """Confirmed results of a class, in the order of their ids; what is only computed is left out. Raises NotFound."""
    await roster.get_class(session, class_id)
    found = [
        ResultItem(
            id=one.id,
            student_id=one.student_id,
            student_code=one.student_code,
            rule_set=one.rule_set,
            result=one.result,
        )
        for one in await assessment.class_results(session, class_id)
        if one.state is ResultState.CONFIRMED
    ]
    items, following = _part(_following(found, after), limit)
    return ResultPage(items=items, next_cursor=following)


async def events(session: TenantSession, after: int, limit: int) -> EventPage:
    """What happened after an event, oldest first."""
    items = await webhooks.events_after(session, after, limit)
    return EventPage(items=tuple(items), next_after=items[-1].sequence if items else after)


async def find_file(session: TenantSession, version_id: uuid.UUID, kind: FileKind) -> tuple[uuid.UUID, str]:
    """The pupil of an issued version and the SHA-256 of its file. Raises NotFound, Conflict before it is issued."""
    version = await transcripts.get_version(session, version_id)
    if version.issued_at is None:
        raise Conflict(f"Học bạ của học sinh mã {version.student_code} chưa được phát hành nên chưa có tệp.")
    return version.student_id, await transcripts.digest_of_file(session, version_id, kind)


async def content(session: TenantSession, version_id: uuid.UUID) -> tuple[uuid.UUID, bytes]:
    """The pupil of an issued version, and its frozen content. Raises NotFound, Conflict before it is issued."""
    student_id, _ = await find_file(session, version_id, FileKind.PDF)
    return student_id, await transcripts.canonical_content(session, version_id)


async def file(actor: Actor, sha256: str) -> bytes:
    """A file of the school that the key belongs to. Raises NotFound, Unavailable."""
    return await storage.get(actor.tenant_id, sha256)


async def record_read(
    actor: Actor, what: str, subject_id: uuid.UUID | None, pupils: Sequence[uuid.UUID]
) -> None:
    """A system has read something about pupils; a reading transaction cannot say so itself."""
    async with tenant_session(TenantId(actor.tenant_id)) as session:
        await audit.record(
            session, actor, Action.API_READ, subject_id, about=pupils, what=what, count=len(pupils)
        )


def _following(found: Sequence[_Item], after: uuid.UUID | None) -> list[_Item]:
    return sorted((one for one in found if after is None or one.id > after), key=lambda one: one.id)


def _part(found: Sequence[_Item], limit: int) -> tuple[tuple[_Item, ...], uuid.UUID | None]:
    items = tuple(found[:limit])
    return items, items[-1].id if len(found) > limit else None


def _transcript(one: VersionSummary) -> TranscriptItem:
    issued = one.issued_at is not None
    return TranscriptItem(
        id=one.id,
        transcript_id=one.transcript_id,
        student_id=one.student_id,
        student_code=one.student_code,
        class_id=one.class_id,
        class_name=one.class_name,
        academic_year=one.academic_year,
        number=one.number,
        state=VersionState(one.state),
        content_sha256=one.content_sha256,
        signed_pdf_sha256=one.signed_sha256,
        verify_url=transcripts.verify_url(one.lookup_code) if issued else None,
        frozen_at=one.frozen_at,
        issued_at=one.issued_at,
        effective_on=one.effective_on,
    )


def _delivery(one: DeliverySummary, version: VersionSummary) -> DeliveryItem:
    return DeliveryItem(
        id=one.id,
        version_id=version.id,
        transcript_id=version.transcript_id,
        student_id=version.student_id,
        authority=one.authority,
        action=one.action,
        refers_to=one.refers_to,
        message_id=one.message_id,
        state=one.state,
        authority_reference=one.authority_reference,
        errors=tuple(
            DeliveryProblem(
                code=str(error.get("code", "")),
                field=error.get("field"),
                message=str(error.get("message", "")),
            )
            for error in one.errors
        ),
        queued_at=one.queued_at,
        answered_at=one.answered_at,
    )
