"""A provider says that something has happened to a transaction: ask about it now, and believe the answer alone."""

from backend.core import jobs
from backend.core.database import TenantSession
from backend.remote_signing.requests import batches, flow


async def wake(session: TenantSession, provider: str, reference: str) -> bool:
    """Whether a call waits there under that name, whose question was hastened."""
    call_id = await batches.call_named(session, provider, reference)
    return call_id is not None and await jobs.hasten(session, flow.POLL, call_id)
