"""A provider call as the provider sees it, between two transactions: sent once, asked about until it has an end."""

from backend.remote_signing.providers import gateway, port
from backend.remote_signing.requests.schemas import CallToSend


def may_repeat(call: CallToSend) -> bool:
    """Whether the provider answers the same transaction id with the same transaction, however often it is sent."""
    return gateway.provider(call.pin.provider).capabilities.repeat is port.Repeat.IDEMPOTENT


async def submit(call: CallToSend) -> port.SubmitResult:
    """Ask for signatures. Raises the port's errors, each of which says what to do next."""
    provider, account, handle = _at(call)
    return await provider.sign_hashes(account, handle, _batch(call))


async def poll(call: CallToSend, reference: str) -> port.PollResult:
    """Ask how far the signer's confirmation is; `reference` is the provider's own name of the transaction."""
    provider, account, handle = _at(call)
    return await provider.poll(account, handle, _batch(call), reference)


def _at(call: CallToSend) -> tuple[port.SignatureProvider, port.ProviderAccount, port.CredentialHandle]:
    pin = call.pin
    handle = port.CredentialHandle(credential_id=pin.reference, certificate=pin.certificate)
    return gateway.provider(pin.provider), gateway.account(pin.provider, pin.account), handle


def _batch(call: CallToSend) -> port.HashBatch:
    return port.HashBatch(
        transaction_id=call.transaction_id, hashes=call.hashes, description=call.description
    )
