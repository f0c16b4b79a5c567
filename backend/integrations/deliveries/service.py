"""Sending issued versions to the school's Authority, with one message id for ever and every attempt kept."""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from backend.core import audit, clock, jobs, storage
from backend.core.actor import Actor, machine
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import Endpoint
from backend.integrations.deliveries import queries, rules
from backend.integrations.deliveries.channels.port import Evidence, QueryResult, SendResult
from backend.integrations.deliveries.models import Delivery
from backend.integrations.deliveries.schemas import (
    Action,
    AttemptView,
    DeliveryId,
    DeliveryState,
    DeliverySummary,
    Sending,
)
from backend.records.transcripts import service as transcripts

#: Names of the tasks that follow each other (tasks.py).
SEND, QUERY = "deliveries.send", "deliveries.query"


async def open_delivery(session: TenantSession, version_id: uuid.UUID) -> None:
    """Queue an issued version for the school's Authority. The message id is fixed here and never changes."""
    authority = await authorities.bound_authority(session)
    version = await transcripts.get_version(session, version_id)
    delivery_id = new_id()
    values = {
        "tenant_id": session.tenant_id,
        "id": delivery_id,
        "version_id": version_id,
        "authority": authority.profile,
        "action": Action.SUBMIT,
        "label": f"{version.class_name} · {version.full_name}",
        "message_id": f"{authority.sender_code}{delivery_id.hex}",
        "state": DeliveryState.QUEUED,
        "package_sha256": await transcripts.digest_of_file(session, version_id, "xml"),
        "errors": [],
        "queued_at": clock.now(),
    }
    if await queries.open_delivery(session, values) is None:
        return
    await audit.record(
        session, machine(session.tenant_id), AuditAction.DELIVERY_QUEUED, delivery_id, str(values["label"])
    )
    await jobs.enqueue(session, SEND, delivery_id)


async def package_of(session: TenantSession, delivery_id: uuid.UUID) -> str:
    """SHA-256 of the XML that a delivery sends. Raises NotFound."""
    return (await _hold(session, delivery_id)).package_sha256


async def begin_sending(session: TenantSession, delivery_id: uuid.UUID) -> Sending | None:
    """Commit the attempt before the first byte leaves. None when nothing is to be sent (any more).

    A delivery that is found `sending` was interrupted: it may have arrived, so it becomes unknown and is asked about.
    """
    row = await _hold(session, delivery_id)
    if row.state == DeliveryState.SENDING:
        reason = "Lần gửi trước bị ngắt giữa chừng; hệ thống hỏi lại trước khi gửi lại."
        await queries.update_delivery(
            session, delivery_id, {"state": DeliveryState.UNKNOWN, "reason": reason}
        )
        await jobs.enqueue(session, QUERY, delivery_id, after=rules.SETTLE_SECONDS)
        return None
    if row.state != DeliveryState.QUEUED:
        return None
    authority = await authorities.bound_authority(session)
    version = await transcripts.get_version(session, row.version_id)
    attempt_id = new_id()
    attempt = {
        "tenant_id": session.tenant_id,
        "id": attempt_id,
        "delivery_id": delivery_id,
        "started_at": clock.now(),
    }
    await queries.begin_attempt(session, attempt)
    await queries.update_delivery(session, delivery_id, {"state": DeliveryState.SENDING, "reason": None})
    return Sending(
        endpoint=authority.endpoint,
        attempt_id=attempt_id,
        message_id=row.message_id,
        sender_code=authority.sender_code,
        action=row.action,
        lookup_code=version.lookup_code,
        version=version.number,
        package_sha256=row.package_sha256,
        pdf_sha256=await transcripts.digest_of_file(session, row.version_id, "pdf"),
    )


async def record_sent(
    session: TenantSession, delivery_id: uuid.UUID, attempt_id: uuid.UUID, answer: SendResult
) -> None:
    """What came back on an attempt, with its evidence."""
    await _keep_evidence(session, answer.evidence)
    ended = {
        "ended_at": answer.evidence.ended_at,
        "outcome": type(answer).__name__.lower(),
        "sent_sha256": answer.evidence.sent_sha256,
        "answer_sha256": answer.evidence.received_sha256,
    }
    await queries.end_attempt(session, attempt_id, ended)
    await _apply(session, await _hold(session, delivery_id), answer)


async def to_query(session: TenantSession, delivery_id: uuid.UUID) -> tuple[Endpoint, str] | None:
    """Where to ask about which message; None when the answer is known."""
    row = await _hold(session, delivery_id)
    if row.state not in (DeliveryState.RECEIVED, DeliveryState.UNKNOWN):
        return None
    return (await authorities.bound_authority(session)).endpoint, row.message_id


async def record_answer(session: TenantSession, delivery_id: uuid.UUID, answer: QueryResult) -> None:
    """What the Authority says became of a message."""
    await _keep_evidence(session, answer.evidence)
    await _apply(session, await _hold(session, delivery_id), answer)


async def park(session: TenantSession, delivery_id: uuid.UUID, reason: str) -> None:
    """The machine cannot go on with a delivery: it waits for a person, who sees why."""
    row = await _hold(session, delivery_id)
    if row.state not in rules.FINAL:
        await queries.update_delivery(session, delivery_id, {"state": DeliveryState.PARKED, "reason": reason})


async def retry(session: TenantSession, actor: Actor, delivery_id: uuid.UUID) -> None:
    """A person sends a parked delivery again: the same message under the same id. Raises Conflict for others."""
    row = await _hold(session, delivery_id)
    if row.state != DeliveryState.PARKED:
        raise Conflict(f"{row.label}: chỉ gửi lại được hồ sơ đang chờ người xử lý.")
    await queries.update_delivery(session, delivery_id, {"state": DeliveryState.UNKNOWN, "reason": None})
    await audit.record(session, actor, AuditAction.DELIVERY_QUEUED, delivery_id, row.label)
    await jobs.enqueue(session, QUERY, delivery_id)


async def counts(session: TenantSession) -> dict[DeliveryState, int]:
    """Deliveries per state."""
    return {DeliveryState(row.state): row.number for row in await queries.counts(session)}


async def list_deliveries(
    session: TenantSession, *, state: DeliveryState | None = None, limit: int = 50, offset: int = 0
) -> list[DeliverySummary]:
    """Newest first."""
    return [_summary(row) for row in await queries.list_deliveries(session, state, limit, offset)]


async def of_version(session: TenantSession, version_id: uuid.UUID) -> list[DeliverySummary]:
    """Deliveries of one transcript version."""
    return [_summary(row) for row in await queries.of_version(session, version_id)]


async def get_delivery(
    session: TenantSession, delivery_id: uuid.UUID
) -> tuple[DeliverySummary, Sequence[AttemptView]]:
    """One delivery with its attempts. Raises NotFound."""
    row = await queries.delivery(session, delivery_id)
    if row is None:
        raise NotFound("Không tìm thấy lần gửi này.")
    attempts = [
        AttemptView(**{name: getattr(attempt, name) for name in AttemptView.__struct_fields__})
        for attempt in await queries.attempts_of(session, delivery_id)
    ]
    return _summary(row), attempts


async def _apply(session: TenantSession, row: Delivery, answer: SendResult | QueryResult) -> None:
    """Final states never flip: a later contradiction is left to reconciliation."""
    if row.state in rules.FINAL:
        return
    first = await queries.first_attempt_at(session, row.id)
    found = rules.outcome(answer, (clock.now() - first).total_seconds() if first else 0.0)
    values: dict[str, Any] = {"state": found.state, "reason": found.reason}
    if found.reference:
        values["authority_reference"] = found.reference
    if found.state in rules.FINAL:
        values |= {"answered_at": clock.now(), "errors": msgspec.to_builtins(found.errors)}
        await audit.record(
            session,
            machine(session.tenant_id),
            AuditAction.DELIVERY_ANSWERED,
            row.id,
            row.label,
            state=found.state.value,
        )
    await queries.update_delivery(session, row.id, values)
    if found.ask_after is not None:
        await jobs.enqueue(session, QUERY, row.id, after=found.ask_after)
    if found.send_after is not None:
        await jobs.enqueue(session, SEND, row.id, after=found.send_after)


async def _keep_evidence(session: TenantSession, evidence: Evidence) -> None:
    """The bytes are in the store already (exchange.py); here the school comes to own them."""
    await storage.register(session, evidence.sent_sha256, len(evidence.sent), "application/octet-stream")
    await storage.register(
        session, evidence.received_sha256, len(evidence.received), "application/octet-stream"
    )


async def _hold(session: TenantSession, delivery_id: uuid.UUID) -> Delivery:
    row = await queries.delivery(session, delivery_id, hold=True)
    if row is None:
        raise NotFound("Không tìm thấy lần gửi này.")
    return row


def _summary(row: Delivery) -> DeliverySummary:
    return DeliverySummary(
        id=DeliveryId(row.id),
        version_id=row.version_id,
        label=row.label,
        authority=row.authority,
        message_id=row.message_id,
        state=DeliveryState(row.state),
        authority_reference=row.authority_reference,
        errors=tuple(row.errors),
        reason=row.reason,
        queued_at=row.queued_at,
        answered_at=row.answered_at,
    )
