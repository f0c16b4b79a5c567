"""What the machine does with a package: made once, signed, offered where the receiver is on the platform, answered."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence

from backend.core import audit, clock, outbox, storage
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import Deed, SignerRole
from backend.records.transfers import manifest as manifests
from backend.records.transfers import queries, rendering, rules, service
from backend.records.transfers.events import TransferOffered, TransferSealed
from backend.records.transfers.models import Transfer
from backend.records.transfers.schemas import (
    PDF_TYPE,
    SIGNERS,
    Manifest,
    OfferState,
    RefusalReason,
    ToOffer,
    TransferState,
)
from backend.remote_signing.requests import service as signing
from backend.remote_signing.requests.schemas import NewRequest, NewSigner
from backend.tenants.delegations import service as delegations

#: What the trays of principal and seal call these documents.
GROUP = "Phiếu chuyển học bạ"


async def to_compile(session: TenantSession, transfer_id: uuid.UUID) -> Manifest | None:
    """What a package is to hold; None when it was made or cancelled. Raises NotFound."""
    row = await _transfer(session, transfer_id)
    return manifests.read(row.manifest.encode()) if _is_due(row, TransferState.SIGNING) else None


async def compiled(manifest: Manifest, files: Mapping[str, bytes]) -> bytes:
    """The package with its empty signature fields; the same manifest and files give the same bytes."""
    page = await asyncio.to_thread(rendering.render, manifest, files)
    return signing.with_fields(page, [role.value for role in SIGNERS])


async def record_compiled(session: TenantSession, transfer_id: uuid.UUID, pdf: bytes) -> None:
    """The package is in the store: ask the head of the school, then the keeper of its seal, to sign it.

    Raises NotFound; Conflict where nobody signs as the head under the name that the package says.
    """
    row = await _transfer(session, transfer_id, hold=True)
    if not _is_due(row, TransferState.SIGNING):
        return
    manifest, record = manifests.read(row.manifest.encode()), await roster.get_record(session, row.student_id)
    heads = [one for one in await delegations.head_signers(session) if one.name == manifest.head]
    if not heads:
        raise Conflict(
            f"Gói chuyển học bạ của {record.full_name} lập với người ký là {manifest.head}, nhưng danh sách nhân sự "
            "không còn ai ký với tên ấy; hãy ghi lại đúng tên ở trang Nhân sự, hoặc hủy gói rồi lập lại."
        )
    file = storage.file_of(pdf, PDF_TYPE)
    await storage.register(session, file)
    request = NewRequest(
        subject_id=row.id,
        label=record.label,
        group=GROUP,
        sort_key=record.full_name,
        document_sha256=file.sha256,
        signers=(
            NewSigner(role=SignerRole.PRINCIPAL.value, staff_id=heads[0].staff_id, name=heads[0].name),
            NewSigner(role=SignerRole.SCHOOL_SEAL.value, staff_id=None, name=manifest.sender.name),
        ),
        address=f"/hoc-sinh/{row.student_id}/chuyen-hoc-ba",
        noun="phiếu chuyển học bạ",
    )
    await signing.open_requests(session, [request])
    values = {"state": TransferState.SIGNING, "package_sha256": file.sha256}
    await queries.update_transfer(session, row.id, values)


async def seal(session: TenantSession, subject_ids: Sequence[uuid.UUID]) -> None:
    """Everybody has signed; of the subjects of signing requests, those that are packages."""
    for transfer_id in await queries.known(session, subject_ids):
        row = await _transfer(session, transfer_id, hold=True)
        if not _is_due(row, TransferState.READY):
            continue
        digest = (await signing.signed_documents(session, [row.id]))[row.id]
        values = {"state": TransferState.READY, "signed_sha256": digest, "sealed_at": clock.now()}
        await queries.update_transfer(session, row.id, values)
        await _record(session, row, Action.TRANSFER_SEALED, signed_sha256=digest)
        await outbox.emit(session, TransferSealed(row.id))


async def to_offer(session: TenantSession, transfer_id: uuid.UUID) -> ToOffer | None:
    """Where a sealed package goes on the platform; None where its receiver is not here, or it went on meanwhile."""
    row = await _transfer(session, transfer_id)
    if not _is_due(row, TransferState.OFFERED) or not row.to_code or row.signed_sha256 is None:
        return None
    receiver_id = await queries.receiver_of(session, row.to_code)
    await service.require_current(session, row, (await roster.get_record(session, row.student_id)).full_name)
    return ToOffer(receiver_id=receiver_id, sha256=row.signed_sha256) if receiver_id else None


async def record_offered(session: TenantSession, transfer_id: uuid.UUID) -> None:
    """The bytes lie with the receiver: offer them, once."""
    row = await _transfer(session, transfer_id, hold=True)
    if not _is_due(row, TransferState.OFFERED) or row.signed_sha256 is None:
        return
    if not await queries.offer(session, row.id, row.to_code, row.signed_sha256):
        return
    await queries.update_transfer(
        session, row.id, {"state": TransferState.OFFERED, "offered_at": clock.now()}
    )
    await _record(session, row, Action.TRANSFER_OFFERED, receiver=row.to_name)
    await outbox.emit(session, TransferOffered(row.id))


async def record_answer(session: TenantSession, transfer_id: uuid.UUID) -> bool:
    """What the receiver has said; False while nothing. Accepted, the right to manage is theirs (R31)."""
    row = await _transfer(session, transfer_id, hold=True)
    if row.state != TransferState.OFFERED:
        return True
    found = await queries.answer_to(session, row.id)
    if found is None or found.state == OfferState.OFFERED:
        return False
    accepted = found.state == OfferState.ACCEPTED
    why = None if accepted else rules.REFUSAL_NAMES[RefusalReason(found.why)]
    state = TransferState.HANDED_OVER if accepted else TransferState.REFUSED
    await queries.update_transfer(
        session, row.id, {"state": state, "ended_at": found.answered_at if accepted else None, "why": why}
    )
    if accepted:
        words = f"Trường nhận: {row.to_name}"
        await transcripts.hand_over(
            session, machine(session.tenant_id), Deed.TAKE_OVER, row.student_id, words
        )
    action = Action.TRANSFER_HANDED_OVER if accepted else Action.TRANSFER_REFUSED
    await _record(session, row, action, receiver=row.to_name, reason=why)
    return True


def _is_due(row: Transfer, target: TransferState) -> bool:
    return rules.is_due(row.state, target)


async def _transfer(session: TenantSession, transfer_id: uuid.UUID, *, hold: bool = False) -> Transfer:
    row = await queries.transfer(session, transfer_id, hold=hold)
    if row is None:
        raise NotFound("Không tìm thấy gói chuyển học bạ này.")
    return row


async def _record(session: TenantSession, row: Transfer, action: Action, **details: str | int | None) -> None:
    record = await roster.get_record(session, row.student_id)
    deed = audit.Deed(row.id, record.label, details, (row.student_id, *row.version_ids))
    await audit.record_many(session, machine(session.tenant_id), action, [deed])
