"""Sending issued versions to the school's Authority, with one message id for ever and every attempt kept."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from backend.core import audit, audit_reads, clock, jobs, outbox, parked_jobs, storage
from backend.core.actor import Actor
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import Endpoint, Trial
from backend.integrations.deliveries import exchange, gates, opening, queries, rules
from backend.integrations.deliveries.carrying import carried as carried
from backend.integrations.deliveries.carrying import files_carried as files_carried
from backend.integrations.deliveries.carrying import hand_over as hand_over
from backend.integrations.deliveries.carrying import record_letter as record_letter
from backend.integrations.deliveries.carrying import record_receipt as record_receipt
from backend.integrations.deliveries.carrying import take_back as take_back
from backend.integrations.deliveries.carrying import to_carry as to_carry
from backend.integrations.deliveries.carrying import waiting_by_class as waiting_by_class
from backend.integrations.deliveries.carrying import waiting_recalls as waiting_recalls
from backend.integrations.deliveries.channels.port import QueryResult, SendResult
from backend.integrations.deliveries.events import DeliveryLocked
from backend.integrations.deliveries.keeping import apply as _apply
from backend.integrations.deliveries.keeping import authorities_of as _authorities
from backend.integrations.deliveries.keeping import hold as _hold
from backend.integrations.deliveries.keeping import sendings_of as sendings_of
from backend.integrations.deliveries.manifests import delivery_manifests as delivery_manifests
from backend.integrations.deliveries.manifests import restore_delivery as restore_delivery
from backend.integrations.deliveries.models import Delivery
from backend.integrations.deliveries.schemas import (
    Action,
    AttemptView,
    ClassProgress,
    DeliveryId,
    DeliveryState,
    DeliverySummary,
    FetchedList,
    Question,
    Sending,
    SentMessage,
)
from backend.integrations.profiles.schemas import Profile
from backend.records.calendar import service as calendar
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IN_FORCE, VersionState, VersionSummary

#: What may go, with its message as it leaves.
Ready = Mapping[DeliveryId, tuple[Sending, exchange.Made]]
#: Name of the task that queues issued versions (tasks.py).
OPEN = rules.OPEN
#: Versions that one question names.
_AT_ONCE = 5000


async def open_deliveries(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """Queue issued versions for the school's Authority (`opening.open_deliveries`). Safe to repeat."""
    await opening.open_deliveries(session, version_ids)


async def to_send(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> list[Sending]:
    """What of these deliveries may go: their messages are made next. Raises NotFound."""
    rows = [row for row in await _hold(session, delivery_ids) if row.state in rules.TO_SEND]
    return await sendings_of(session, rows) if rows else []


async def note_made(session: TenantSession, ready: Ready) -> None:
    """Nothing goes now; of drafts is known by now whether they can."""
    rows = [row for row in await _hold(session, list(ready)) if row.state in rules.TO_SEND]
    drafts = [row.id for row in await _fit(session, rows, ready) if row.state == DeliveryState.DRAFT]
    await queries.update_deliveries(session, drafts, {"state": DeliveryState.VALIDATED})


async def _fit(session: TenantSession, rows: Sequence[Delivery], ready: Ready) -> list[Delivery]:
    """Those that still go and of which there is a message. One without waits for a person, who reads why."""
    going = await opening.without_recalled(session, rows) if rows else []
    unfit = {row.id: reason for row in going if (reason := ready[DeliveryId(row.id)][1].reason)}
    for delivery_id, reason in unfit.items():
        parked = {"state": DeliveryState.PARKED, "reason": reason}
        await queries.update_deliveries(session, [delivery_id], parked)
    return [row for row in going if row.id not in unfit]


async def begin_sending(
    session: TenantSession, delivery_ids: Sequence[uuid.UUID], ready: Ready
) -> list[Sending]:
    """Commit the attempts before the first byte leaves; without deliveries that are not to be sent (any more).

    A delivery that is found `sending` was interrupted: it may have arrived, so it becomes unknown and is asked about.
    One that may be sent only by now, and of which nothing was made, is taken up again.
    """
    rows = await _hold(session, delivery_ids)
    interrupted = [row.id for row in rows if row.state == DeliveryState.SENDING]
    reason = "Lần gửi trước bị ngắt giữa chừng; hệ thống hỏi lại trước khi gửi lại."
    unknown = {"state": DeliveryState.UNKNOWN, "reason": reason}
    await queries.update_deliveries(session, interrupted, unknown)
    found = await _authorities(session, rows)
    if interrupted:
        settle = max(authority.endpoint.profile.retry.settle for authority in found.values())
        await jobs.enqueue(session, rules.QUERY, *interrupted, after=settle)
    queued = [row for row in rows if row.state in rules.TO_SEND]
    await jobs.enqueue(session, rules.SEND, *(row.id for row in queued if row.id not in ready))
    queued = await _fit(session, [row for row in queued if row.id in ready], ready)
    if queued:
        queued = await gates.in_order(session, queued)
        queued = await gates.let_through(session, queued, found)
    if not queued:
        return []
    sendings = [ready[DeliveryId(row.id)][0] for row in queued]
    await queries.begin_attempts(session, {one.delivery_id: one.attempt_id for one in sendings}, clock.now())
    sending = {"state": DeliveryState.SENDING, "reason": None}
    await queries.update_deliveries(session, [row.id for row in queued], sending)
    return sendings


async def record_sent(
    session: TenantSession, answers: Sequence[tuple[Sending, SendResult]], kept: Sequence[storage.Packed]
) -> None:
    """What came back on some attempts, with its evidence, which is `kept` in the store."""
    await storage.register(session, *kept)
    ended = [
        {
            "id": sending.attempt_id,
            "ended_at": answer.evidence.ended_at,
            "outcome": rules.outcome_name(answer),
            "sent_sha256": answer.evidence.sent_sha256,
            "answer_sha256": answer.evidence.received_sha256,
        }
        for sending, answer in answers
    ]
    await queries.end_attempts(session, ended)
    await _apply(session, {sending.delivery_id: answer for sending, answer in answers}, sent=True)


async def to_query(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> list[Question]:
    """What is to be asked about messages of which the answer is not known. Raises NotFound."""
    rows = await _hold(session, delivery_ids)
    asked = (DeliveryState.RECEIVED, DeliveryState.UNKNOWN)
    return await _questions(session, [row for row in rows if row.state in asked])


async def _questions(session: TenantSession, rows: Sequence[Delivery]) -> list[Question]:
    found = await _authorities(session, rows)
    return [
        Question(
            delivery_id=DeliveryId(row.id),
            endpoint=found[row.authority].endpoint,
            message_id=row.message_id,
            sender_code=found[row.authority].sender_code,
        )
        for row in rows
    ]


async def record_answers(
    session: TenantSession, answers: Sequence[tuple[Question, QueryResult]], kept: Sequence[storage.Packed]
) -> None:
    """What the Authority says became of some messages; its words are `kept` in the store."""
    await storage.register(session, *kept)
    await _apply(session, {question.delivery_id: answer for question, answer in answers})


async def try_out(endpoint: Endpoint, sender_code: str) -> Trial:
    """Ask the Authority about a message that there is not: it answers when address, secrets and profile are right."""
    return await exchange.try_out(endpoint, sender_code)


async def fetch_list(tenant_id: uuid.UUID, endpoint: Endpoint, sender_code: str) -> FetchedList:
    """What an Authority has of a school, asked for outside of a transaction."""
    return await exchange.fetch_list(tenant_id, endpoint, sender_code)


async def messages_to(session: TenantSession, authority: str) -> list[SentMessage]:
    """The messages that brought versions to an Authority, through any edition of its profile, whatever became of them."""
    rows = await queries.sent_to(session, authorities.editions_of(authority))
    withdrawn = {row.refers_to for row in rows if row.refers_to and row.state == DeliveryState.ACCEPTED}
    brought = [row for row in rows if row.action != Action.RECALL and row.state != DeliveryState.CANCELLED]
    versions: dict[uuid.UUID, VersionSummary] = {}
    for start in range(0, len(brought), _AT_ONCE):
        part = [row.version_id for row in brought[start : start + _AT_ONCE]]
        versions |= {one.id: one for one in await transcripts.get_versions(session, part)}
    return [
        SentMessage(
            delivery_id=DeliveryId(row.id),
            message_id=row.message_id,
            label=row.label,
            lookup_code=versions[row.version_id].lookup_code,
            version=str(versions[row.version_id].number),
            sha256=row.package_sha256,
            state=DeliveryState(row.state),
            withdrawn=row.message_id in withdrawn,
        )
        for row in brought
    ]


async def versions_of(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """The versions that some deliveries are about."""
    return sorted({row.version_id for row in await queries.deliveries(session, delivery_ids)})


async def ask_again(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> None:
    """Have the Authority asked now what became of messages of which the answer is not known."""
    await jobs.enqueue(session, rules.QUERY, *delivery_ids)


async def why_waiting(session: TenantSession, profile: Profile) -> str:
    """Why nothing goes to an Authority at the moment, in a sentence; empty where messages go."""
    return gates.words(await gates.state(session, profile))


async def last_answer(session: TenantSession) -> datetime | None:
    """When an Authority has last decided about something of this school."""
    return await queries.last_answer(session)


async def queue_lock_questions(session: TenantSession) -> None:
    """Have the Authority asked whether it has locked what it accepted: it may do so before the last day of any plan."""
    versions = await transcripts.classes_of(session, {VersionState.ACCEPTED})
    accepted = await queries.accepted(session, list(versions))
    await jobs.enqueue(session, rules.ASK_LOCKED, *(row.id for row in accepted.values()))


async def to_ask_locked(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> list[Question]:
    """What is to be asked about accepted messages. Raises NotFound."""
    return await _questions(session, await _hold(session, delivery_ids))


async def record_locked(
    session: TenantSession, locked: Sequence[tuple[Question, QueryResult]], kept: Sequence[storage.Packed]
) -> None:
    """Announce what the Authority has locked. Any other answer changes nothing: the next night asks again."""
    await storage.register(session, *kept)
    rows = await _hold(session, [question.delivery_id for question, _ in locked])
    await outbox.emit_all(session, [DeliveryLocked(row.version_id) for row in rows])


async def park(session: TenantSession, delivery_id: uuid.UUID, reason: str) -> None:
    """The machine cannot go on with a delivery: it waits for a person, who sees why."""
    [row] = await _hold(session, [delivery_id])
    if row.state not in rules.FINAL:
        parked = {"state": DeliveryState.PARKED, "reason": reason}
        await queries.update_deliveries(session, [delivery_id], parked)


async def retry(session: TenantSession, actor: Actor, delivery_id: uuid.UUID) -> None:
    """A person sends a parked delivery again: the same message under the same id. Raises Conflict for others."""
    [row] = await _hold(session, [delivery_id])
    if row.state != DeliveryState.PARKED:
        raise Conflict(f"{row.label}: chỉ gửi lại được hồ sơ đang chờ người xử lý.")
    unknown = {"state": DeliveryState.UNKNOWN, "reason": None}
    await queries.update_deliveries(session, [delivery_id], unknown)
    about = (row.version_id,)
    await audit.record(session, actor, AuditAction.DELIVERY_QUEUED, delivery_id, row.label, about=about)
    await jobs.enqueue(session, rules.QUERY, delivery_id)


async def counts(session: TenantSession) -> dict[DeliveryState, int]:
    """Deliveries per state."""
    return {DeliveryState(row.state): row.number for row in await queries.counts(session)}


async def states_of_versions(session: TenantSession) -> dict[uuid.UUID, tuple[DeliveryState, str]]:
    """version → how its delivery stands, and why, of those that have one."""
    rows = await queries.states_of_versions(session)
    return {row.version_id: (DeliveryState(row.state), row.reason or "") for row in rows}


async def accepted_at(session: TenantSession) -> dict[uuid.UUID, datetime]:
    """version → when the Authority took it in, of those that it has."""
    return {row.version_id: row.at for row in await queries.accepted_at(session)}


async def press_on(session: TenantSession, actor: Actor, version_ids: Sequence[uuid.UUID]) -> int:
    """Issued versions that are on no way go, and what is parked of them goes again under its own id. Counts them."""
    sent = await queries.sent_versions(session, version_ids)
    unsent = [one for one in version_ids if one not in sent]
    begun, fresh = await parked_jobs.begin_again(session, rules.OPEN, unsent)
    await jobs.enqueue(session, rules.OPEN, *fresh)
    return begun + len(fresh) + await resume(session, actor, await queries.parked_of(session, version_ids))


async def resume(session: TenantSession, actor: Actor, parked: Sequence[Delivery]) -> int:
    """The Authority may have a message already, so it is asked before anything is sent again."""
    ids = [row.id for row in parked]
    deeds = [audit.Deed(row.id, row.label, about=(row.version_id,)) for row in parked]
    await queries.update_deliveries(session, ids, {"state": DeliveryState.UNKNOWN, "reason": None})
    await audit.record_many(session, actor, AuditAction.DELIVERY_QUEUED, deeds)
    await jobs.enqueue(session, rules.QUERY, *ids)
    return len(ids)


async def progress_by_class(session: TenantSession) -> list[ClassProgress]:
    """The classes of the newest year of which something is issued: what has been sent and accepted."""
    classes = await roster.list_classes_of_newest_year(session)
    if not classes:
        return []
    dues = await calendar.dues(session, await calendar.get_year(session, classes[0].academic_year_id))
    issued = await transcripts.classes_of(session, IN_FORCE)
    states: dict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    for row in await queries.states_of_versions(session):
        states[issued.get(row.version_id, row.version_id)][row.state] += 1
    numbers = Counter(issued.values())
    return [
        rules.class_progress(one, numbers[one.id], states[one.id], dues[one.grade_level], clock.today())
        for one in classes
        if numbers[one.id]
    ]


async def deliveries_after(
    session: TenantSession, after: uuid.UUID | None, limit: int, *, state: DeliveryState | None = None
) -> list[DeliverySummary]:
    """The next deliveries after one, oldest first, for systems that read all of them part by part.

    Whoever asks for those that are queued means all that wait to be sent.
    """
    states = rules.TO_SEND if state is DeliveryState.QUEUED else {state} if state else None
    return [queries.summary_of(row) for row in await queries.deliveries_after(session, after, limit, states)]


async def of_version(session: TenantSession, version_id: uuid.UUID) -> list[DeliverySummary]:
    """Deliveries of one transcript version."""
    return [queries.summary_of(row) for row in await queries.of_version(session, version_id)]


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
    return queries.summary_of(row), attempts


async def open_delivery(
    session: TenantSession, actor: Actor, delivery_id: uuid.UUID
) -> tuple[DeliverySummary, Sequence[AttemptView]]:
    """`get_delivery` for a person who looks at it. Raises NotFound."""
    delivery, attempts = await get_delivery(session, delivery_id)
    version = await transcripts.get_version(session, delivery.version_id)
    about = (version.id, version.student_id)
    audit_reads.record_read(session, actor, AuditAction.DELIVERY_READ, delivery_id, delivery.label, about)
    return delivery, attempts
