"""What a person carries to a portal and what comes back with it, in the tables of deliveries: doors of `service`."""

import uuid
from collections.abc import Sequence

from backend.core import audit, clock, jobs
from backend.core.actor import Actor
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.integrations.deliveries import exchange, queries, rules
from backend.integrations.deliveries.channels import rest
from backend.integrations.deliveries.channels.port import Accepted, AuthorityError, QueryResult, Rejected
from backend.integrations.deliveries.keeping import apply, hold, keep_evidence, sendings_of
from backend.integrations.deliveries.models import Delivery
from backend.integrations.deliveries.schemas import (
    Action,
    CarriedFile,
    DeliveryId,
    DeliveryState,
    DeliverySummary,
    Sending,
    ToCarry,
)
from backend.integrations.profiles.answers import Reading
from backend.records.transcripts import service as transcripts


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
    rows = await hold(session, delivery_ids)
    if any(row.state != DeliveryState.WAITING for row in rows):
        raise Conflict("Có học bạ đã nằm trong tệp khác; hãy mở lại trang rồi lấy tệp.")
    attempts = {DeliveryId(row.id): new_id() for row in rows}
    await queries.begin_attempts(session, attempts, clock.now())
    carried = {"ended_at": None, "outcome": None, "sent_sha256": file_sha256, "answer_sha256": None}
    await queries.end_attempts(session, [{"id": one, **carried} for one in attempts.values()])
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
    recalled = await transcripts.recalled_among(session, [row.version_id for row in rows])
    await jobs.enqueue(session, rules.OPEN_RECALL, *recalled)
    await _record_carried(session, actor, AuditAction.DELIVERY_TAKEN_BACK, rows)


async def record_receipt(
    session: TenantSession, actor: Actor, readings: Sequence[tuple[Sending, Reading]], receipt: bytes
) -> None:
    """What the receipt that a person brought says of all that was in a file. Raises Conflict when it was brought before.

    The bytes of the receipt are in the store already.
    """
    rows = await hold(session, [sending.delivery_id for sending, _ in readings])
    if any(row.state != DeliveryState.HANDED for row in rows):
        raise Conflict("Biên nhận của tệp này đã được ghi; hãy mở lại trang.")
    evidence = exchange.brought(receipt)
    await _end_carried(session, rows, "received", evidence.received_sha256)
    await _record_carried(session, actor, AuditAction.DELIVERY_RECEIPT, rows)
    await keep_evidence(session, [evidence])
    told = {one.delivery_id: rest.told(reading, one.endpoint.profile, evidence) for one, reading in readings}
    await apply(session, told)


async def waiting_recalls(session: TenantSession) -> list[DeliverySummary]:
    """What is to be taken back at an Authority that a letter has to ask."""
    return [queries.summary_of(row) for row in await queries.waiting_recalls(session)]


async def record_letter(
    session: TenantSession, actor: Actor, delivery_id: uuid.UUID, number: str, refusal: str, letter: bytes
) -> None:
    """What the Authority wrote about a recall, with the number of its letter; `refusal` is why it will not, else empty.

    The bytes of the letter are in the store already. Raises NotFound, Conflict for a recall that waits for no letter.
    """
    [row] = await hold(session, [delivery_id])
    if row.state != DeliveryState.WAITING or row.action != Action.RECALL:
        raise Conflict(f"{row.label}: không còn chờ văn bản trả lời về đề nghị thu hồi.")
    evidence = exchange.brought(letter)
    answer: QueryResult = Accepted(receipt=number, evidence=evidence)
    if refusal:
        answer = Rejected(errors=(AuthorityError(code=number, field="", message=refusal),), evidence=evidence)
    await queries.begin_attempts(session, {DeliveryId(row.id): new_id()}, clock.now())
    await _end_carried(session, [row], "received", evidence.received_sha256)
    await keep_evidence(session, [evidence])
    await _record_carried(session, actor, AuditAction.DELIVERY_RECEIPT, [row])
    await apply(session, {DeliveryId(row.id): answer})


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
