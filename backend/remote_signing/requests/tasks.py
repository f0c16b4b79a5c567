"""A consent's way through the machine. The order in which things are committed is what makes a crash harmless."""

from collections.abc import Awaitable

from backend.core import jobs, storage
from backend.core.jobs import Lane, Work, task
from backend.remote_signing.providers import port
from backend.remote_signing.requests import documents, flow, gateway
from backend.remote_signing.requests.rules import CallState
from backend.remote_signing.requests.schemas import CallToSend

#: Seconds until a service that did not answer is asked again.
RETRY_SECONDS = 2.0


@task("signing.prepare_call", lane=Lane.SIGN, lease_seconds=60)
async def prepare_call(work: Work) -> None:
    """Prepare every document of a call; the intent to sign is committed here, before the provider hears of it."""
    async with work.transaction() as session:
        call = await flow.call_to_prepare(session, work.subject_id)
    if call is None:
        return
    prepared = await documents.prepare_all(work.tenant_id, call)
    async with work.finish() as session:
        await flow.record_prepared(session, work.subject_id, prepared)


@task(flow.SUBMIT, lane=Lane.SIGN, lease_seconds=60)
async def submit_call(work: Work) -> None:
    """Ask the provider. Our transaction id is in a row already, so asking again asks for the same transaction."""
    async with work.transaction() as session:
        call = await flow.call_to_send(session, work.subject_id, CallState.SUBMITTING)
    if call is None:
        return
    provider = gateway.provider(call.pin.provider)
    if work.fence > 1 and provider.capabilities.repeat is not port.Repeat.IDEMPOTENT:
        await _end(
            work, CallState.UNKNOWN, "Không rõ dịch vụ ký số đã nhận yêu cầu chưa; cần người kiểm tra."
        )
        return
    await _record(
        work,
        call,
        provider.sign_hashes(gateway.account(call.pin.account), gateway.handle(call.pin), _batch(call)),
    )


@task(flow.POLL, lane=Lane.SIGN, lease_seconds=60)
async def poll_call(work: Work) -> None:
    """Ask how far the signer's confirmation is, until it has an end."""
    async with work.transaction() as session:
        call = await flow.call_to_send(session, work.subject_id, CallState.WAITING)
    if call is None or call.provider_reference is None:
        return
    provider = gateway.provider(call.pin.provider)
    account, handle = gateway.account(call.pin.account), gateway.handle(call.pin)
    await _record(work, call, provider.poll(account, handle, _batch(call), call.provider_reference))


@task(flow.EMBED, lane=Lane.SIGN, lease_seconds=60)
async def embed_call(work: Work) -> None:
    """Embed verified values with time stamps. A time stamping authority that is down only makes it wait."""
    async with work.transaction() as session:
        call = await flow.call_to_embed(session, work.subject_id)
    if call is None:
        return
    try:
        embedded = await documents.embed_all(work.tenant_id, call)
    except (port.NotReached, port.OutcomeUnknown) as error:
        raise jobs.RetryLater(RETRY_SECONDS) from error
    async with work.finish() as session:
        await flow.record_embedded(session, work.subject_id, embedded)


@task("signing.complete_request", lane=Lane.SIGN)
async def complete_request(work: Work) -> None:
    """Everybody has signed: add what proves the signatures later."""
    async with work.transaction() as session:
        found = await flow.request_to_complete(session, work.subject_id)
    if found is None:
        return
    try:
        final = await documents.with_validation_material(work.tenant_id, *found)
    except (port.NotReached, port.OutcomeUnknown) as error:
        raise jobs.RetryLater(RETRY_SECONDS) from error
    sha256 = await storage.put(work.tenant_id, final)
    async with work.finish() as session:
        await flow.record_completed(session, work.subject_id, sha256, len(final))


def _batch(call: CallToSend) -> port.HashBatch:
    return port.HashBatch(
        transaction_id=call.transaction_id, hashes=call.hashes, description=call.description
    )


async def _record(work: Work, call: CallToSend, asking: Awaitable[port.SubmitResult]) -> None:
    """Record what the provider answers; what it did not answer is asked again later, under the same id."""
    repeat = gateway.provider(call.pin.provider).capabilities.repeat
    try:
        answer = await asking
    except port.NotReached as error:
        raise jobs.RetryLater(error.retry_after or RETRY_SECONDS) from error
    except port.OutcomeUnknown as error:
        if repeat is port.Repeat.IDEMPOTENT or call.provider_reference is not None:
            raise jobs.RetryLater(RETRY_SECONDS) from error
        await _end(work, CallState.UNKNOWN, error.message)
        return
    except port.UntrustedAnswer as error:
        await _end(work, CallState.QUARANTINED, error.message)
        return
    except port.NewAuthorizationNeeded as error:
        await _end(work, CallState.EXPIRED, error.message)
        return
    except port.ProviderError as error:
        await _end(work, CallState.FAILED, error.message)
        return
    if isinstance(answer, port.Pending) and call.provider_reference is not None:
        raise jobs.RetryLater(answer.poll_after)
    async with work.finish() as session:
        await flow.record_answer(session, work.subject_id, answer)


async def _end(work: Work, state: CallState, problem: str) -> None:
    async with work.finish() as session:
        await flow.end_call(session, work.subject_id, state, problem)
