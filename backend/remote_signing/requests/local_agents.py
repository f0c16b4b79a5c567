"""Calls that a computer at the school fetches and answers, in place of a service that we ask."""

import uuid
from collections.abc import Sequence

from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.remote_signing.providers import port
from backend.remote_signing.providers.values import require_genuine
from backend.remote_signing.requests import batches, flow
from backend.remote_signing.requests.rules import CallState
from backend.remote_signing.requests.schemas import CallToSend


async def calls_waiting_for(
    session: TenantSession, credential_id: uuid.UUID
) -> list[tuple[uuid.UUID, CallToSend]]:
    """Calls that wait for signatures of this certificate, oldest first; none while it signs nothing."""
    found = []
    for call_id in await batches.calls_of_credential(session, credential_id, CallState.WAITING):
        try:
            sent = await flow.call_to_send(session, call_id, CallState.WAITING)
        except Conflict:
            return []
        if sent is not None:
            found.append((call_id, sent))
    return found


async def take_values(
    session: TenantSession, credential_id: uuid.UUID, call_id: uuid.UUID, values: Sequence[bytes]
) -> int:
    """Values of a call, in the order of its hashes; how many. A call that has them already takes none again.

    Raises NotFound for another certificate's call, Conflict when the certificate signs nothing any more, Invalid for a
    value that does not verify: none is taken then, and the call goes on waiting.
    """
    sent = await _waiting(session, credential_id, call_id)
    if sent is None:
        return 0
    try:
        require_genuine(sent.pin.certificate, sent.hashes, values)
    except port.UntrustedAnswer as error:
        raise Invalid(
            "Giá trị chữ ký không khớp với chứng thư của con dấu; xin kiểm tra đã cắm đúng token rồi ký lại."
        ) from error
    signed = port.Signed(provider_tx=sent.provider_reference or "", values=tuple(values))
    await flow.record_answer(session, call_id, signed)
    return len(values)


async def decline_call(
    session: TenantSession, credential_id: uuid.UUID, call_id: uuid.UUID, reason: str
) -> int:
    """Whoever is beside the computer does not sign a call: of how many hashes; none of one that has moved on.

    Raises NotFound for another certificate's call, Conflict when the certificate signs nothing any more.
    """
    sent = await _waiting(session, credential_id, call_id)
    if sent is None:
        return 0
    declined = port.Declined(provider_tx=sent.provider_reference or "", reason=reason)
    await flow.record_answer(session, call_id, declined)
    return len(sent.hashes)


async def _waiting(session: TenantSession, credential_id: uuid.UUID, call_id: uuid.UUID) -> CallToSend | None:
    if call_id not in await batches.calls_of_credential(session, credential_id):
        raise NotFound("Không tìm thấy lần ký này.")
    return await flow.call_to_send(session, call_id, CallState.WAITING)
