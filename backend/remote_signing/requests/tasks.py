"""A consent's way through the machine. The order in which things are committed is what makes a crash harmless."""

from collections.abc import Awaitable
from typing import NoReturn

from backend.core import jobs
from backend.core.errors import Conflict
from backend.core.jobs import Lane, Work, task
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.providers import port
from backend.remote_signing.requests import calls, challenges, completing, documents, flow, retiring
from backend.remote_signing.requests.rules import CallState
from backend.remote_signing.requests.schemas import CallToSend

#: Seconds until a service that did not answer is asked again.
RETRY_SECONDS = 2.0
#: At least so often a call is looked at that waits for its signer's answer.
WATCH_SECONDS = 30.0
#: So often it is looked whether a replaced certificate has finished.
RETIRE_SECONDS = 60.0
_OVERDUE = "Dịch vụ ký số quá lâu vẫn chưa cho biết kết quả của lần ký này; cần người kiểm tra."


@task("signing.prepare_call", "Chuẩn bị ký", lane=Lane.SIGN, on_park=flow.give_up)
async def prepare_call(work: Work) -> None:
    """Prepare every document of a call; the intent to sign is committed here, before the provider hears of it."""
    try:
        async with work.transaction() as session:
            call = await flow.call_to_prepare(session, work.subject_id)
    except Conflict as refusal:
        await _end(work, CallState.FAILED, refusal.message)
        return
    if call is None:
        return
    if await credentials.is_revoked(call.credential):
        async with work.finish() as session:
            await flow.stop_revoked(session, work.subject_id)
        return
    prepared = await documents.prepare_all(work.tenant_id, call)
    async with work.finish() as session:
        await flow.record_prepared(session, work.subject_id, prepared)


@task(flow.SUBMIT, "Gửi yêu cầu ký", lane=Lane.SIGN, on_park=flow.give_up)
async def submit_call(work: Work) -> None:
    """Ask the provider. Our transaction id is in a row already, so asking again asks for the same transaction."""
    call = await _to_send(work, CallState.SUBMITTING)
    if call is None:
        return
    if calls.may_repeat(call):
        await _record(work, call, calls.submit(call))
    elif call.submitted_at is None:
        await _record(work, call, _send(work, call))
    elif not calls.may_be_found(call):
        await _end(
            work, CallState.UNKNOWN, "Không rõ dịch vụ ký số đã nhận yêu cầu chưa; cần người kiểm tra."
        )
    elif (left := calls.settling(call)) > 0:
        raise jobs.RetryLater(left)
    else:
        await _record(work, call, _find_or_send(work, call))


async def _send(work: Work, call: CallToSend) -> port.SubmitResult:
    """Ask a provider that must not be asked twice: that it may have heard is committed first."""
    async with work.transaction() as session:
        await flow.record_submitting(session, work.subject_id)
    return await calls.submit(call)


async def _find_or_send(work: Work, call: CallToSend) -> port.SubmitResult:
    try:
        found = await calls.find(call)
    except port.NotReached as error:
        # Of the transaction we know as little as before.
        raise port.OutcomeUnknown(error.message, error.detail) from error
    return await _send(work, call) if found is None else found


@task(flow.WATCH, "Chờ người ký trả lời dịch vụ ký số", lane=Lane.SIGN, on_park=flow.give_up)
async def watch_challenge(work: Work) -> None:
    """Until the signer has answered, see to it that the question ends in time and no answer is lost on the way."""
    async with work.transaction() as session:
        left = await challenges.look_after(session, work.subject_id)
    if left is not None:
        raise jobs.RetryLater(min(left, WATCH_SECONDS))


@task(flow.POLL, "Chờ người ký xác nhận", lane=Lane.SIGN, on_park=flow.give_up)
async def poll_call(work: Work) -> None:
    """Ask how far the signer's confirmation is, until it has an end."""
    call = await _to_send(work, CallState.WAITING)
    if call is None or call.provider_reference is None:
        return
    await _record(work, call, calls.poll(call, call.provider_reference))


@task(flow.EMBED, "Ghép chữ ký", lane=Lane.SIGN, on_park=flow.give_up)
async def embed_call(work: Work) -> None:
    """Embed verified values with time stamps. A time stamping authority that is down only makes it wait."""
    async with work.transaction() as session:
        call = await flow.call_to_embed(session, work.subject_id)
    if call is None:
        return
    try:
        embedded = await documents.embed_all(work.tenant_id, call)
    except (port.NotReached, port.OutcomeUnknown) as error:
        await _wait(work, RETRY_SECONDS, error)
    async with work.finish() as session:
        await flow.record_embedded(session, work.subject_id, embedded)


@task(flow.COMPLETE, "Bổ sung bằng chứng cho chữ ký", lane=Lane.SIGN, together=8)
async def complete_request(work: Work) -> None:
    """Everybody has signed: add what proves the signatures later."""
    async with work.transaction() as session:
        signed = await completing.requests_to_complete(session, work.subject_ids)
    try:
        completed = await documents.complete_all(work.tenant_id, signed)
    except (port.NotReached, port.OutcomeUnknown) as error:
        raise jobs.RetryLater(RETRY_SECONDS, error.message) from error
    async with work.finish() as session:
        await completing.record_completed(session, completed)


@task("signing.retire_certificate", "Ngừng chứng thư đã được thay", lane=Lane.SIGN)
async def retire_certificate(work: Work) -> None:
    """Once nothing is under way any more that was consented to with a replaced certificate."""
    async with work.finish() as session:
        if not await retiring.retire(session, work.subject_id):
            raise jobs.RetryLater(RETIRE_SECONDS)


async def _to_send(work: Work, state: CallState) -> CallToSend | None:
    """The call, while its certificate signs. A value that was never fetched is no signature: its documents go back."""
    try:
        async with work.transaction() as session:
            return await flow.call_to_send(session, work.subject_id, state)
    except Conflict as refusal:
        await _end(work, CallState.FAILED, refusal.message)
        return None


async def _record(work: Work, call: CallToSend, asking: Awaitable[port.SubmitResult]) -> None:
    """Record what the provider answers; what it did not answer is asked again later, under the same id."""
    try:
        answer = await asking
    except (port.NotReached, port.OutcomeUnknown) as error:
        await _unanswered(work, call, error)
        return
    except port.UntrustedAnswer as error:
        await _end(work, CallState.QUARANTINED, error.message)
        return
    except port.NewAuthorizationNeeded as error:
        await _end(work, CallState.EXPIRED, error.message)
        return
    except (port.LoginRefused, port.NotInstalled, port.RequestRefused) as error:
        await _turned_away(work, call, error)
        return
    except port.ProviderError as error:
        await _end(work, CallState.FAILED, error.message)
        return
    if isinstance(answer, port.Pending) and call.provider_reference is not None:
        if calls.is_overdue(call):
            await _end(work, CallState.UNKNOWN, _OVERDUE)
            return
        if call.problem:
            await _note(work, None)
        raise jobs.RetryLater(answer.poll_after)
    async with work.finish() as session:
        await flow.record_answer(session, work.subject_id, answer)


async def _unanswered(work: Work, call: CallToSend, error: port.NotReached | port.OutcomeUnknown) -> None:
    """Asked again later, where that is the same question; not for ever."""
    if calls.is_overdue(call):
        await _end(work, CallState.UNKNOWN, f"{_OVERDUE} {error.message}")
    elif isinstance(error, port.NotReached):
        # Of an earlier try that may have been heard this one says nothing.
        heard = None if call.submitted_at is not None else False
        await _wait(work, error.retry_after or RETRY_SECONDS, error, heard=heard)
    elif call.provider_reference is not None or calls.may_repeat(call) or calls.may_be_found(call):
        await _wait(work, RETRY_SECONDS, error, heard=True)
    else:
        await _end(work, CallState.UNKNOWN, error.message)


async def _turned_away(work: Work, call: CallToSend, error: port.ProviderError) -> None:
    """The service lets us in no more, or refuses the question. What it was asked before may be there still, and on a
    telephone: a person has it asked about again, or gives the documents back."""
    async with work.finish() as session:
        if isinstance(error, port.AccessEnded):
            await accounts.access_refused(session, call.own)
        is_heard = call.provider_reference is not None or call.submitted_at is not None
        state = CallState.UNKNOWN if is_heard else CallState.FAILED
        await flow.end_call(session, work.subject_id, state, error.message)


async def _wait(
    work: Work, seconds: float, error: port.ProviderError, *, heard: bool | None = None
) -> NoReturn:
    """Come back later; meanwhile the signer sees what is being waited for."""
    await _note(work, error.message, heard=heard)
    raise jobs.RetryLater(seconds, error.message) from error


async def _note(work: Work, problem: str | None, *, heard: bool | None = None) -> None:
    async with work.transaction() as session:
        await flow.record_trouble(session, work.subject_id, problem, heard=heard)


async def _end(work: Work, state: CallState, problem: str) -> None:
    async with work.finish() as session:
        await flow.end_call(session, work.subject_id, state, problem)
