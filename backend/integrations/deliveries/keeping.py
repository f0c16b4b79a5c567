"""What deliveries are on their way and what an answer does to them, for the services of this slice: no door."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from backend.core import audit, clock, jobs, outbox, storage
from backend.core.actor import machine
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.core.ids import new_id
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import BoundAuthority
from backend.integrations.deliveries import queries, rules
from backend.integrations.deliveries.channels.port import Evidence, QueryResult, SendResult
from backend.integrations.deliveries.models import Delivery
from backend.integrations.deliveries.schemas import Action, DeliveryId, Sending
from backend.integrations.profiles import messages
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import VersionSummary


async def hold(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> Sequence[Delivery]:
    """Deliveries, held against change until the transaction ends. Raises NotFound."""
    rows = await queries.hold_deliveries(session, delivery_ids)
    if len(rows) < len(set(delivery_ids)):
        raise NotFound("Không tìm thấy lần gửi này.")
    return rows


async def authorities_of(session: TenantSession, rows: Sequence[Delivery]) -> dict[str, BoundAuthority]:
    """Those that the messages go to: a message keeps to the profile with which it began."""
    return {one: await authorities.authority_of(session, one) for one in {row.authority for row in rows}}


async def sendings_of(
    session: TenantSession, rows: Sequence[Delivery], found: Mapping[str, BoundAuthority] | None = None
) -> list[Sending]:
    """All that the channel needs to send these; `found`: the Authorities that they go to, if they are known."""
    found = found or await authorities_of(session, rows)
    version_ids = [row.version_id for row in rows]
    versions: dict[uuid.UUID, VersionSummary] = {
        one.id: one for one in await transcripts.get_versions(session, version_ids)
    }
    files = await transcripts.digests_of_files(session, version_ids, "pdf")
    records = {}
    if any(messages.wants_record(authority.endpoint.profile) for authority in found.values()):
        records = await transcripts.contents_of(session, version_ids)
    return [
        Sending(
            delivery_id=DeliveryId(row.id),
            endpoint=found[row.authority].endpoint,
            attempt_id=new_id(),
            message_id=row.message_id,
            sender_code=found[row.authority].sender_code,
            action=row.action,
            lookup_code=versions[row.version_id].lookup_code,
            version=versions[row.version_id].number,
            package_sha256=row.package_sha256,
            pdf_sha256=files[row.version_id],
            refers_to=row.refers_to,
            reason=versions[row.version_id].withdrawn_reason if row.action == Action.RECALL else None,
            queued_at=row.queued_at,
            record=records.get(row.version_id),
        )
        for row in rows
    ]


async def apply(
    session: TenantSession, answers: Mapping[DeliveryId, SendResult | QueryResult], *, sent: bool = False
) -> None:
    """Final states never flip: a later contradiction is left to reconciliation. `sent`: these answer the messages."""
    rows = [row for row in await hold(session, list(answers)) if row.state not in rules.FINAL]
    first = await queries.first_attempts(session, [row.id for row in rows])
    ask, send = defaultdict[float, list[uuid.UUID]](list), defaultdict[float, list[uuid.UUID]](list)
    outcomes: list[tuple[Delivery, rules.Outcome]] = []
    for row in rows:
        waited = (clock.now() - first[row.id]).total_seconds() if row.id in first else 0.0
        retry = authorities.published_profile(row.authority).retry
        found = rules.outcome(answers[DeliveryId(row.id)], waited, retry, sent=sent)
        outcomes.append((row, found))
        if found.ask_after is not None:
            ask[found.ask_after].append(row.id)
        if found.send_after is not None:
            send[found.send_after].append(row.id)
    await _change(session, outcomes)
    telling = [row for row, found in outcomes if found.state in rules.TELLING and row.action != Action.RECALL]
    recalled = await transcripts.recalled_among(session, [row.version_id for row in telling])
    await jobs.enqueue(session, rules.OPEN_RECALL, *recalled)
    for after, delivery_ids in ask.items():
        await jobs.enqueue(session, rules.QUERY, *delivery_ids, after=after)
    for after, delivery_ids in send.items():
        await jobs.enqueue(session, rules.SEND, *delivery_ids, after=after)


async def _change(session: TenantSession, outcomes: Sequence[tuple[Delivery, rules.Outcome]]) -> None:
    now = clock.now()
    changes = [
        {
            "id": row.id,
            "state": found.state.value,
            "reason": found.reason,
            "authority_reference": found.reference or None,
            "answered_at": now if found.state in rules.FINAL else None,
            "errors": msgspec.json.encode(found.errors).decode() if found.state in rules.FINAL else None,
        }
        for row, found in outcomes
    ]
    await queries.change_deliveries(session, changes)
    deeds = [
        audit.Deed(row.id, row.label, {"state": found.state.value}, (row.version_id,))
        for row, found in outcomes
        if found.state in rules.FINAL
    ]
    by = machine(session.tenant_id)
    await audit.record_many(session, by, AuditAction.DELIVERY_ANSWERED, deeds)
    told = [rules.announcement(row.action, row.version_id, row.state, found) for row, found in outcomes]
    await outbox.emit_all(session, [event for event in told if event is not None])


async def keep_evidence(session: TenantSession, evidence: Iterable[Evidence]) -> None:
    """What a person brought is in the store already; here the school comes to own it."""
    both = [part for one in evidence for part in (one.sent, one.received)]
    await storage.register(session, *(storage.file_of(part, "application/octet-stream") for part in both))
