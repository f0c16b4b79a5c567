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
from backend.core.leading import lead, pause

log = logging.getLogger(__name__)

#: Any constant: who holds this lock dispatches.
LOCK = 7_474_001
#: Leased jobs of one lane at a time, all workers together.
SLOTS = {
    jobs.Lane.INTERACTIVE: 16,
    jobs.Lane.RENDER: 6,
    jobs.Lane.SIGN: 8,
    jobs.Lane.DELIVER: 8,
    jobs.Lane.WEBHOOK: 8,
}
#: Longest wait for a notice before looking anyway.
IDLE_SECONDS = 0.5
#: Shortest pause between two rounds: a burst of notices is one round.
PAUSE_SECONDS = 0.05
EVENTS_AT_ONCE = 500

#: Tells a worker; raises OSError when it cannot.
Ring = Callable[[str, uuid.UUID, uuid.UUID, int], None]
#: The tasks that follow an event, by its name; raises KeyError for one that this release does not know.
Follow = Callable[[str], Sequence[jobs.Task]]

_WAITING_EVENTS = """
    select tenant_id, id, name, subject_id from work.outbox_event where name <> all($2::text[])
    order by id limit $1 for update skip locked
"""
_DROP_EVENTS = """
    delete from work.outbox_event e using unnest($1::uuid[], $2::uuid[]) as done (tenant_id, id)
    where e.tenant_id = done.tenant_id and e.id = done.id
"""
_ADD_JOBS = """
    insert into work.job (tenant_id, id, kind, lane, subject_ids, state, attempts, fence, next_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
# Each school offers its most urgent jobs; those of schools with the least in flight are taken first, and among equals
# chance decides: any fixed order would let the same school win for ever. A row that a worker holds is passed over.
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
      order by coalesce(b.n, 0) + o.place, random()
      limit greatest(0, $2 - coalesce((select sum(n) from busy), 0))
    ), free as (
      select j.tenant_id, j.id from work.job j join chosen c using (tenant_id, id)
      where j.state = 'due' or j.state = 'leased' and j.lease_until < now()
      for update of j skip locked
    )
    update work.job j set state = 'leased', fence = j.fence + 1, lease_until = now() + make_interval(secs => $3)
    from free f where j.tenant_id = f.tenant_id and j.id = f.id
    returning j.tenant_id, j.id, j.fence
"""
_HAND_BACK = """
    update work.job j set state = 'due', lease_until = null
    from unnest($1::uuid[], $2::uuid[], $3::int[]) as unheard (tenant_id, id, fence)
    where j.tenant_id = unheard.tenant_id and j.id = unheard.id and j.fence = unheard.fence and j.state = 'leased'
"""


async def dispatch(url: str, follow: Follow, ring: Ring, stop: asyncio.Event) -> None:
    """Work until `stop` is set. `follow` names the tasks after an event, `ring` tells a worker.

    Errors of the database or of the doorbell end a round, not the dispatcher: it connects again.
    """

    async def hand_out(connection: asyncpg.Connection) -> None:
        woken = asyncio.Event()
        await connection.add_listener(outbox.CHANNEL, lambda *_: woken.set())
        relay = Relay(follow)
        while not stop.is_set():
            woken.clear()
            moved = await relay.run(connection)
            for lane in jobs.Lane:
                moved += await lease(connection, lane, ring)
            await pause(stop, PAUSE_SECONDS)
            if not moved:
                await _wait(woken, stop)

    await lead("dispatcher", url, LOCK, hand_out, stop)


class Relay:
    """Turns waiting events into jobs. Events of another release stay where they are until one that knows them runs."""

    def __init__(self, follow: Follow) -> None:
        self._follow = follow
        self._unknown: list[str] = []

    async def run(self, connection: asyncpg.Connection) -> int:
        """One transaction; counts the events that were turned."""
        async with connection.transaction():
            events = await connection.fetch(_WAITING_EVENTS, EVENTS_AT_ONCE, self._unknown)
            known = [(event, tasks) for event in events if (tasks := self._tasks(event["name"])) is not None]
            subjects: dict[tuple[uuid.UUID, jobs.Task], list[uuid.UUID]] = {}
            for event, tasks in known:
                for task in tasks:
                    subjects.setdefault((event["tenant_id"], task), []).append(event["subject_id"])
            for (tenant_id, task), subject_ids in subjects.items():
                await add(connection, jobs.rows(tenant_id, task, subject_ids))
            if known:
                keys = ([event[name] for event, _ in known] for name in ("tenant_id", "id"))
                await connection.execute(_DROP_EVENTS, *keys)
        return len(known)

    def _tasks(self, name: str) -> Sequence[jobs.Task] | None:
        if name in self._unknown:
            return None
        try:
            return self._follow(name)
        except KeyError:
            log.error("unknown event left waiting", extra={"event": name})
            self._unknown.append(name)
            return None


async def add(connection: asyncpg.Connection, rows: Sequence[dict[str, object]]) -> None:
    """Insert jobs as `jobs.rows` makes them."""
    names = ("tenant_id", "id", "kind", "lane", "subject_ids", "state", "attempts", "fence", "next_at")
    await connection.executemany(_ADD_JOBS, [[row[name] for name in names] for row in rows])


async def lease(connection: asyncpg.Connection, lane: jobs.Lane, ring: Ring) -> int:
    """Lease due jobs of a lane up to its slots and ring for each; counts them.

    Raises OSError when the doorbell does not work; jobs that no worker heard of are due again.
    """
    found: list[Any] = await connection.fetch(_LEASE, lane.value, SLOTS[lane], jobs.LEASE_SECONDS)
    for number, job in enumerate(found):
        try:
            await asyncio.to_thread(ring, lane.value, job["tenant_id"], job["id"], job["fence"])
        except OSError:
            keys = ([unheard[name] for unheard in found[number:]] for name in ("tenant_id", "id", "fence"))
            await connection.execute(_HAND_BACK, *keys)
            raise
    return len(found)


async def _wait(woken: asyncio.Event, stop: asyncio.Event) -> None:
    waits = {asyncio.create_task(woken.wait()), asyncio.create_task(stop.wait())}
    _, pending = await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
