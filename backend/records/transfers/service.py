"""A học bạ goes to another school: its package is drafted, sealed, offered or given by hand, handed over (PL1, R31)."""

import uuid
from collections.abc import Sequence

from backend.core import audit, audit_reads, clock, outbox, settings
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.roster import service as roster
from backend.records.roster.schemas import PupilRecord
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import Deed, VersionSummary
from backend.records.transfers import manifest as manifests
from backend.records.transfers import queries, rules
from backend.records.transfers.events import TransferDrafted
from backend.records.transfers.models import ReceivedPackage, Transfer
from backend.records.transfers.schemas import (
    Desk,
    IssuedYear,
    Manifest,
    NamedSigner,
    Part,
    Party,
    ReceivedState,
    ReceivedView,
    TransferId,
    TransferState,
    TransferView,
    YearPart,
)
from backend.remote_signing.requests import service as signing
from backend.tenants.delegations import service as delegations
from backend.tenants.schools import service as schools


async def open_desk(session: TenantSession, actor: Actor, student_id: uuid.UUID) -> Desk:
    """What has gone out and come in for a pupil, for a person who looks at it, which is recorded. Raises NotFound."""
    record = await roster.get_record(session, student_id)
    audit_reads.record_read(session, actor, Action.TRANSFERS_READ, student_id, record.label, [student_id])
    versions = await _versions(session, student_id)
    sent = await queries.transfers_of(session, student_id)
    return Desk(
        student_id=student_id,
        full_name=record.full_name,
        sent=tuple(_view(row) for row in sent),
        received=tuple(received_view(row) for row in await queries.received_of(session, student_id)),
        years=tuple(
            IssuedYear(
                academic_year=one.academic_year,
                class_name=one.class_name,
                number=one.number,
                issued_at=one.issued_at,
                lookup_code=one.lookup_code,
            )
            for one in rules.newest_issued(versions)
            if one.issued_at is not None
        ),
        obstacle=await _obstacle(session, record, versions, sent),
    )


async def draft(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, to_name: str, to_code: str
) -> TransferId:
    """Say to which school a pupil's học bạ goes; the machine makes the package of all issued years and has it signed.

    Raises NotFound, Invalid; Conflict where there is nothing to hand over, or something is under way.
    """
    record = await roster.hold_record(session, student_id)
    await transcripts.set_leaving(session, student_id, leaving=True)
    versions = await _versions(session, student_id)
    sent = await queries.transfers_of(session, student_id)
    stopped = await _obstacle(session, record, versions, sent)
    if stopped:
        raise Conflict(stopped)
    receiver = rules.read_receiver(to_name, to_code, record.full_name)
    school = await schools.get_school(session)
    if receiver.code == school.code:
        raise Invalid(
            f"Mã {receiver.code} là của chính trường này; hãy ghi mã của trường nhận {record.full_name}."
        )
    newest = rules.newest_issued(versions)
    transfer_id = TransferId(new_id())
    manifest = Manifest(
        id=transfer_id,
        drafted_on=clock.today(),
        sandbox=settings.get().is_sandbox,
        sender=Party(name=school.name, code=school.code),
        head=(await delegations.head_signer(session)).name,
        receiver=receiver,
        student=rules.pupil_of(record),
        years=tuple(await _parts(session, newest)),
    )
    row = {
        "id": transfer_id,
        "student_id": student_id,
        "state": TransferState.DRAFTED,
        "left_on": record.status_on,
        "to_name": receiver.name,
        "to_code": receiver.code,
        "version_ids": [one.id for one in newest],
        "manifest": manifests.written(manifest).decode(),
        "drafted_by": actor.staff_id,
        "drafted_at": clock.now(),
    }
    await queries.insert_transfer(session, row)
    deed = audit.Deed(
        transfer_id,
        record.label,
        {"receiver": receiver.name, "count": len(newest)},
        (student_id, *(one.id for one in newest)),
    )
    await audit.record_many(session, actor, Action.TRANSFER_DRAFTED, [deed])
    await outbox.emit(session, TransferDrafted(transfer_id))
    return transfer_id


async def cancel(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, transfer_id: uuid.UUID, typed: str
) -> None:
    """The package does not go; an offer is withdrawn.

    Raises NotFound, Invalid without a reason, Conflict once it was handed over or the other school has answered.
    """
    record = await roster.hold_record(session, student_id)
    row = await _held(session, student_id, transfer_id)
    rules.require_next(row.state, TransferState.CANCELLED, record.full_name)
    reason = rules.read_reason(typed, record.full_name)
    if row.state == TransferState.OFFERED and not await queries.withdraw(session, transfer_id):
        raise Conflict(
            f"Trường nhận vừa trả lời về học bạ của {record.full_name} nên không rút lại được nữa; xin tải lại trang."
        )
    await signing.cancel(session, actor, [row.id])
    await _end(session, actor, row, TransferState.CANCELLED, reason)
    await transcripts.set_leaving(session, student_id, leaving=False)
    await audit.record(
        session, actor, Action.TRANSFER_CANCELLED, row.id, record.label, about=[student_id], reason=reason
    )


async def hand_over(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, transfer_id: uuid.UUID, typed: str
) -> None:
    """The signed file was given to the other school: the right to manage is theirs from now on (R31).

    `typed` is on what ground. Raises NotFound, Forbidden, Invalid without a ground, Conflict for a package that is not
    signed, or whose receiver answers on the platform, or that holds what was rejected since.
    """
    record = await roster.hold_record(session, student_id)
    row = await _held(session, student_id, transfer_id)
    if row.state not in rules.BY_HAND:
        state = rules.STATE_NAMES[TransferState(row.state)]
        raise Conflict(
            f"Gói chuyển học bạ của {record.full_name} đang ở bước “{state}” nên chưa ghi bàn giao được; xin tải "
            "lại trang."
        )
    await require_current(session, row, record.full_name)
    ground = rules.read_reason(typed, record.full_name)
    await _end(session, actor, row, TransferState.HANDED_OVER, ground)
    await transcripts.hand_over(session, actor, Deed.HAND_OVER, student_id, ground)
    about = (student_id, *row.version_ids)
    deed = audit.Deed(row.id, record.label, {"receiver": row.to_name, "reason": ground}, about)
    await audit.record_many(session, actor, Action.TRANSFER_HANDED_OVER, [deed])


async def take_file(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, transfer_id: uuid.UUID
) -> tuple[str, str]:
    """Digest and name of a package that somebody takes away; the name says where none has signed.

    Raises NotFound, Conflict for one that was cancelled.
    """
    record = await roster.get_record(session, student_id)
    row = await _found(session, student_id, transfer_id)
    if row.state == TransferState.CANCELLED:
        raise Conflict(f"Gói chuyển học bạ này của {record.full_name} đã hủy nên không tải về được nữa.")
    digest = row.signed_sha256 or row.package_sha256
    if digest is None:
        raise NotFound("Gói chuyển học bạ này chưa lập xong; xin thử lại sau ít phút.")
    await audit.record(
        session, actor, Action.TRANSFER_DOWNLOADED, row.id, record.label, about=[student_id], sha256=digest
    )
    return digest, "phieu-chuyen-hoc-ba" + ("" if row.signed_sha256 else "-CHUA-KY") + ".pdf"


async def is_handed_over(session: TenantSession, student_id: uuid.UUID) -> bool:
    """Whether the right to manage a pupil's học bạ is another school's: nothing of it is frozen, recalled or replaced
    here any more. Whoever has come back is this school's again."""
    return bool(await queries.handed_over(session, [student_id]))


async def require_current(session: TenantSession, row: Transfer, name: str) -> None:
    """Raises Conflict where a package does not hold what stands today."""
    rules.require_current(row.version_ids, await _versions(session, row.student_id), name)


def received_view(row: ReceivedPackage) -> ReceivedView:
    """A package that came in, for people."""
    fields = {name: getattr(row, name) for name in ReceivedView.__struct_fields__}
    return ReceivedView(**fields | {"state": ReceivedState(row.state)})


async def _obstacle(
    session: TenantSession,
    record: PupilRecord,
    versions: Sequence[VersionSummary],
    sent: Sequence[Transfer],
) -> str | None:
    return rules.obstacle(
        record,
        versions,
        handed_over=await is_handed_over(session, record.id),
        has_open=any(row.state in rules.OPEN for row in sent),
    )


async def _versions(session: TenantSession, student_id: uuid.UUID) -> list[VersionSummary]:
    return await transcripts.get_versions(session, await transcripts.documents_of(session, student_id))


async def _parts(session: TenantSession, versions: Sequence[VersionSummary]) -> list[YearPart]:
    ids = [one.id for one in versions]
    pdf, xml = [await transcripts.digests_of_files(session, ids, kind) for kind in ("pdf", "xml")]
    found = []
    for one in versions:
        if one.issued_at is None:
            raise RuntimeError(f"version {one.id} is not issued")
        snapshot = await transcripts.get_snapshot(session, one.id)
        found.append(
            YearPart(
                academic_year=one.academic_year,
                class_name=one.class_name,
                version=one.number,
                lookup_code=one.lookup_code,
                content_sha256=one.content_sha256,
                issued_on=one.issued_at.astimezone(clock.VIETNAM).date(),
                signers=tuple(NamedSigner(role=who.role, name=who.name) for who in snapshot.signers),
                pdf=Part(name=f"hoc-ba-{one.academic_year}.pdf", sha256=pdf[one.id]),
                xml=Part(name=f"hoc-ba-{one.academic_year}.xml", sha256=xml[one.id]),
            )
        )
    return found


async def _found(
    session: TenantSession, student_id: uuid.UUID, transfer_id: uuid.UUID, *, hold: bool = False
) -> Transfer:
    row = await queries.transfer(session, transfer_id, hold=hold)
    if row is None or row.student_id != student_id:
        raise NotFound("Không tìm thấy gói chuyển học bạ này của học sinh.")
    return row


async def _held(session: TenantSession, student_id: uuid.UUID, transfer_id: uuid.UUID) -> Transfer:
    return await _found(session, student_id, transfer_id, hold=True)


async def _end(
    session: TenantSession, actor: Actor, row: Transfer, state: TransferState, why: str | None
) -> None:
    values = {"state": state, "ended_by": actor.staff_id, "ended_at": clock.now(), "why": why}
    await queries.update_transfer(session, row.id, values)


def _view(row: Transfer) -> TransferView:
    fields = {name: getattr(row, name) for name in TransferView.__struct_fields__}
    return TransferView(**fields | {"state": TransferState(row.state)})
