"""A step of the machine that stopped, or never began, is done after all; what is under way or done stays as it is."""

import uuid
from collections.abc import Sequence

from backend.core import jobs, parked_jobs
from backend.core.database import TenantSession
from backend.remote_signing.requests import service as signing
from backend.remote_signing.requests.schemas import RequestId

#: Names of tasks (tasks.py).
RENDER, ASK, ISSUE = "transcripts.render", "transcripts.ask_for_signatures", "transcripts.issue"


async def render(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> int:
    """Have frozen versions rendered; counts those whose work begins."""
    begun, fresh = await parked_jobs.begin_again(session, RENDER, version_ids)
    await jobs.enqueue(session, RENDER, *fresh)
    return begun + len(fresh)


async def ask_for_signatures(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> int:
    """Have rendered versions sent for signing; counts those whose work begins."""
    begun, fresh = await parked_jobs.begin_again(session, ASK, version_ids)
    await jobs.enqueue(session, ASK, *fresh)
    return begun + len(fresh)


async def issue(session: TenantSession, requests: dict[RequestId, bool]) -> int:
    """Have issued what everybody has signed: request → whether it is completed. Counts those whose work begins."""
    begun = await signing.complete_again(
        session, [one for one, is_complete in requests.items() if not is_complete]
    )
    again, fresh = await parked_jobs.begin_again(
        session, ISSUE, [one for one, is_complete in requests.items() if is_complete]
    )
    await jobs.enqueue(session, ISSUE, *fresh)
    return begun + again + len(fresh)
