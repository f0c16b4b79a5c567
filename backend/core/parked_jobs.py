"""Work that the machine has given up: what people see of it, and how they set it going again.

Tasks with `on_park` show theirs where people look for it, so they are not listed here.
"""

import uuid
from collections.abc import Collection, Sequence
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
    return await _resume(session, _parked(session))


async def told_of(
    session: TenantSession, kinds: Collection[str], subject_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, str]:
    """subject → why work of these kinds about it was given up; without those of which none was."""
    query = select(Job.subject_ids, Job.told).where(
        Job.tenant_id == session.tenant_id, Job.state == JobState.PARKED, Job.kind.in_(kinds)
    )
    wanted = set(subject_ids)
    return {
        subject_id: row.told or ""
        for row in await session.execute(query)
        for subject_id in row.subject_ids
        if subject_id in wanted
    }


async def begin_again(
    session: TenantSession, kind: str, subject_ids: Sequence[uuid.UUID]
) -> tuple[int, list[uuid.UUID]]:
    """Work of a kind about these subjects that was given up begins again; what is under way stays as it is.

    Counts the subjects whose work begins; and names those that have no such work at all, which the caller queues. Until
    this transaction ends nobody else of the school gets past here for that kind, so that they are queued once.
    """
    await session.hold(f"work {kind}")
    of_kind = and_(Job.tenant_id == session.tenant_id, Job.kind == kind)
    query = select(Job.id, Job.subject_ids, Job.state).where(of_kind)
    wanted, found = set(subject_ids), (await session.execute(query)).all()
    given_up = [row for row in found if row.state == JobState.PARKED and wanted & set(row.subject_ids)]
    if given_up:
        await _resume(session, and_(of_kind, Job.id.in_([row.id for row in given_up])))
    known = {subject_id for row in found for subject_id in row.subject_ids}
    begun = sum(len(wanted & set(row.subject_ids)) for row in given_up)
    return begun, [subject_id for subject_id in subject_ids if subject_id not in known]


async def _resume(session: TenantSession, which: ColumnElement[bool]) -> int:
    values = {"state": JobState.DUE, "attempts": 0, "next_at": clock.now(), "last_error": None, "told": None}
    query = update(Job).where(which, Job.state == JobState.PARKED).values(values).returning(Job.id)
    resumed = await session.scalars(query)
    await session.execute(select(func.pg_notify(outbox.CHANNEL, "")))
    return len(resumed.all())


def _parked(session: TenantSession) -> ColumnElement[bool]:
    listed = [task.kind for task in jobs.declared() if task.on_park is None]
    return and_(Job.tenant_id == session.tenant_id, Job.state == JobState.PARKED, Job.kind.in_(listed))
