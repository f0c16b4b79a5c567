"""Fairness: how long a school with little to do waits while another has 200,000 jobs in the same lane.

The product's dispatcher on the real table, its leases, its worker code; only the message queue between them is a list.
"""

import asyncio
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple

import asyncpg

from backend.core import broker, dispatcher, jobs, settings
from backend.core.database import TenantId, tenant_session
from backend.core.jobs import Lane, Work
from infra.bench import issued, servers
from infra.bench.batch import two_cores
from infra.bench.harness import Bench, say

_BACKLOG: Final = 200_000
_QUIET_SCHOOLS: Final = 20
#: One of the quiet schools has something to do so often; a job takes so long (s).
_EVERY: Final = 0.1
_TASK: Final = 0.02
_KIND: Final = "bench.task"
_LANE: Final = Lane.DELIVER

_FILL = """
    insert into work.job (tenant_id, id, kind, lane, subject_ids, state, attempts, fence, next_at)
    select $1, gen_random_uuid(), $2, $3, array[gen_random_uuid()], 'due', 0, 0, now() - interval '1 h'
    from generate_series(1, $4)
"""
_EMPTY = "delete from work.job"
#: First come, first served, as a list in Redis or `skip locked` by age would.
_FIRST_IN_FIRST_OUT = """
    with free as (
      select tenant_id, id from work.job where lane = $1 and state = 'due' and next_at <= now()
      order by next_at, id
      limit greatest(0, $2 - (select count(*) from work.job where lane = $1 and state = 'leased'))
      for update skip locked
    )
    update work.job j set state = 'leased', fence = j.fence + 1, lease_until = now() + make_interval(secs => $3)
    from free f where j.tenant_id = f.tenant_id and j.id = f.id
    returning j.tenant_id, j.id, j.fence
"""

_INDEX = "create index job_by_age on work.job (lane, next_at, id) where state = 'due'"


class Seen(NamedTuple):
    """Waits of the quiet schools (s), how many jobs of theirs were not begun, jobs done in all, and in how long (s)."""

    waits: list[float]
    unserved: int
    done: int
    seconds: float

    @property
    def rate(self) -> float:
        """Jobs per second."""
        return self.done / self.seconds


def run(bench: Bench) -> None:
    """jobs.quiet_p99: servers, dispatcher and workers on two cores."""
    with two_cores():
        asyncio.run(_measure(bench))


async def _measure(bench: Bench) -> None:
    backlog, seconds = bench.size(_BACKLOG, 2_000), float(bench.size(30, 5))
    async with servers.embedded():
        noisy, *quiet = [await issued.open_empty() for _ in range(1 + bench.size(_QUIET_SCHOOLS, 3))]
        ours = await _observe(noisy, quiet, backlog, seconds)
        say(f"jobs.quiet_p99: {len(ours.waits)} waits, {ours.rate:.0f} jobs/s")
        async with _first_in_first_out():
            theirs = await _observe(noisy, quiet, backlog, seconds)
    p99 = _p99(ours.waits)
    #: None of theirs is begun before the backlog is done; how long that takes follows from the rate.
    yardstick = _p99(theirs.waits) if theirs.waits else (backlog - theirs.done) / theirs.rate
    bench.report(
        "jobs.quiet_p99",
        1000 * p99,
        n=len(ours.waits),
        ratio=yardstick / p99,
        note=(
            f"backlog {backlog}, {len(quiet)} quiet schools, {dispatcher.SLOTS[_LANE]} slots, tasks of "
            f"{1000 * _TASK:.0f} ms; median {1000 * statistics.median(ours.waits):.0f} ms; "
            f"{ours.rate:.0f} jobs/s in all; "
            f"first-in-first-out: {len(theirs.waits)} of {len(theirs.waits) + theirs.unserved} begun in {seconds:.0f} s "
            f"at {theirs.rate:.0f} jobs/s"
        ),
    )


async def _observe(noisy: TenantId, quiet: list[TenantId], backlog: int, seconds: float) -> Seen:
    url = settings.get().database_dispatcher_url
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_EMPTY)
        await connection.execute(_FILL, noisy, _KIND, _LANE.value, backlog)
    finally:
        await connection.close()
    await servers.look_at_tables()
    asked: dict[uuid.UUID, float] = {}
    waits: list[float] = []
    rung: asyncio.Queue[tuple[uuid.UUID, uuid.UUID, int] | None] = asyncio.Queue()
    loop, stop, done = asyncio.get_running_loop(), asyncio.Event(), 0

    async def task(work: Work) -> None:
        if since := asked.pop(work.subject_id, None):
            waits.append(time.monotonic() - since)
        await asyncio.sleep(_TASK)

    def ring(lane: str, tenant_id: uuid.UUID, job_id: uuid.UUID, fence: int) -> None:
        loop.call_soon_threadsafe(rung.put_nowait, (tenant_id, job_id, fence))

    async def work() -> None:
        nonlocal done
        while (job := await rung.get()) is not None and not stop.is_set():
            await broker.run(*job)
            done += 1

    async def trickle() -> None:
        number = 0
        while not stop.is_set():
            subject_id = uuid.uuid4()
            asked[subject_id] = time.monotonic()
            async with tenant_session(quiet[number % len(quiet)]) as session:
                await jobs.enqueue(session, _KIND, subject_id)
            number += 1
            await asyncio.sleep(_EVERY)

    with _declared(task):
        started = time.monotonic()
        running: list[asyncio.Task[Any]] = [
            asyncio.create_task(one)
            for one in (
                dispatcher.dispatch(url, lambda _: (), ring, stop),
                trickle(),
                *(work() for _ in range(dispatcher.SLOTS[_LANE])),
            )
        ]
        await asyncio.sleep(seconds)
        spent = time.monotonic() - started
        # Nobody is interrupted: whoever works ends what it does.
        stop.set()
        for _ in running:
            rung.put_nowait(None)
        await asyncio.gather(*running)
    return Seen(waits, len(asked), done, spent)


@contextmanager
def _declared(task: Any) -> Iterator[None]:
    jobs._TASKS[_KIND] = jobs.Task(_KIND, "Việc đo", _LANE, 3, None, task)
    try:
        yield
    finally:
        del jobs._TASKS[_KIND]


@asynccontextmanager
async def _first_in_first_out() -> AsyncIterator[None]:
    """The dispatcher with another order, the index that this wants, and nothing else."""
    ours = dispatcher._LEASE
    connection = await asyncpg.connect(settings.get().database_migrator_url)
    try:
        await connection.execute(_INDEX)
        vars(dispatcher)["_LEASE"] = _FIRST_IN_FIRST_OUT
        yield
    finally:
        vars(dispatcher)["_LEASE"] = ours
        await connection.close()


def _p99(waits: list[float]) -> float:
    return sorted(waits)[min(len(waits) - 1, int(0.99 * len(waits)))]
