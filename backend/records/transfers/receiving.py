"""A học bạ comes from another school: its package is kept with the verdict, and its years are taken over, read-only."""

import uuid
from typing import Any

from backend.core import audit, audit_reads, clock, storage
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.records.movements import service as movements
from backend.records.roster import service as roster
from backend.records.roster.schemas import PupilRecord
from backend.records.transfers import queries, rules
from backend.records.transfers.models import ReceivedPackage
from backend.records.transfers.schemas import (
    PDF_TYPE,
    Offer,
    OfferState,
    Package,
    Pupil,
    ReceivedId,
    ReceivedState,
    RefusalReason,
)
from backend.tenants.permissions import Permission

_ANSWERED = "Gói học bạ này vừa được người khác trả lời, hoặc trường gửi đã rút lại; xin tải lại trang."


async def keep(session: TenantSession, actor: Actor, student_id: uuid.UUID, package: Package) -> ReceivedId:
    """Keep a package that was checked and stored, until somebody takes it over or throws it away.

    Raises NotFound, Invalid for another pupil's, Conflict for one that was taken over before.
    """
    record = await roster.hold_record(session, student_id)
    rules.require_pupil(record, package.manifest.student)
    return await _insert(session, actor, record, package)


async def require_pupil(session: TenantSession, student_id: uuid.UUID, package: Package) -> None:
    """Raises Invalid where a package is another pupil's, before anything of it is stored; NotFound."""
    rules.require_pupil(await roster.get_record(session, student_id), package.manifest.student)


async def digest_of(session: TenantSession, student_id: uuid.UUID, received_id: uuid.UUID) -> str:
    """SHA-256 of a package that was kept for a pupil. Raises NotFound."""
    return (await _received(session, student_id, received_id)).sha256


async def accept(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, received_id: uuid.UUID, package: Package
) -> int:
    """Take the years of a kept package over, whose bytes were checked again; returns how many.

    Raises NotFound, Invalid for another pupil's, Conflict where it was decided before or a year stands there already.
    """
    record = await roster.hold_record(session, student_id)
    row = await _waiting(session, record, received_id)
    if row.sha256 != package.sha256:
        raise Conflict(
            f"Tệp đã kiểm tra không phải gói học bạ này của {record.full_name}; xin tải lại trang."
        )
    rules.require_pupil(record, package.manifest.student)
    rules.require_standing(package)
    years = await movements.enter_received_years(session, actor, record, rules.new_years(package))
    values = _decided(actor, ReceivedState.ACCEPTED) | {"earlier_year_ids": years}
    await queries.update_received(session, row.id, values)
    await _record(session, actor, Action.TRANSFER_ACCEPTED, row.id, record, package)
    return len(years)


async def discard(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, received_id: uuid.UUID
) -> None:
    """A kept package is not taken over. Raises NotFound, Conflict where it was decided before."""
    record = await roster.hold_record(session, student_id)
    row = await _waiting(session, record, received_id)
    await queries.update_received(session, row.id, _decided(actor, ReceivedState.DISCARDED))
    deed = audit.Deed(row.id, record.label, {"sender": row.from_name, "sha256": row.sha256}, (student_id,))
    await audit.record_many(session, actor, Action.TRANSFER_DISCARDED, [deed])


async def list_offers(session: TenantSession) -> list[Offer]:
    """What other schools of the platform offer to this one, the newest first."""
    return [_offer(row) for row in await queries.offers(session)]


async def get_offer(session: TenantSession, offer_id: uuid.UUID) -> Offer:
    """One of them. Raises NotFound."""
    found = [one for one in await list_offers(session) if one.transfer_id == offer_id]
    if not found:
        raise NotFound("Không tìm thấy học bạ chuyển đến này.")
    return found[0]


async def pupil_of(session: TenantSession, actor: Actor, offer: Offer, said: Pupil) -> PupilRecord | None:
    """Whose package an offer is at this school, for a person who looks into it, which is recorded; None where there is
    no record yet."""
    found = await _find(session, said)
    about = [found.id] if found else []
    audit_reads.record_read(
        session,
        actor,
        Action.TRANSFER_OFFER_READ,
        offer.transfer_id,
        said.full_name,
        about,
        sender=offer.from_name,
    )
    return found


async def add_pupil(
    session: TenantSession, actor: Actor, offer_id: uuid.UUID, package: Package
) -> PupilRecord:
    """A record of the pupil of an offered package, with what its newest year says: nothing is typed again (PL1, R37).

    Raises Forbidden for whoever keeps no records, NotFound for an offer that is not this school's; Conflict where there
    is a record, it was answered or withdrawn, or another pupil has the code or the number.
    """
    if not actor.may(Permission.PUPILS_WRITE):
        raise Forbidden("Chỉ văn thư và ban giám hiệu lập được hồ sơ học sinh; hãy báo văn thư của trường.")
    offer = await get_offer(session, offer_id)
    if offer.state is not OfferState.OFFERED or offer.sha256 != package.sha256:
        raise Conflict(_ANSWERED)
    found = await _find(session, package.manifest.student)
    if found is not None:
        raise Conflict(f"Trường đã có hồ sơ của {found.full_name}; hãy nhận học bạ vào hồ sơ ấy.")
    student_id = await roster.add_pupil(session, actor, rules.as_typed(package))
    return await roster.get_record(session, student_id)


async def accept_offer(
    session: TenantSession, actor: Actor, offer_id: uuid.UUID, package: Package
) -> uuid.UUID:
    """Take the years of an offered package over and tell the sender, who has handed it over with that; the pupil.

    Raises NotFound for an offer that is not this school's or of a pupil without a record, Conflict where it was answered
    or withdrawn, or a year stands there already.
    """
    offer = await get_offer(session, offer_id)
    found = await _find(session, package.manifest.student)
    if found is None:
        raise NotFound(
            f"Trường chưa có hồ sơ của {package.manifest.student.full_name}; hãy thêm hồ sơ học sinh với số định danh cá "
            "nhân rồi nhận học bạ."
        )
    record = await roster.hold_record(session, found.id)
    if not await queries.answer(session, offer_id, OfferState.ACCEPTED, None):
        raise Conflict(_ANSWERED)
    received_id = await _insert(session, actor, record, package, offer.transfer_id)
    await accept(session, actor, record.id, received_id, package)
    return record.id


async def refuse_offer(session: TenantSession, actor: Actor, offer_id: uuid.UUID, typed: str) -> None:
    """Do not take an offered package; the sender reads why, and the bytes go.

    Raises NotFound, Invalid without a reason, Conflict where it was answered or withdrawn.
    """
    offer = await get_offer(session, offer_id)
    why: RefusalReason = rules.read_refusal(typed)
    if not await queries.answer(session, offer_id, OfferState.REFUSED, why.value):
        raise Conflict(_ANSWERED)
    if not await _is_owned(session, offer.sha256):
        storage.remove_afterwards(session, [offer.sha256])
    deed = audit.Deed(offer_id, offer.from_name, {"reason": rules.REFUSAL_NAMES[why], "sha256": offer.sha256})
    await audit.record_many(session, actor, Action.TRANSFER_OFFER_REFUSED, [deed])


async def _insert(
    session: TenantSession,
    actor: Actor,
    record: PupilRecord,
    package: Package,
    offer_id: uuid.UUID | None = None,
) -> ReceivedId:
    rules.require_standing(package)
    if await queries.is_accepted(session, package.sha256):
        raise Conflict(f"Gói học bạ này của {record.full_name} đã được nhận trước đó; không cần nhận lại.")
    await storage.register(session, storage.File(package.sha256, package.size, PDF_TYPE))
    received_id = ReceivedId(new_id())
    row: dict[str, Any] = {
        "id": received_id,
        "student_id": record.id,
        "offer_id": offer_id,
        "sha256": package.sha256,
        "from_name": package.manifest.sender.name,
        "from_code": package.manifest.sender.code,
        "state": ReceivedState.CHECKED,
        "verdict": rules.verdict_of(package, clock.now()),
        "earlier_year_ids": [],
        "received_by": actor.staff_id,
        "received_at": clock.now(),
    }
    await queries.insert_received(session, row)
    await _record(session, actor, Action.TRANSFER_CHECKED, received_id, record, package)
    return received_id


async def _find(session: TenantSession, said: Pupil) -> PupilRecord | None:
    ids = await queries.pupils_with(session, said.personal_id, said.student_code)
    records = [await roster.get_record(session, one) for one in ids]
    return next((one for one in records if rules.matches(one, said)), None)


async def _is_owned(session: TenantSession, sha256: str) -> bool:
    try:
        await storage.require_owned(session, [sha256])
    except NotFound:
        return False
    return True


async def _received(
    session: TenantSession, student_id: uuid.UUID, received_id: uuid.UUID, *, hold: bool = False
) -> ReceivedPackage:
    row = await queries.received(session, student_id, received_id, hold=hold)
    if row is None:
        raise NotFound("Không tìm thấy gói học bạ này của học sinh.")
    return row


async def _waiting(session: TenantSession, record: PupilRecord, received_id: uuid.UUID) -> ReceivedPackage:
    row = await _received(session, record.id, received_id, hold=True)
    if row.state != ReceivedState.CHECKED:
        raise Conflict(
            f"Gói học bạ này của {record.full_name} đã được nhận hoặc bỏ trước đó; xin tải lại trang."
        )
    return row


def _decided(actor: Actor, state: ReceivedState) -> dict[str, Any]:
    return {"state": state, "decided_by": actor.staff_id, "decided_at": clock.now()}


async def _record(
    session: TenantSession,
    actor: Actor,
    action: Action,
    received_id: uuid.UUID,
    record: PupilRecord,
    package: Package,
) -> None:
    details: dict[str, str | int | None] = {
        "sender": package.manifest.sender.name,
        "sha256": package.sha256,
        "count": len(package.years),
    }
    deed = audit.Deed(received_id, record.label, details, (record.id,))
    await audit.record_many(session, actor, action, [deed])


def _offer(row: Any) -> Offer:
    fields = {name: getattr(row, name) for name in Offer.__struct_fields__}
    why = RefusalReason(row.why) if row.why else None
    return Offer(**fields | {"state": OfferState(row.state), "why": why})
