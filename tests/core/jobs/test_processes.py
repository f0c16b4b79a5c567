"""`hocba dispatch` and `hocba work` as processes: Redis may forget everything, and SIGTERM ends a worker in time.

They have a stack of their own: these processes would do the jobs of all other tests as well.
"""

import asyncio
import os
import signal
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import redis

from backend.core import broker, dispatcher, jobs
from backend.core.jobs import Lane
from infra.embedded import programs
from infra.embedded.child import ChildSpec
from infra.embedded.cluster_roles import APP, DISPATCHER, MIGRATOR
from infra.embedded.ports import LOOPBACK
from infra.embedded.stack import EmbeddedStack
from tests.factories.migrated import lay_down
from tests.infra.embedded.processes import wait_until

#: A real task that finds nothing for a random subject and says so: one sentence, parked, counted.
KIND, LANE = "signing.complete_request", Lane.SIGN
ANSWER = "Không tìm thấy yêu cầu ký này."
TENANT = uuid.uuid4()
#: After a kill or a lost message the lease must run out first (seconds).
A_LEASE = jobs.LEASE_SECONDS + 15


class Stack:
    """The stack, its processes as they are started, and what is in the queue."""

    def __init__(self, stack: EmbeddedStack, connection: asyncpg.Connection) -> None:
        self.embedded = stack
        self.connection = connection
        self.redis = redis.Redis.from_url(stack.environment()["HOCBA_REDIS_URL"])
        self.started: list[asyncio.subprocess.Process] = []

    async def start(self, spec: ChildSpec) -> asyncio.subprocess.Process:
        """Start one of our programs; its output is in `log`."""
        environment = {**spec.environment, "PYTHONWARNINGS": "always"}
        with self.log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *spec.command, env=environment, stdout=output, stderr=output
            )
        self.started.append(process)
        return process

    async def dispatch(self) -> asyncio.subprocess.Process:
        return await self.start(programs.dispatcher(self.embedded.environment()))

    async def work(self) -> asyncio.subprocess.Process:
        return await self.start(programs.worker(self.embedded.environment(), 1))

    @property
    def log(self) -> Path:
        return self.embedded.data.root / "processes.log"

    async def add(self, count: int) -> None:
        task = jobs.Task(KIND, "Việc thử", LANE, 8, None, nothing)
        await dispatcher.add(self.connection, jobs.rows(TENANT, task, [uuid.uuid4() for _ in range(count)]))

    async def jobs(self) -> list[Any]:
        found: list[Any] = await self.connection.fetch("select * from work.job order by id")
        return found

    async def expire(self) -> None:
        """The leases of what nobody has begun run out now, so that nobody waits for it."""
        await self.connection.execute(
            "update work.job set lease_until = now() where state = 'leased' and attempts = 0"
        )

    async def states(self) -> list[tuple[str, int, str | None]]:
        return [(job["state"], job["attempts"], job["last_error"]) for job in await self.jobs()]

    async def until(self, reached: Callable[[list[Any]], bool], within: float = 30.0) -> None:
        deadline = time.monotonic() + within
        while not reached(await self.jobs()):
            assert time.monotonic() < deadline, (await self.states(), self.log.read_text())
            await asyncio.sleep(0.05)


async def nothing(work: jobs.Work) -> None:
    raise NotImplementedError


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def embedded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    folder = lay_down(tmp_path_factory.mktemp("processes"), tmp_path_factory)
    async with EmbeddedStack(folder, say=lambda line: None, durable=False, configured={}) as stack:
        migrate = await asyncio.create_subprocess_exec(
            programs._hocba(), "migrate", env={**os.environ, **stack.environment()}
        )
        assert await migrate.wait() == 0
        owner = await asyncpg.connect(stack.postgres.url(MIGRATOR))
        await owner.execute("insert into directory.tenant (id) values ($1)", TENANT)
        await owner.close()
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def stack(embedded: EmbeddedStack) -> AsyncIterator[Stack]:
    connection = await asyncpg.connect(embedded.postgres.url(DISPATCHER))
    found = Stack(embedded, connection)
    found.log.unlink(missing_ok=True)
    yield found
    for process in found.started:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    await connection.execute("delete from work.job")
    await connection.close()
    found.redis.flushall()
    found.redis.close()


def all_answered(found: list[Any]) -> bool:
    return all(job["state"] == "parked" for job in found)


async def test_every_job_is_done_once(stack: Stack) -> None:
    await stack.add(100)
    await stack.dispatch()
    await stack.work()
    await stack.until(all_answered)
    assert await stack.states() == [("parked", 1, ANSWER)] * 100


async def test_what_redis_forgot_is_rung_for_again(stack: Stack) -> None:
    """All messages are lost before any worker saw them; every job is done all the same, once."""
    await stack.add(40)
    await stack.dispatch()
    slots = dispatcher.SLOTS[LANE]
    await stack.until(lambda found: sum(job["state"] == "leased" for job in found) == slots)
    assert await asyncio.to_thread(wait_until, lambda: stack.redis.hlen(f"dramatiq:{LANE}.msgs") == slots)
    stack.redis.flushall()
    await stack.expire()
    await stack.work()
    await stack.until(all_answered)
    assert await stack.states() == [("parked", 1, ANSWER)] * 40


async def test_without_redis_the_dispatcher_waits_and_goes_on(stack: Stack) -> None:
    dispatching = await stack.dispatch()
    await stack.work()
    await stack.add(5)
    await stack.until(all_answered)
    with away(stack):
        await stack.add(5)
        await asyncio.sleep(2)
    await stack.until(all_answered, 2 * A_LEASE)
    assert dispatching.returncode is None
    assert await stack.states() == [("parked", 1, ANSWER)] * 10


async def test_an_idle_worker_and_the_dispatcher_end_at_once(stack: Stack) -> None:
    await stack.add(3)
    processes = [await stack.dispatch(), await stack.work()]
    await stack.until(all_answered)
    assert await ended(processes) < 10
    assert [process.returncode for process in processes] == [0, 0]
    clean(stack)


async def test_sigterm_interrupts_a_task_that_hangs_and_gives_its_job_back(stack: Stack) -> None:
    """The task waits for a table that somebody else has locked."""
    dispatching, working = await stack.dispatch(), await stack.work()
    owner = await asyncpg.connect(stack.embedded.postgres.url(MIGRATOR))
    async with owner.transaction():
        await owner.execute("lock table signing_request in access exclusive mode")
        await stack.add(6)
        await stack.until(lambda found: sum(job["attempts"] == 1 for job in found) >= 4)
        await ended([dispatching])
        assert await ended([working]) < broker.END_SECONDS + 1
        assert working.returncode == 0
        started = {job["id"]: job for job in await stack.jobs() if job["attempts"] == 1}
    await owner.close()
    assert len(started) >= 4
    assert {(job["state"], job["last_error"]) for job in started.values()} == {("due", "interrupted")}
    clean(stack)
    await stack.dispatch()
    await stack.work()
    at_once = jobs.LEASE_SECONDS / 2
    await stack.until(lambda found: all_answered([job for job in found if job["id"] in started]), at_once)


async def test_sigterm_ends_a_worker_whose_redis_hangs(stack: Stack) -> None:
    working = await busy(stack)
    with frozen(stack.embedded.supervisor.pid("valkey")):
        assert await ended([working]) < broker.END_SECONDS + 1


async def test_sigterm_ends_a_worker_whose_database_hangs(stack: Stack) -> None:
    working = await busy(stack)
    owner = await asyncpg.connect(stack.embedded.postgres.url(APP))
    sql = "select pid from pg_stat_activity where usename = $1 and pid <> pg_backend_pid()"
    backends = [row["pid"] for row in await owner.fetch(sql, APP)]
    await owner.close()
    assert backends
    with frozen(*backends):
        assert await ended([working]) < broker.END_SECONDS + 1


async def busy(stack: Stack) -> asyncio.subprocess.Process:
    """A worker that has done something, so that its connections are open."""
    await stack.add(3)
    await stack.dispatch()
    working = await stack.work()
    await stack.until(all_answered)
    return working


@contextmanager
def away(stack: Stack) -> Iterator[None]:
    """No Redis: killed, and its port taken, so that it cannot come back while the block lasts."""
    os.kill(stack.embedded.supervisor.pid("valkey"), signal.SIGKILL)
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert wait_until(lambda: bound(place, stack.embedded.ports["valkey"]))
        yield


def bound(place: socket.socket, port: int) -> bool:
    with suppress(OSError):
        place.bind((LOOPBACK, port))
        return True
    return False


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """These processes neither answer nor go away while the block lasts."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def ended(processes: list[asyncio.subprocess.Process]) -> float:
    """Seconds from SIGTERM until all are gone."""
    began = time.monotonic()
    for process in processes:
        process.terminate()
    waits: list[Awaitable[int]] = [process.wait() for process in processes]
    await asyncio.wait_for(asyncio.gather(*waits), 20)
    return time.monotonic() - began


def clean(stack: Stack) -> None:
    """Nothing was left open, nothing was cut off in a way that somebody should look at."""
    said = stack.log.read_text()
    for word in ("Warning", "unclosed", "never awaited", "was destroyed", "Traceback"):
        assert word not in said, said
