"""What the operator of the platform may see of all schools at once: ids, kinds, counts and times, never what is in them.

Read by the dispatcher's role, which can read nothing else; in a read-only transaction.
"""

import asyncpg

from backend.core import clock
from backend.core.platform_facts import (
    CheckpointView,
    LaneView,
    PlatformView,
    ProbeView,
    ShareView,
    TroubleView,
)

_LANES = """
    select lane,
        count(*) filter (where state = 'due' and next_at <= now()) as waiting,
        count(*) filter (where state = 'due' and next_at > now()) as later,
        count(*) filter (where state = 'leased') as at_work,
        count(*) filter (where state = 'parked') as parked,
        count(distinct tenant_id) filter (where state = 'due' and next_at <= now()) as schools,
        min(next_at) filter (where state = 'due' and next_at <= now()) as oldest
    from work.job group by lane order by lane
"""
#: Who waits most in each lane: a fair dispatcher lets the others pass, and this shows whether it does.
_SHARES = """
    select lane, tenant_id, waiting, at_work, oldest from (
        select lane, tenant_id, count(*) filter (where state = 'due' and next_at <= now()) as waiting,
            count(*) filter (where state = 'leased') as at_work,
            min(next_at) filter (where state = 'due' and next_at <= now()) as oldest,
            row_number() over (partition by lane order by count(*) filter (where state = 'due') desc, tenant_id) as place
        from work.job where state in ('due', 'leased') group by lane, tenant_id
    ) one where place <= $1 and waiting + at_work > 0 order by lane, waiting desc, tenant_id
"""
_TROUBLES = """
    select kind, state, left(last_error, 160) as error, count(*) as number, count(distinct tenant_id) as schools,
        min(next_at) as since
    from work.job where last_error is not null group by 1, 2, 3 order by number desc, kind limit $1
"""
_EVENTS = "select count(*) as number, min(created_at) as oldest from work.outbox_event"
_CHECKPOINTS = "select number, made_at from directory.audit_checkpoint order by number desc limit $1"
_PROBES = "select at, tried, broken from directory.store_probe order by at desc limit $1"
_SCHOOLS = "select count(*) from directory.tenant"
#: Lines of each list.
MOST = 20
#: Schools of a lane.
SHARES = 3


async def look(url: str) -> PlatformView:
    """The platform now, through the dispatcher's role at `url`. Raises what asyncpg does where it is away."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(readonly=True, isolation="repeatable_read"):
            return PlatformView(
                at=clock.now(),
                schools=await connection.fetchval(_SCHOOLS),
                lanes=tuple(LaneView(**row) for row in await connection.fetch(_LANES)),
                shares=tuple(
                    ShareView(**{**row, "tenant_id": str(row["tenant_id"])})
                    for row in await connection.fetch(_SHARES, SHARES)
                ),
                troubles=tuple(TroubleView(**row) for row in await connection.fetch(_TROUBLES, MOST)),
                unread_events=(await connection.fetchrow(_EVENTS))["number"],
                checkpoints=tuple(
                    CheckpointView(**row) for row in await connection.fetch(_CHECKPOINTS, MOST)
                ),
                probes=tuple(
                    ProbeView(at=row["at"], tried=row["tried"], broken=tuple(row["broken"]))
                    for row in await connection.fetch(_PROBES, MOST)
                ),
            )
    finally:
        await connection.close()
