"""A service tells that a person has answered: the question about it is asked at once instead of at its time.

A notice is never a result. Forged, repeated, early or late, it leads to a poll that is due anyway or to nothing, and the
poll decides.
"""

import uuid
from collections.abc import Mapping

from backend.core import rate_limit
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.providers import gateway
from backend.remote_signing.requests import service as requests

#: So many notices of one service to one school: more wake nothing, and asking goes on in its own time.
LIMIT = rate_limit.Limit(name="signing-notice", burst=120, per_seconds=60)


def place_of(name: str) -> tuple[uuid.UUID, str]:
    """School and provider of an address that we gave out. Raises NotFound for any other."""
    found = accounts.notice_place(name)
    if found is None:
        raise NotFound("Địa chỉ nhận tin này không đúng hoặc đã đổi.")
    return found


async def take(session: TenantSession, provider: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether something was woken. Raises TooManyTries, NotInstalled for a provider that is gone."""
    await rate_limit.take(LIMIT, f"{session.tenant_id} {provider}")
    hint = gateway.provider(provider).read_webhook(headers, body)
    return hint is not None and await requests.wake(session, provider, hint.provider_tx)
