"""A certificate that another has replaced: it signs what was consented to with it, and then rests for good."""

import uuid

from backend.core.database import TenantSession
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.requests import batches


async def retire(session: TenantSession, credential_id: uuid.UUID) -> bool:
    """End it, unless a call with it is under way or held; whether it has ended."""
    if await batches.is_under_way(session, credential_id):
        return False
    await credentials.retire(session, credential_id)
    return True
