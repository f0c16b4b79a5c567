"""Calls of which it cannot be told what was signed: a person looks, has the signing service asked, or decides.

Nothing here puts a second question on a signer's telephone: the service is asked about the transaction that it may have,
under the id that it was sent with. Whatever it answers, only a value that verifies goes into a document.
"""

import uuid
from datetime import datetime

from backend.core import audit, audit_reads, clock, jobs
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.remote_signing.providers import gateway, port
from backend.remote_signing.requests import batches, flow, service
from backend.remote_signing.requests.rules import (
    HELD_NAMES,
    CallState,
    Resumption,
    checked_reason,
    may_give_back_at,
    resumption,
)
from backend.remote_signing.requests.schemas import CallToSend, HeldCall, HeldView
from backend.tenants.permissions import Permission

#: Answers after which it is certain that nothing was signed.
_ENDS = {
    port.Declined: CallState.DECLINED,
    port.Expired: CallState.EXPIRED,
    port.Failed: CallState.FAILED,
}


async def list_held(session: TenantSession, actor: Actor) -> list[HeldView]:
    """What a person may decide about, oldest first: what they consented to themselves, or all of the school."""
    found = [call for call in await service.held_calls(session) if _concerns(actor, call.signer_id)]
    about = [subject_id for call in found for subject_id in call.subject_ids]
    if about:
        audit_reads.record_read(session, actor, Action.STOPPED_WORK_READ, None, "Lần ký bị giữ lại", about)
    return [_view(call) for call in found]


async def call_to_ask(session: TenantSession, actor: Actor, call_id: uuid.UUID) -> CallToSend | None:
    """What to ask the service about; None when its values are here already and go on into the documents.

    Raises NotFound for what concerns somebody else, Conflict when it has moved on, when the service cannot say what
    became of it, and when its certificate signs nothing any more: a value that is not here is not fetched then.
    """
    call = await _held(session, actor, call_id)
    if _resumption(call) is Resumption.EMBED:
        await flow.go_on(session, call_id, CallState.EMBEDDING)
        await jobs.enqueue(session, flow.EMBED, call_id)
        await _record(session, actor, Action.SIGNING_HELD_ASKED, call, answer="đã có giá trị chữ ký")
        return None
    if _resumption(call) is None:
        raise Conflict(
            f"{_provider(call)} không cho hỏi lại một lần ký theo mã giao dịch; xin gọi họ với mã "
            f"{call.transaction_id}, rồi trả hồ sơ về khay ký nếu họ chưa ký gì."
        )
    return await flow.call_to_send(session, call_id, CallState(call.state))


async def record_answer(
    session: TenantSession, actor: Actor, call_id: uuid.UUID, answer: port.SubmitResult | None
) -> str:
    """What the service says of a held call, and a sentence for whoever asked. Raises NotFound, Conflict.

    Signed or waiting for the signer: it goes on. A service that knows of none leaves it to a person. Certainly not
    signed: its documents are in the tray again, but not where the service had sent values before: then a person decides
    whom to believe.
    """
    call = await _held(session, actor, call_id)
    match answer:
        case port.Signed() | port.Pending():
            await flow.go_on(session, call_id, CallState.SUBMITTING)
            await flow.record_answer(session, call_id, answer)
            signed = isinstance(answer, port.Signed)
            told = "đã ký, đang ghép chữ ký" if signed else "đang chờ người ký xác nhận trên điện thoại"
        case port.Challenge():
            await flow.go_on(session, call_id, CallState.SUBMITTING)
            await flow.record_answer(session, call_id, answer)
            told = "đang chờ người ký trả lời ở trang của lô ký"
        case None:
            told = "không có lần ký nào mang mã giao dịch này"
        case _ if call.state == CallState.UNKNOWN:
            await flow.go_on(session, call_id, CallState.SUBMITTING)
            await flow.end_call(session, call_id, _ENDS[type(answer)], answer.reason)
            told = "chưa ký; hồ sơ đã về khay ký"
        case _:
            told = f"chưa ký: {answer.reason}"
    await _record(session, actor, Action.SIGNING_HELD_ASKED, call, answer=told)
    return f"{_provider(call)} trả lời: {told}."


async def record_silence(
    session: TenantSession, actor: Actor, call_id: uuid.UUID, error: port.ProviderError
) -> None:
    """The service did not say, or said something that cannot be relied on: the call stays held. Raises NotFound."""
    call = await _held(session, actor, call_id)
    await _record(session, actor, Action.SIGNING_HELD_ASKED, call, answer=error.message)


async def give_back(session: TenantSession, actor: Actor, call_id: uuid.UUID, reason: str) -> HeldCall:
    """Somebody knows that nothing was signed, or that what was signed is not used: to the signer's tray again.

    Nothing is sent: the signer looks at the list and consents anew. Raises NotFound, Invalid without a reason, Conflict
    when it has moved on and while the question may still be on the signer's telephone.
    """
    call = await _held(session, actor, call_id)
    why = checked_reason(reason)
    waits_until = _waits_until(call)
    if waits_until is not None:
        raise Conflict(
            f"Câu hỏi của lần ký này có thể còn trên điện thoại của {call.signer_name}; xin trả hồ sơ về khay ký "
            f"từ {waits_until.astimezone(clock.VIETNAM):%H:%M ngày %d/%m/%Y}."
        )
    await flow.go_on(session, call_id, CallState.SUBMITTING)
    await flow.end_call(session, call_id, CallState.FAILED, f"Hồ sơ đã được trả về khay ký: {why}")
    await _record(session, actor, Action.SIGNING_HELD_GIVEN_BACK, call, reason=why)
    return call


async def _held(session: TenantSession, actor: Actor, call_id: uuid.UUID) -> HeldCall:
    """The held call; nobody else decides about it until this transaction ends."""
    call = await batches.call(session, call_id, hold=True)
    batch = await batches.batch(session, call.batch_id) if call else None
    if call is None or batch is None or not _concerns(actor, batch.consented_by):
        raise NotFound("Không tìm thấy lần gửi ký này.")
    found = [one for one in await service.held_calls(session) if one.id == call_id]
    if not found:
        raise Conflict("Lần ký này không còn bị giữ lại; xin tải lại trang để xem.")
    return found[0]


def _concerns(actor: Actor, signer_id: uuid.UUID) -> bool:
    return actor.may(Permission.WORK_RESUME) or signer_id == actor.staff_id


def _view(call: HeldCall) -> HeldView:
    return HeldView(
        call=call,
        title=HELD_NAMES[CallState(call.state)],
        provider_name=_provider(call),
        asks=_resumption(call) is not None,
        waits_until=_waits_until(call),
    )


def _resumption(call: HeldCall) -> Resumption | None:
    provider = _capabilities(call)
    if provider is None:
        return Resumption.EMBED if call.has_values else None
    return resumption(has_values=call.has_values, reference=call.provider_reference, repeat=provider.repeat)


def _waits_until(call: HeldCall) -> datetime | None:
    provider = _capabilities(call)
    at = may_give_back_at(call.state, call.held_at, provider) if provider else None
    return at if at is not None and at > clock.now() else None


def _capabilities(call: HeldCall) -> port.Capabilities | None:
    """What the service of a call can do; None for one that this installation does not have any more."""
    try:
        return gateway.provider(call.provider).capabilities
    except port.NotInstalled:
        return None


def _provider(call: HeldCall) -> str:
    return gateway.label(call.provider)


async def _record(
    session: TenantSession,
    actor: Actor,
    action: Action,
    call: HeldCall,
    *,
    answer: str | None = None,
    reason: str | None = None,
) -> None:
    details: dict[str, str | int | None] = {
        "transaction": call.transaction_id,
        "count": len(call.labels),
        "answer": answer,
        "reason": reason,
    }
    deed = audit.Deed(call.id, call.role, details, (*call.subject_ids, call.signer_id))
    await audit.record_many(session, actor, action, [deed])
