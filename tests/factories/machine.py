"""Relay, dispatcher and workers in one hand: what the machine does for some schools, round by round, in this process.

    machine = Machine(school.tenant_id)
    await machine.rest()

Every job runs through the product's own `broker.run`, on leases in the real table; only Dramatiq is left out.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import asyncpg

from backend import workflow
from backend.core import broker, database, dispatcher, jobs, settings
from backend.core.errors import AppError

#: Waiting for simulators between two rounds in which nothing came to an end (seconds).
_BREATH = 0.03

_LEASE = """
    update work.job set state = 'leased', fence = fence + 1, lease_until = now() + interval '20 s'
    where tenant_id = any($1::uuid[])
      and (state = 'due' and ($2 or next_at <= now()) or state = 'leased' and lease_until < now())
    returning tenant_id, id, fence, kind
"""
_EXPIRE = "update work.job set lease_until = now() - interval '1 s' where id = $1 and state = 'leased'"
_LEFT = "select * from work.job where tenant_id = any($1::uuid[]) order by next_at, id"
_UNTURNED = "select exists (select from work.outbox_event where tenant_id = any($1::uuid[]) and name = any($2::text[]))"


class Death(Enum):
    """Where a worker dies: after a commit that is not the last one, or just before the last one."""

    AFTER_THE_INTENT = auto()
    BEFORE_THE_END = auto()


class Died(BaseException):
    """Nothing of ours catches this, as nothing catches SIGKILL."""


@dataclass
class DoomedWork(jobs.Work):
    """Work in the hands of a worker that dies at a given point."""

    death: Death = Death.BEFORE_THE_END
    #: for AFTER_THE_INTENT: so many more commits are survived
    spared: int = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[database.TenantSession]:
        async with super().transaction() as session:
            yield session
        if self.death is Death.AFTER_THE_INTENT:
            if not self.spared:
                raise Died
            self.spared -= 1

    @asynccontextmanager
    async def finish(self) -> AsyncIterator[database.TenantSession]:
        async with super().finish() as session:
            yield session
            raise Died


class Machine:
    """The background of these schools. With `hurry` no job waits for its time: what is due later is done at once.

    With `death` every job is first taken up by a worker that dies at that point, `times` of them one after the other; its
    lease then runs out. `spared`: after the intent, so many commits later. `deaths`: one worker after another,
    each with a point of its own.
    """

    def __init__(
        self,
        *tenant_ids: uuid.UUID,
        hurry: bool = True,
        death: Death | None = None,
        times: int = 1,
        spared: int = 0,
        deaths: Sequence[tuple[Death, int]] = (),
    ) -> None:
        self._tenants = list(tenant_ids)
        self._hurry = hurry
        self._deaths = [(death, spared)] * times if death is not None else list(deaths)
        self._haunted: Counter[uuid.UUID] = Counter()
        self.done: list[str] = []

    async def round(self) -> int:
        """Turn events into jobs and do all jobs that are due, at the same time; counts them."""
        leased = await self.lease()
        await asyncio.gather(*(self._do(job) for job in leased))
        self.done += [job["kind"] for job in leased]
        return len(leased)

    async def lease(self) -> list[Any]:
        """Turn events into jobs and lease those that are due, without doing them: (tenant_id, id, fence, kind)."""
        async with _kept_connection() as connection:
            relay = dispatcher.Relay(lambda event: workflow.TASKS_AFTER[event])
            while await relay.run(connection):  # what other tests left lies before ours
                pass
            leased: list[Any] = await connection.fetch(_LEASE, self._tenants, self._hurry)
        return leased

    async def forget(self) -> None:
        """Turn events into jobs and drop these: the test does by itself what they would."""
        await self.lease()
        async with _kept_connection() as connection:
            await connection.execute("delete from work.job where tenant_id = any($1::uuid[])", self._tenants)

    async def until(self, reached: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
        """Rounds until the condition holds. Fails after `within` seconds, naming what is left."""
        deadline = time.monotonic() + within
        while not await reached():
            await self.round()
            assert time.monotonic() < deadline, await self.left()
            await asyncio.sleep(_BREATH)

    async def rest(self, within: float = 60.0) -> None:
        """Rounds until nothing is left but parked jobs, and no event that a round passed over: another test's relay
        may have held it."""

        async def idle() -> bool:
            if await self.round() or any(job["state"] != "parked" for job in await self.left()):
                return False
            async with _kept_connection() as connection:
                return not await connection.fetchval(_UNTURNED, self._tenants, list(workflow.TASKS_AFTER))

        await self.until(idle, within)

    async def left(self) -> list[dict[str, Any]]:
        """The jobs of these schools that are not done."""
        async with _kept_connection() as connection:
            return [dict(row) for row in await connection.fetch(_LEFT, self._tenants)]

    async def _do(self, job: Any) -> None:
        turn = self._haunted[job["id"]]
        if turn == len(self._deaths):
            await broker.run(job["tenant_id"], job["id"], job["fence"])
            return
        self._haunted[job["id"]] += 1
        await die(job["tenant_id"], job["id"], job["fence"], *self._deaths[turn])


async def die(tenant_id: uuid.UUID, job_id: uuid.UUID, fence: int, death: Death, spared: int = 0) -> None:
    """Take a leased job up and die; afterwards its lease has run out."""
    work = await jobs.begin(tenant_id, job_id, fence)
    assert work is not None
    doomed = DoomedWork(
        work.tenant_id,
        work.job_id,
        work.fence,
        work.kind,
        work.subject_ids,
        work.attempts,
        death=death,
        spared=spared,
    )
    with suppress(Died, jobs.RetryLater, AppError):
        await jobs.find(work.kind).run(doomed)
    async with _kept_connection() as connection:
        await connection.execute(_EXPIRE, job_id)


@asynccontextmanager
async def dispatcher_connection() -> AsyncIterator[asyncpg.Connection]:
    """A connection of the dispatcher's role, as in production."""
    connection = await asyncpg.connect(settings.get().database_dispatcher_url)
    try:
        yield connection
    finally:
        await connection.close()


#: Connections that wait for the next round, by loop and address: a machine asks fifty times a second.
_idle: dict[tuple[int, str], list[asyncpg.Connection]] = {}


@asynccontextmanager
async def _kept_connection() -> AsyncIterator[asyncpg.Connection]:
    """A connection of the dispatcher's role that only machines have, with nothing left of the round before."""
    url = settings.get().database_dispatcher_url
    idle = _idle.setdefault((id(asyncio.get_running_loop()), url), [])
    connection = idle.pop() if idle else await asyncpg.connect(url)
    try:
        yield connection
        await connection.reset()
        idle.append(connection)
    except BaseException:
        connection.terminate()
        raise


def let_connections_go() -> None:
    """Before the database changes, and at the end."""
    for idle in _idle.values():
        for connection in idle:
            connection.terminate()
    _idle.clear()
