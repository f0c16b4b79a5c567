"""Sending issued versions to the school's Authority, with one message id for ever and every attempt kept."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock, jobs, outbox, parked_jobs, storage
from backend.core.actor import Actor, machine
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import BoundAuthority, Endpoint, Trial
from backend.integrations.deliveries import exchange, gates, opening, queries, rules
from backend.integrations.deliveries.channels import rest
from backend.integrations.deliveries.channels.port import (
    Accepted,
    AuthorityError,
    Evidence,
    Locked,
    QueryResult,
    Rejected,
    SendResult,
)
from backend.integrations.deliveries.events import DeliveryLocked
from backend.integrations.deliveries.manifests import delivery_manifests as delivery_manifests
from backend.integrations.deliveries.manifests import restore_delivery as restore_delivery
from backend.integrations.deliveries.models import Delivery
from backend.integrations.deliveries.schemas import (
    Action,
    AttemptView,
    CarriedFile,
    ClassProgress,
    DeliveryId,
    DeliveryState,
    DeliverySummary,
    FetchedList,
    Question,
    Sending,
    SentMessage,
    ToCarry,
)
from backend.integrations.profiles import messages
from backend.integrations.profiles.answers import Reading
from backend.integrations.profiles.schemas import Profile
from backend.records.calendar import service as calendar
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IN_FORCE, VersionState, VersionSummary

#: Name of the task that queues issued versions (tasks.py).
OPEN = rules.OPEN
#: Versions that one question names.
_AT_ONCE = 5000


async def open_deliveries(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """Queue issued versions for the school's Authority (`opening.open_deliveries`). Safe to repeat."""
    await opening.open_deliveries(session, version_ids)


async def packages_of(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """SHA-256 of the XML that each delivery sends. Raises NotFound."""
    return {row.id: row.package_sha256 for row in await _hold(session, delivery_ids)}


async def begin_sending(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> list[Sending]:
    """Commit the attempts before the first byte leaves; without deliveries that are not to be sent (any more).

    A delivery that is found `sending` was interrupted: it may have arrived, so it becomes unknown and is asked about.
    """
    rows = await _hold(session, delivery_ids)
    interrupted = [row.id for row in rows if row.state == DeliveryState.SENDING]
    reason = "Lần gửi trước bị ngắt giữa chừng; hệ thống hỏi lại trước khi gửi lại."
    unknown = {"state": DeliveryState.UNKNOWN, "reason": reason}
    await queries.update_deliveries(session, interrupted, unknown)
    if interrupted:
        found = await _authorities(session, rows)
        settle = max(authority.endpoint.profile.retry.settle for authority in found.values())
        await jobs.enqueue(session, rules.QUERY, *interrupted, after=settle)
    queued = [row for row in rows if row.state == DeliveryState.QUEUED]
    if queued:
        queued = await gates.let_through(session, queued, await _authorities(session, queued))
    if not queued:
        return []
    sendings = await sendings_of(session, queued)
    await queries.begin_attempts(session, {one.delivery_id: one.attempt_id for one in sendings}, clock.now())
    sending = {"state": DeliveryState.SENDING, "reason": None}
    await queries.update_deliveries(session, [row.id for row in queued], sending)
    return sendings


async def sendings_of(session: TenantSession, rows: Sequence[Delivery]) -> list[Sending]:
    """All that the channel needs to send these."""
    found = await _authorities(session, rows)
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


async def waiting_by_class(session: TenantSession) -> list[ToCarry]:
    """What waits for a person to carry it to a portal."""
    return [
        ToCarry(authority=row.authority, class_name=row.class_name, count=row.number)
        for row in await queries.waiting_by_class(session)
    ]


async def to_carry(session: TenantSession, authority: str, class_name: str | None) -> list[Sending]:
    """What a person is to carry to a portal, of one class or all, by class and pupil."""
    rows = await queries.of_portal(session, DeliveryState.WAITING, authority, None)
    wanted = [row for row in rows if class_name is None or row.label.partition(" · ")[0] == class_name]
    return await sendings_of(session, wanted) if wanted else []


async def carried(session: TenantSession, file: CarriedFile) -> list[Sending]:
    """What a person took to a portal in one file."""
    rows = await queries.of_portal(session, DeliveryState.HANDED, file.authority, file.sha256)
    return await sendings_of(session, rows) if rows else []


async def files_carried(session: TenantSession) -> list[CarriedFile]:
    """The files that people took to a portal and of which there is no receipt, the oldest first."""
    return [
        CarriedFile(
            authority=row.authority, sha256=row.sent_sha256, taken_at=row.started_at, count=row.number
        )
        for row in await queries.files_carried(session)
    ]


async def hand_over(
    session: TenantSession, actor: Actor, delivery_ids: Sequence[uuid.UUID], file_sha256: str
) -> None:
    """A person takes the file with these to the portal: until its receipt is here, nobody knows more. Raises Conflict."""
    rows = await _hold(session, delivery_ids)
    if any(row.state != DeliveryState.WAITING for row in rows):
        raise Conflict("Có học bạ đã nằm trong tệp khác; hãy mở lại trang rồi lấy tệp.")
    attempts = {DeliveryId(row.id): new_id() for row in rows}
    await queries.begin_attempts(session, attempts, clock.now())
    for attempt_id in attempts.values():
        await queries.end_attempt(session, attempt_id, {"sent_sha256": file_sha256})
    handed = {"state": DeliveryState.HANDED, "reason": None}
    await queries.update_deliveries(session, delivery_ids, handed)
    await _record_carried(session, actor, AuditAction.DELIVERY_HANDED, rows)


async def take_back(session: TenantSession, actor: Actor, file: CarriedFile) -> None:
    """The file never reached the portal, says a person: what was in it waits again. Raises NotFound."""
    rows = await queries.of_portal(session, DeliveryState.HANDED, file.authority, file.sha256)
    if not rows:
        raise NotFound("Không tìm thấy tệp đang chờ biên nhận này.")
    await _end_carried(session, rows, "notsent", None)
    waiting = {"state": DeliveryState.WAITING, "reason": None}
    await queries.update_deliveries(session, [row.id for row in rows], waiting)
    await _record_carried(session, actor, AuditAction.DELIVERY_TAKEN_BACK, rows)


async def record_receipt(
    session: TenantSession, actor: Actor, readings: Sequence[tuple[Sending, Reading]], receipt: bytes
) -> None:
    """What the receipt that a person brought says of all that was in a file. Raises Conflict when it was brought before.

    The bytes of the receipt are in the store already.
    """
    rows = await _hold(session, [sending.delivery_id for sending, _ in readings])
    if any(row.state != DeliveryState.HANDED for row in rows):
        raise Conflict("Biên nhận của tệp này đã được ghi; hãy mở lại trang.")
    evidence = exchange.brought(receipt)
    await _end_carried(session, rows, "received", evidence.received_sha256)
    await _record_carried(session, actor, AuditAction.DELIVERY_RECEIPT, rows)
    await _keep_evidence(session, [evidence])
    told = {one.delivery_id: rest.told(reading, one.endpoint.profile, evidence) for one, reading in readings}
    await _apply(session, told)


async def waiting_recalls(session: TenantSession) -> list[DeliverySummary]:
    """What is to be taken back at an Authority that a letter has to ask."""
    return [queries.summary_of(row) for row in await queries.waiting_recalls(session)]


async def record_letter(
    session: TenantSession, actor: Actor, delivery_id: uuid.UUID, number: str, refusal: str, letter: bytes
) -> None:
    """What the Authority wrote about a recall, with the number of its letter; `refusal` is why it will not, else empty.

    The bytes of the letter are in the store already. Raises NotFound, Conflict for a recall that waits for no letter.
    """
    [row] = await _hold(session, [delivery_id])
    if row.state != DeliveryState.WAITING or row.action != Action.RECALL:
        raise Conflict(f"{row.label}: không còn chờ văn bản trả lời về đề nghị thu hồi.")
    evidence = exchange.brought(letter)
    answer: QueryResult = Accepted(receipt=number, evidence=evidence)
    if refusal:
        answer = Rejected(errors=(AuthorityError(code=number, field="", message=refusal),), evidence=evidence)
    await queries.begin_attempts(session, {DeliveryId(row.id): new_id()}, clock.now())
    await _end_carried(session, [row], "received", evidence.received_sha256)
    await _keep_evidence(session, [evidence])
    await _record_carried(session, actor, AuditAction.DELIVERY_RECEIPT, [row])
    await _apply(session, {DeliveryId(row.id): answer})


async def _end_carried(
    session: TenantSession, rows: Sequence[Delivery], outcome: str, answer_sha256: str | None
) -> None:
    values = {"ended_at": clock.now(), "outcome": outcome, "answer_sha256": answer_sha256}
    await queries.end_open_attempts(session, [row.id for row in rows], values)


async def _record_carried(
    session: TenantSession, actor: Actor, action: AuditAction, rows: Sequence[Delivery]
) -> None:
    deeds = [audit.Deed(row.id, row.label, about=(row.version_id,)) for row in rows]
    await audit.record_many(session, actor, action, deeds)


async def record_sent(session: TenantSession, answers: Sequence[tuple[Sending, SendResult]]) -> None:
    """What came back on some attempts, with its evidence."""
    await _keep_evidence(session, [answer.evidence for _, answer in answers])
    for sending, answer in answers:
        ended = {
            "ended_at": answer.evidence.ended_at,
            "outcome": type(answer).__name__.lower(),
            "sent_sha256": answer.evidence.sent_sha256,
            "answer_sha256": answer.evidence.received_sha256,
        }
        await queries.end_attempt(session, sending.attempt_id, ended)
    await _apply(session, {sending.delivery_id: answer for sending, answer in answers})


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


async def _authorities(session: TenantSession, rows: Sequence[Delivery]) -> dict[str, BoundAuthority]:
    """Those that the messages go to: a message keeps to the profile with which it began."""
    return {one: await authorities.authority_of(session, one) for one in {row.authority for row in rows}}


async def record_answers(session: TenantSession, answers: Sequence[tuple[Question, QueryResult]]) -> None:
    """What the Authority says became of some messages."""
    await _keep_evidence(session, [answer.evidence for _, answer in answers])
    await _apply(session, {question.delivery_id: answer for question, answer in answers})


async def try_out(endpoint: Endpoint, sender_code: str) -> Trial:
    """Ask the Authority about a message that there is not: it answers when address, secrets and profile are right."""
    return await exchange.try_out(endpoint, sender_code)


async def fetch_list(tenant_id: uuid.UUID, endpoint: Endpoint, sender_code: str) -> FetchedList:
    """What an Authority has of a school, asked for outside of a transaction."""
    return await exchange.fetch_list(tenant_id, endpoint, sender_code)


async def messages_to(session: TenantSession, authority: str) -> list[SentMessage]:
    """The messages that brought versions to an Authority, whatever became of them."""
    rows = await queries.sent_to(session, authority)
    withdrawn = {row.refers_to for row in rows if row.refers_to and row.state == DeliveryState.ACCEPTED}
    brought = [row for row in rows if row.action != Action.RECALL]
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


async def record_locked(session: TenantSession, answers: Sequence[tuple[Question, QueryResult]]) -> None:
    """Announce what the Authority has locked. Any other answer changes nothing: the next night asks again."""
    locked = [(question, answer) for question, answer in answers if isinstance(answer, Locked)]
    await _keep_evidence(session, [answer.evidence for _, answer in locked])
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


async def list_deliveries(
    session: TenantSession, *, state: DeliveryState | None = None, limit: int = 50, offset: int = 0
) -> list[DeliverySummary]:
    """Newest first."""
    return [queries.summary_of(row) for row in await queries.list_deliveries(session, state, limit, offset)]


async def open_list(
    session: TenantSession, actor: Actor, state: DeliveryState | None, *, limit: int, offset: int
) -> list[DeliverySummary]:
    """`list_deliveries` for a person who looks at them."""
    found = await list_deliveries(session, state=state, limit=limit, offset=offset)
    if found:
        about = [one.version_id for one in found]
        label = "Danh sách gửi dữ liệu"
        audit_reads.record_read(session, actor, AuditAction.DELIVERY_READ, None, label, about)
    return found


async def deliveries_after(
    session: TenantSession, after: uuid.UUID | None, limit: int, *, state: DeliveryState | None = None
) -> list[DeliverySummary]:
    """The next deliveries after one, oldest first, for systems that read all of them part by part."""
    return [queries.summary_of(row) for row in await queries.deliveries_after(session, after, limit, state)]


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


async def _apply(session: TenantSession, answers: Mapping[DeliveryId, SendResult | QueryResult]) -> None:
    """Final states never flip: a later contradiction is left to reconciliation."""
    rows = [row for row in await _hold(session, list(answers)) if row.state not in rules.FINAL]
    first = await queries.first_attempts(session, [row.id for row in rows])
    authority = await _authorities(session, rows)
    ask, send = defaultdict[float, list[uuid.UUID]](list), defaultdict[float, list[uuid.UUID]](list)
    for row in rows:
        waited = (clock.now() - first[row.id]).total_seconds() if row.id in first else 0.0
        retry = authority[row.authority].endpoint.profile.retry
        found = rules.outcome(answers[DeliveryId(row.id)], waited, retry)
        await _change(session, row, found)
        if found.ask_after is not None:
            ask[found.ask_after].append(row.id)
        if found.send_after is not None:
            send[found.send_after].append(row.id)
    for after, delivery_ids in ask.items():
        await jobs.enqueue(session, rules.QUERY, *delivery_ids, after=after)
    for after, delivery_ids in send.items():
        await jobs.enqueue(session, rules.SEND, *delivery_ids, after=after)


async def _change(session: TenantSession, row: Delivery, found: rules.Outcome) -> None:
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
            about=(row.version_id,),
            state=found.state.value,
        )
    await queries.update_deliveries(session, [row.id], values)
    event = rules.announcement(row.action, row.version_id, row.state, found)
    if event:
        await outbox.emit(session, event)


async def _keep_evidence(session: TenantSession, evidence: Iterable[Evidence]) -> None:
    """The bytes are in the store already (exchange.py); here the school comes to own them."""
    both = [part for one in evidence for part in (one.sent, one.received)]
    await storage.register(session, *(storage.file_of(part, "application/octet-stream") for part in both))


async def _hold(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> Sequence[Delivery]:
    rows = await queries.hold_deliveries(session, delivery_ids)
    if len(rows) < len(set(delivery_ids)):
        raise NotFound("Không tìm thấy lần gửi này.")
    return rows
