"""The dispatcher: turns events into jobs and hands due jobs out, fairly between schools.

One of several dispatchers works at a time (an advisory lock); its role sees the schema `work` and nothing else.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from backend.core import jobs, outbox

log = logging.getLogger(__name__)

#: Any constant: who holds this lock dispatches.
LOCK = 7_474_001
#: Leased jobs of one lane at a time, all workers together.
SLOTS = {jobs.Lane.INTERACTIVE: 16, jobs.Lane.RENDER: 12, jobs.Lane.SIGN: 8, jobs.Lane.DELIVER: 12}
#: Longest wait for a notice before looking anyway.
IDLE_SECONDS = 0.5
#: Shortest pause between two rounds: a burst of notices is one round.
PAUSE_SECONDS = 0.02
EVENTS_AT_ONCE = 500

Ring = Callable[[str, uuid.UUID, uuid.UUID, int], None]
Follow = Callable[[str], Sequence[jobs.Task]]

_TAKE_EVENTS = """
    delete from work.outbox_event where (tenant_id, id) in (
      select tenant_id, id from work.outbox_event order by id limit $1 for update skip locked)
    returning tenant_id, name, subject_id
"""
_ADD_JOBS = """
    insert into work.job (tenant_id, id, kind, lane, subject_id, state, attempts, fence, next_at)
    select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::int[], $8::int[],
      $9::timestamptz[])
"""
# Each school offers its most urgent jobs; those of schools with the least in flight are taken first.
_LEASE = """
    with busy as (
      select tenant_id, count(*) as n from work.job
      where lane = $1 and state = 'leased' and lease_until >= now() group by tenant_id
    ), offered as (
      select j.tenant_id, j.id, row_number() over (partition by j.tenant_id order by j.next_at, j.id) as place
      from directory.tenant t cross join lateral (
        select tenant_id, id, next_at from work.job
        where tenant_id = t.id and lane = $1
          and (state = 'due' and next_at <= now() or state = 'leased' and lease_until < now())
        order by next_at, id limit $2) j
    ), chosen as (
      select o.tenant_id, o.id from offered o left join busy b using (tenant_id)
      order by coalesce(b.n, 0) + o.place limit greatest(0, $2 - coalesce((select sum(n) from busy), 0))
    )
    update work.job j set state = 'leased', fence = j.fence + 1,
      lease_until = now() + make_interval(secs => coalesce($3::jsonb ->> j.kind, '30')::int)
    from chosen c where j.tenant_id = c.tenant_id and j.id = c.id
    returning j.tenant_id, j.id, j.fence
"""


async def dispatch(url: str, follow: Follow, ring: Ring, stop: asyncio.Event) -> None:
    """Work until `stop` is set. `follow` names the tasks after an event, `ring` tells a worker.

    Database errors end a round, not the dispatcher: it connects again.
    """
    while not stop.is_set():
        try:
            await _lead(url, follow, ring, stop)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("dispatcher lost the database", extra={"error": type(error).__name__})
            await _pause(stop, 1.0)


async def _lead(url: str, follow: Follow, ring: Ring, stop: asyncio.Event) -> None:
    connection = await asyncpg.connect(url)
    woken = asyncio.Event()
    try:
        while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
            if await _pause(stop, 1.0):
                return
        await connection.add_listener(outbox.CHANNEL, lambda *_: woken.set())
        leases = _lease_seconds()
        while not stop.is_set():
            woken.clear()
            moved = await relay(connection, follow)
            for lane in jobs.Lane:
                moved += await lease(connection, lane, leases, ring)
            await _pause(stop, PAUSE_SECONDS)
            if not moved:
                await _wait(woken, stop)
    finally:
        await connection.close()


async def relay(connection: asyncpg.Connection, follow: Follow) -> int:
    """Turn waiting events into jobs, in one transaction; counts the events."""
    async with connection.transaction():
        events = await connection.fetch(_TAKE_EVENTS, EVENTS_AT_ONCE)
        rows = [
            jobs.row(event["tenant_id"], task, event["subject_id"])
            for event in events
            for task in follow(event["name"])
        ]
        if rows:
            names = ("tenant_id", "id", "kind", "lane", "subject_id", "state", "attempts", "fence", "next_at")
            await connection.execute(_ADD_JOBS, *([row[name] for row in rows] for name in names))
    return len(events)


async def lease(connection: asyncpg.Connection, lane: jobs.Lane, leases: str, ring: Ring) -> int:
    """Lease due jobs of a lane up to its slots and ring for each; counts them."""
    found: list[Any] = await connection.fetch(_LEASE, lane.value, SLOTS[lane], leases)
    for job in found:
        await asyncio.to_thread(ring, lane.value, job["tenant_id"], job["id"], job["fence"])
    return len(found)


def _lease_seconds() -> str:
    pairs = ",".join(f'"{task.kind}":"{task.lease_seconds}"' for task in jobs.declared())
    return "{" + pairs + "}"


async def _wait(woken: asyncio.Event, stop: asyncio.Event) -> None:
    waits = {asyncio.create_task(woken.wait()), asyncio.create_task(stop.wait())}
    _, pending = await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()


async def _pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; True when it is time to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
