"""Comparing an Authority's list with ours, outside of people's way."""

from backend.core.jobs import Lane, Work, task
from backend.integrations.reconciliation import service


@task(service.RUN, "Đối soát với Sở", lane=Lane.DELIVER)
async def reconcile(work: Work) -> None:
    """Fetch the list, compare, keep what differed."""
    async with work.transaction() as session:
        authority = await service.begin(session, work.subject_id)
    fetched = await service.fetch(authority, work.tenant_id) if authority else None
    async with work.finish() as session:
        if fetched is not None:
            await service.record(session, work.subject_id, fetched)
