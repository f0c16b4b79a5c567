"""A provider call as the provider sees it, between two transactions: sent once, asked about until it has an end."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from backend.core import clock
from backend.remote_signing.providers import gateway, port
from backend.remote_signing.requests.schemas import CallToSend

#: So long a signer's answer may take at the provider (seconds).
ANSWER_SECONDS = 90.0
#: So long a service is asked on whose question to the person must have run out (seconds).
PATIENCE = 7200.0
_SILENT = "Dịch vụ ký số không trả lời kịp; hệ thống không gửi yêu cầu ký mới."


def may_repeat(call: CallToSend) -> bool:
    """Whether asking again under the same transaction id asks for the same transaction, or for none yet."""
    capabilities = _capabilities(call)
    return capabilities.challenges or capabilities.repeat is port.Repeat.IDEMPOTENT


def may_answer_again(call: CallToSend) -> bool:
    """Whether a signer's answer that may have arrived can be handed on again."""
    return _capabilities(call).repeat is port.Repeat.IDEMPOTENT


def may_be_found(call: CallToSend) -> bool:
    """Whether the provider can be asked about our transaction id."""
    return _capabilities(call).repeat is port.Repeat.QUERYABLE


def settling(call: CallToSend) -> float:
    """Seconds until the provider knows whether it has a transaction that it may just have been asked for."""
    settle = timedelta(seconds=_capabilities(call).settle)
    asked = call.submitted_at
    return 0.0 if asked is None else (asked + settle - clock.now()).total_seconds()


def is_overdue(call: CallToSend) -> bool:
    """Whether the person's question ran out long ago and the service has still not said what came of it."""
    capabilities = _capabilities(call)
    if not capabilities.interactive or call.submitted_at is None:
        return False
    most = timedelta(seconds=capabilities.authorization_ttl + capabilities.settle + PATIENCE)
    return call.submitted_at + most < clock.now()


async def submit(call: CallToSend) -> port.SubmitResult:
    """Ask for signatures. Raises the port's errors, each of which says what to do next."""
    provider, account, handle = _at(call)
    return await provider.sign_hashes(account, handle, _batch(call))


async def find(call: CallToSend) -> port.SubmitResult | None:
    """What has become of a call of which we do not know whether it arrived; None when it did not."""
    provider, account, handle = _at(call)
    return await cast(port.QueryableProvider, provider).find(account, handle, _batch(call))


async def poll(call: CallToSend, reference: str) -> port.PollResult:
    """Ask how far the signer's confirmation is; `reference` is the provider's own name of the transaction."""
    provider, account, handle = _at(call)
    return await provider.poll(account, handle, _batch(call), reference)


async def answer(call: CallToSend, values: Mapping[str, str]) -> port.SubmitResult:
    """Hand on what the signer gave. Raises the port's errors, after `ANSWER_SECONDS` OutcomeUnknown."""
    assert call.challenge is not None
    provider, account, handle = _at(call)
    asked = port.Challenge(
        provider_tx=call.challenge.reference,
        asks=call.challenge.asks,
        prompt=call.challenge.prompt,
        sends=call.challenge.sends,
        expires_at=call.challenge.until,
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await provider.answer(account, handle, _batch(call), asked, values)
    except TimeoutError as error:
        raise port.OutcomeUnknown(_SILENT, f"no answer within {ANSWER_SECONDS} s") from error


async def authorization_url(call: CallToSend, redirect_uri: str, state: str, code_challenge: str) -> str:
    """The provider's page on which the signer agrees."""
    provider, account, handle = _at(call)
    return await cast(port.AuthorizingProvider, provider).authorization_url(
        account,
        handle,
        _batch(call),
        redirect_uri=redirect_uri,
        state=state,
        code_challenge=code_challenge,
    )


def _capabilities(call: CallToSend) -> port.Capabilities:
    return gateway.provider(call.pin.provider).capabilities


async def ask_again(call: CallToSend) -> port.SubmitResult | None:
    """What became of a call: by the service's name of it, or under our id where that makes no second transaction.

    None where the service knows of none. An authorization that has run out is an answer. Raises the port's errors;
    ValueError where the service cannot say.
    """
    try:
        if call.provider_reference is not None:
            return await poll(call, call.provider_reference)
        if may_answer_again(call):
            return await submit(call)
        if may_be_found(call):
            return await find(call)
    except port.NewAuthorizationNeeded as error:
        return port.Expired(provider_tx=call.provider_reference or "", reason=error.message)
    raise ValueError("asking would be a second transaction")


def _at(call: CallToSend) -> tuple[port.SignatureProvider, port.ProviderAccount, port.CredentialHandle]:
    pin = call.pin
    handle = port.CredentialHandle(credential_id=pin.reference, certificate=pin.certificate)
    return (
        gateway.provider(pin.provider),
        gateway.account(pin.provider, pin.account, call.own.by_field),
        handle,
    )


def _batch(call: CallToSend) -> port.HashBatch:
    return port.HashBatch(
        transaction_id=call.transaction_id, hashes=call.hashes, description=call.description
    )
