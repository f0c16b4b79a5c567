"""What a provider wants of a signer on our page: PIN, OTP, consent on its own page.

What the signer gives is in no row, no job and no log. That it is being handed on is committed before (`begin`), so a
crash on the way is seen (`look_after`); nothing is handed on by the machine.
"""

import base64
import hashlib
import uuid
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from backend.core import audit, clock, settings
from backend.core.actor import Actor, SignIn
from backend.core.audit import Action, Outcome
from backend.core.crypto import keyed_digest, same
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_token
from backend.remote_signing.providers import gateway, port
from backend.remote_signing.requests import batches, calls, flow
from backend.remote_signing.requests.rules import CallState
from backend.remote_signing.requests.schemas import CallId, CallToSend, OpenChallenge

#: Where a provider's own page sends the signer back to; registered there.
RETURN_PATH = "/ky/cap-quyen"
#: An answer that is older was cut off with the process that handed it on.
ANSWER_LASTS = timedelta(seconds=calls.ANSWER_SECONDS + 30)
_OVER = "Dịch vụ ký số không còn chờ bạn trả lời ở lần ký này; xin xem lại lô ký."
_UNCLEAR = (
    "Chưa rõ dịch vụ ký số đã nhận câu trả lời chưa; xin trả lời lại, không tài liệu nào bị ký hai lần."
)
_UNCLEAR_CODE = "Chưa rõ mã đã được gửi chưa; nếu không nhận được mã, xin bấm gửi lại."
_UNKNOWN = "Không rõ dịch vụ ký số đã ký chưa sau khi bạn trả lời; cần người kiểm tra."
_TOO_LATE = "Quá thời hạn trả lời dịch vụ ký số; tài liệu đã trở lại khay ký."
_WITHHELD = "Người ký không cấp quyền ký trên trang của nhà cung cấp."


async def open_challenges(session: TenantSession, actor: Actor, batch_id: uuid.UUID) -> list[OpenChallenge]:
    """What the signer of a batch has to give now, in the order of its calls; none for anybody else."""
    batch = await batches.batch(session, batch_id)
    if batch is None or batch.consented_by != actor.staff_id:
        return []
    found = []
    for row in await batches.challenged_calls(session, batch_id):
        stored = flow.stored_challenge(row.ProviderCall)
        assert stored is not None
        found.append(
            OpenChallenge(
                call_id=CallId(row.ProviderCall.id),
                asks=stored.asks,
                prompt=stored.prompt,
                sends=stored.sends,
                until=stored.until.astimezone(clock.VIETNAM),
                busy=row.ProviderCall.state == CallState.ANSWERING,
                count=row.count,
                provider_name=gateway.label(row.provider),
                problem=row.ProviderCall.problem,
            )
        )
    return found


async def batch_of(session: TenantSession, actor: Actor, call_id: uuid.UUID) -> uuid.UUID:
    """The batch of one of this signer's calls. Raises NotFound for anybody else's."""
    call = await batches.call(session, call_id)
    batch = await batches.batch(session, call.batch_id) if call is not None else None
    if batch is None or batch.consented_by != actor.staff_id:
        raise NotFound("Không tìm thấy lần ký này.")
    return batch.id


async def begin(
    session: TenantSession, actor: Actor, call_id: uuid.UUID, *, sending: bool = False
) -> CallToSend:
    """The intent to hand on an answer, committed before the provider gets it. `sending`: only have a code sent.

    Raises NotFound for somebody else's call, Conflict when nothing is waited for (any more), or another answer is on its
    way.
    """
    await batch_of(session, actor, call_id)
    call = await batches.call(session, call_id, hold=True)
    asked = await flow.call_to_send(session, call_id, CallState.CHALLENGED)
    if call is None or asked is None or asked.challenge is None or asked.challenge.until <= clock.now():
        raise Conflict(_OVER)
    marked = msgspec.structs.replace(asked.challenge, sending=sending, nonce=new_token())
    values = {
        "state": CallState.ANSWERING,
        "answering_since": clock.now(),
        "challenge": msgspec.to_builtins(marked),
        "problem": None,
    }
    await batches.update_call(session, call_id, values)
    if not sending:
        await _record(session, actor, asked, Outcome.DONE)
    return msgspec.structs.replace(asked, challenge=msgspec.structs.replace(asked.challenge, sending=sending))


async def hand_on(call: CallToSend, values: Mapping[str, str]) -> port.SubmitResult | port.ProviderError:
    """What the provider says to an answer, whatever it is."""
    try:
        return await calls.answer(call, values)
    except port.ProviderError as error:
        return error


async def record(
    session: TenantSession, actor: Actor, call: CallToSend, said: port.SubmitResult | port.ProviderError
) -> None:
    """What the provider said to an answer. After a wrong PIN or OTP the signer, and nobody else, may try again."""
    call_id = uuid.UUID(call.transaction_id)
    match said:
        case port.Locked():
            await _record(session, actor, call, Outcome.REFUSED)
            await flow.end_call(session, call_id, CallState.FAILED, said.message)
        case port.UserActionNeeded():
            await _record(session, actor, call, Outcome.REFUSED)
            await _ask_again(session, call_id, said.message)
        case port.NotReached():
            await _ask_again(session, call_id, said.message)
        case port.OutcomeUnknown():
            await _settle(session, call, said.message)
        case port.UntrustedAnswer():
            await flow.end_call(session, call_id, CallState.QUARANTINED, said.message)
        case port.NewAuthorizationNeeded():
            await flow.end_call(session, call_id, CallState.EXPIRED, said.message)
        case port.ProviderError():
            await flow.end_call(session, call_id, CallState.FAILED, said.message)
        case _:
            await flow.record_answer(session, call_id, said)


async def withhold(session: TenantSession, actor: Actor, call_id: uuid.UUID) -> None:
    """The signer did not agree on the provider's page. Raises like `begin`."""
    call = await begin(session, actor, call_id, sending=True)
    await flow.end_call(session, uuid.UUID(call.transaction_id), CallState.DECLINED, _WITHHELD)


async def look_after(session: TenantSession, call_id: uuid.UUID) -> float | None:
    """A call that waits for its signer: seconds until it is to be looked at again; None when nothing is left to do.

    One whose answer was cut off is asked again, or held for a person, as the provider's habits allow. Raises NotFound.
    """
    call = await batches.call(session, call_id, hold=True)
    if call is None:
        raise NotFound("Không tìm thấy lần ký này.")
    stored = flow.stored_challenge(call)
    if stored is None:
        return None
    now = clock.now()
    if call.state == CallState.CHALLENGED:
        if stored.until > now:
            return (stored.until - now).total_seconds()
        await flow.end_call(session, call_id, CallState.EXPIRED, _TOO_LATE)
        return None
    if call.state != CallState.ANSWERING or call.answering_since is None:
        return None
    if call.answering_since + ANSWER_LASTS > now:
        return (call.answering_since + ANSWER_LASTS - now).total_seconds()
    sent = await flow.call_to_send(session, call_id, CallState.ANSWERING)
    if sent is None:
        return None
    await _settle(session, sent, _UNCLEAR)
    return 0.0


async def set_out(session: TenantSession, actor: Actor, sign_in: SignIn, call_id: uuid.UUID) -> str:
    """The address of the provider's page on which the signer agrees. Raises like `begin`.

    What comes back from there names the call, and is good for this person in this session alone.
    """
    await batch_of(session, actor, call_id)
    call = await flow.call_to_send(session, call_id, CallState.CHALLENGED)
    if call is None or call.challenge is None or port.Ask.OAUTH not in call.challenge.asks:
        raise Conflict(_OVER)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(_verifier(call).encode()).digest())
    return await calls.authorization_url(
        call,
        _redirect_uri(),
        f"{call.transaction_id}.{_mac(sign_in, actor, call)}",
        challenge.rstrip(b"=").decode(),
    )


def consent_values(call: CallToSend, code: str) -> dict[str, str]:
    """What the provider needs to know that a consent from its page is this call's."""
    return {"code": code, "verifier": _verifier(call), "redirect_uri": _redirect_uri()}


async def returned(session: TenantSession, actor: Actor, sign_in: SignIn, state: str) -> uuid.UUID:
    """The call whose consent came back from the provider's page. Raises Forbidden for a foreign or used `state`."""
    name, _, mac = state.partition(".")
    try:
        call_id = uuid.UUID(hex=name)
        await batch_of(session, actor, call_id)
        call = await flow.call_to_send(session, call_id, CallState.CHALLENGED)
    except (ValueError, NotFound):
        call = None
    if call is None or call.challenge is None or not same(mac, _mac(sign_in, actor, call)):
        raise Forbidden(
            "Lượt cấp quyền này không thuộc phiên đăng nhập của bạn hoặc đã dùng rồi; xin mở lại từ lô ký."
        )
    return call_id


def _redirect_uri() -> str:
    return settings.get().public_url.rstrip("/") + RETURN_PATH


def _verifier(call: CallToSend) -> str:
    """PKCE (RFC 7636 4.1): derived, so that it stands nowhere."""
    return _derived(call, "signing pkce", "")


def _mac(sign_in: SignIn, actor: Actor, call: CallToSend) -> str:
    return _derived(call, "signing state", f"{actor.tenant_id} {actor.staff_id} {sign_in.session_id}")


def _derived(call: CallToSend, purpose: str, said: str) -> str:
    assert call.challenge is not None
    return keyed_digest(
        settings.get().secret_key, purpose, f"{said} {call.transaction_id} {call.challenge.nonce}"
    )


async def _ask_again(session: TenantSession, call_id: uuid.UUID, problem: str) -> None:
    call = await batches.call(session, call_id, hold=True)
    if call is not None and call.state == CallState.ANSWERING:
        values = {"state": CallState.CHALLENGED, "answering_since": None, "problem": problem}
        await batches.update_call(session, call_id, values)


async def _settle(session: TenantSession, call: CallToSend, problem: str) -> None:
    """An answer of which we do not know whether it arrived: the machine never hands it on again."""
    call_id = uuid.UUID(call.transaction_id)
    assert call.challenge is not None
    if call.challenge.sending:
        await _ask_again(session, call_id, _UNCLEAR_CODE)
    elif calls.may_answer_again(call):
        await _ask_again(session, call_id, problem)
    else:
        await flow.end_call(session, call_id, CallState.UNKNOWN, _UNKNOWN)


async def _record(session: TenantSession, actor: Actor, call: CallToSend, outcome: Outcome) -> None:
    await audit.record(
        session,
        actor,
        Action.SIGNING_ANSWERED,
        uuid.UUID(call.transaction_id),
        "",
        outcome=outcome,
        transaction=call.transaction_id,
    )
