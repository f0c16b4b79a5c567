"""Work that the machine has given up: what people see of it, and how they set it going again.

Tasks with `on_park` show theirs where people look for it, so they are not listed here.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select, update

from backend.core import clock, jobs, outbox
from backend.core.database import TenantSession
from backend.core.jobs import Job, JobState


@dataclass(frozen=True)
class ParkedJob:
    """Work that only a person sets going again; `told` says why it stopped."""

    title: str
    subject_ids: tuple[uuid.UUID, ...]
    told: str
    since: datetime


async def parked(session: TenantSession) -> list[ParkedJob]:
    """What waits for a person in this school, oldest first."""
    columns = (Job.kind, Job.subject_ids, Job.told, Job.next_at)
    found = await session.execute(select(*columns).where(_parked(session)).order_by(Job.next_at, Job.id))
    return [
        ParkedJob(jobs.find(row.kind).title, tuple(row.subject_ids), row.told or "", row.next_at)
        for row in found
    ]


async def count(session: TenantSession) -> int:
    """How many jobs `parked` would list."""
    return await session.scalar(select(func.count()).where(_parked(session))) or 0


async def resume(session: TenantSession) -> int:
    """Set all work that `parked` lists going again; counts it. What has been done meanwhile ends quietly."""
    values = {"state": JobState.DUE, "attempts": 0, "next_at": clock.now(), "last_error": None, "told": None}
    query = update(Job).where(_parked(session)).values(values).returning(Job.id)
    resumed = await session.scalars(query)
    await session.execute(select(func.pg_notify(outbox.CHANNEL, "")))
    return len(resumed.all())


def _parked(session: TenantSession) -> ColumnElement[bool]:
    listed = [task.kind for task in jobs.declared() if task.on_park is None]
    return and_(Job.tenant_id == session.tenant_id, Job.state == JobState.PARKED, Job.kind.in_(listed))
