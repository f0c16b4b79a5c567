"""Relay, dispatcher and workers in one hand: what the machine does for some schools, round by round, in this process.

    machine = Machine(school.tenant_id)
    await machine.rest()

Every job runs through the product's own `broker.run`, on leases in the real table; only Dramatiq is left out.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from backend import workflow
from backend.core import broker, dispatcher, settings

#: Waiting for simulators between two rounds in which nothing came to an end (seconds).
_BREATH = 0.02

_LEASE = """
    update work.job set state = 'leased', fence = fence + 1, lease_until = now() + interval '20 s'
    where tenant_id = any($1::uuid[]) and state = 'due' and ($2 or next_at <= now())
    returning tenant_id, id, fence, kind
"""
_LEFT = "select * from work.job where tenant_id = any($1::uuid[]) order by next_at, id"


class Machine:
    """The background of these schools. With `hurry` no job waits for its time: what is due later is done at once."""

    def __init__(self, *tenant_ids: uuid.UUID, hurry: bool = True) -> None:
        self._tenants = list(tenant_ids)
        self._hurry = hurry
        self.done: list[str] = []

    async def round(self) -> int:
        """Turn events into jobs and do all jobs that are due, at the same time; counts them."""
        async with dispatcher_connection() as connection:
            await dispatcher.Relay(lambda event: workflow.TASKS_AFTER[event]).run(connection)
            leased = await connection.fetch(_LEASE, self._tenants, self._hurry)
        await asyncio.gather(*(broker.run(job["tenant_id"], job["id"], job["fence"]) for job in leased))
        self.done += [job["kind"] for job in leased]
        return len(leased)

    async def until(self, reached: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
        """Rounds until the condition holds. Fails after `within` seconds, naming what is left."""
        deadline = time.monotonic() + within
        while not await reached():
            await self.round()
            assert time.monotonic() < deadline, await self.left()
            await asyncio.sleep(_BREATH)

    async def rest(self, within: float = 30.0) -> None:
        """Rounds until nothing is left but parked jobs."""

        async def idle() -> bool:
            return await self.round() == 0 and all(job["state"] == "parked" for job in await self.left())

        await self.until(idle, within)

    async def left(self) -> list[dict[str, Any]]:
        """The jobs of these schools that are not done."""
        async with dispatcher_connection() as connection:
            return [dict(row) for row in await connection.fetch(_LEFT, self._tenants)]


@asynccontextmanager
async def dispatcher_connection() -> Any:
    """A connection of the dispatcher's role, as in production."""
    connection = await asyncpg.connect(settings.get().database_dispatcher_url)
    try:
        yield connection
    finally:
        await connection.close()
