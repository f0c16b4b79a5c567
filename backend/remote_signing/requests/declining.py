"""What is not to be signed: one document that its signer refuses, and a batch that its signer stops."""

import uuid
from typing import Any

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.remote_signing.requests import batches, flow, queries
from backend.remote_signing.requests.rules import CallState, StepState, checked_reason, noted, parts_of
from backend.remote_signing.requests.schemas import DeclinedTurn, StepId, TrayItem
from backend.tenants.permissions import Permission


async def open_turn(session: TenantSession, actor: Actor, step_id: uuid.UUID) -> TrayItem:
    """The document of a turn of this signer. Raises NotFound for anybody else's."""
    step, request = await _turn(session, actor, step_id)
    audit_reads.record_read(
        session, actor, Action.SIGNING_DOCUMENT_READ, request.subject_id, request.label, role=step.role
    )
    return TrayItem(
        step_id=StepId(step.id),
        request_id=request.id,
        subject_id=request.subject_id,
        role=step.role,
        group=request.group_label,
        label=request.label,
        part=step.part_label,
        document_sha256=request.current_sha256,
        address=request.address,
        noun=request.noun,
        note=noted(request.note, step.declined_reason),
        parts=parts_of(step.signs_pdf, step.xml_targets, request.current_sha256, request.xml_sha256),
    )


async def decline(session: TenantSession, actor: Actor, step_id: uuid.UUID, reason: str) -> DeclinedTurn:
    """The signer does not sign this one: nobody does, until it is offered again or taken back.

    Raises NotFound for anybody else's turn, Invalid without a reason, Conflict when it is not in the tray any more.
    """
    step, request = await _turn(session, actor, step_id, hold=True)
    why = checked_reason(reason)
    if step.state != StepState.READY:
        raise Conflict(f"{request.label} không còn chờ bạn ký nên không từ chối được; xin tải lại khay ký.")
    values = {"state": StepState.DECLINED, "declined_at": clock.now(), "declined_reason": why}
    await queries.update_steps(session, [step_id], values)
    await _record(session, actor, Action.SIGNING_STEP_DECLINED, step, request, why)
    return _declined(step, request)


async def list_declined(session: TenantSession, actor: Actor) -> list[DeclinedTurn]:
    """What was refused, the newest first: all of the school for its management, for others what they sign, too."""
    sees_all = actor.may(Permission.TRANSCRIPT_WITHDRAW)
    rows = await queries.declined(session, None if sees_all else actor.staff_id)
    found = [_declined(row.SigningStep, row.SigningRequest) for row in rows]
    if found:
        about = [one.subject_id for one in found]
        audit_reads.record_read(session, actor, Action.SIGNING_LIST_READ, None, "Hồ sơ bị từ chối ký", about)
    return found


async def offer_again(session: TenantSession, actor: Actor, step_id: uuid.UUID, reason: str) -> DeclinedTurn:
    """What was refused is in its signer's tray again: the management has answered, or the signer thinks better of it.

    Raises NotFound, Invalid without a reason, Conflict for a document that is not declined any more.
    """
    found = await queries.turn(session, step_id, hold=True)
    if found is None or not _may_offer(actor, found.SigningStep):
        raise NotFound("Không tìm thấy hồ sơ này.")
    step, request = found.SigningStep, found.SigningRequest
    why = checked_reason(reason)
    if step.state != StepState.DECLINED:
        raise Conflict(f"{request.label} không còn ở trạng thái bị từ chối ký; xin tải lại trang.")
    shown = _declined(step, request)
    values = {"state": StepState.READY, "ready_at": await queries.enter_tray(session)}
    await queries.update_steps(session, [step_id], values)
    await _record(session, actor, Action.SIGNING_STEP_OFFERED_AGAIN, step, request, why)
    return shown


async def stop_batch(session: TenantSession, actor: Actor, batch_id: uuid.UUID) -> int:
    """The signer stops a batch: what the service cannot have heard of is in the tray again; counts the documents.

    What was sent goes on: no service takes its question back, and its answer must not be lost. Raises NotFound for
    anybody else's batch, Conflict where everything has been sent.
    """
    batch = await batches.batch(session, batch_id)
    if batch is None or batch.consented_by != actor.staff_id:
        raise NotFound("Không tìm thấy lô ký này.")
    stopped = 0
    for call_id in await batches.calls_in(session, batch_id, CallState.PREPARING):
        call = await batches.call(session, call_id, hold=True)
        if call is not None and call.state == CallState.PREPARING:
            stopped += len({row.step_id for row in await batches.items_of(session, call_id)})
            await flow.end_call(session, call_id, CallState.FAILED, "Người ký đã dừng lô ký.")
    if not stopped:
        raise Conflict(
            "Lô ký này đã gửi hết tới dịch vụ ký số nên không dừng được ở đây; xin từ chối trên điện thoại, hoặc "
            "chờ câu hỏi hết hạn."
        )
    await audit.record(session, actor, Action.SIGNING_BATCH_STOPPED, batch_id, batch.role, count=stopped)
    return stopped


async def _turn(session: TenantSession, actor: Actor, step_id: uuid.UUID, *, hold: bool = False) -> Any:
    found = await queries.turn(session, step_id, hold=hold)
    if found is None or not _is_signer(actor, found.SigningStep):
        raise NotFound("Không tìm thấy hồ sơ này trong khay ký của bạn.")
    return found.SigningStep, found.SigningRequest


def _is_signer(actor: Actor, step: Any) -> bool:
    if step.signer_id is None:
        return actor.may(Permission.SEAL)
    return bool(step.signer_id == actor.staff_id)


def _may_offer(actor: Actor, step: Any) -> bool:
    return actor.may(Permission.TRANSCRIPT_WITHDRAW) or _is_signer(actor, step)


def _declined(step: Any, request: Any) -> DeclinedTurn:
    return DeclinedTurn(
        step_id=StepId(step.id),
        subject_id=request.subject_id,
        role=step.role,
        signer_id=step.signer_id,
        signer_name=step.signer_name,
        group=request.group_label,
        label=request.label,
        part=step.part_label,
        address=request.address,
        noun=request.noun,
        declined_at=step.declined_at,
        reason=step.declined_reason,
    )


async def _record(
    session: TenantSession, actor: Actor, action: Action, step: Any, request: Any, reason: str
) -> None:
    details: dict[str, str | int | None] = {"role": step.role, "part": step.part_label, "reason": reason}
    deed = audit.Deed(request.subject_id, request.label, details)
    await audit.record_many(session, actor, action, [deed])
