"""The doorbell: Dramatiq on a Redis API. A message says "job J of school T, fence F, is yours"; the truth is the row."""

import asyncio
import logging
import os
import random
import signal
import threading
import uuid

import dramatiq
import redis
import uvloop
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.core import bucket, database, http_client, jobs, lookups, settings
from backend.core.errors import AppError, Unavailable

log = logging.getLogger(__name__)

#: Longest pause between two attempts.
MAX_BACKOFF_SECONDS = 300
#: Pause while a server that we depend on is away, give or take half: it may be away for as long as it likes.
UNAVAILABLE_SECONDS = 8.0
#: Longest run of one task; after that it has hung and counts as failed.
LONGEST_SECONDS = 240
#: Longest pause (ms) between two looks of a lane that has nothing: each look costs Redis and us, and there are many.
LOOK_MS = 400
#: Longest wait for an answer of Redis; none of our commands blocks there.
REDIS_SECONDS = 5.0
#: From SIGTERM: tasks still running after so long are interrupted and their jobs given back, …
GRACE_SECONDS = 3.0
#: … threads are waited for so long, …
STOP_SECONDS = 4.0
#: … and whatever still hangs is ended: losing a process never loses work.
END_SECONDS = 9.0
UNEXPECTED = "Có lỗi ngoài dự kiến khi hệ thống xử lý việc này; người quản trị cần xem nhật ký."


class DoorbellSilent(ConnectionError):
    """Redis does not answer: no worker was told. The job is in PostgreSQL and will be rung for again."""


class EventLoop(AsyncIO):
    """The event loop of a worker process, on which all its tasks run; closes what was opened on it before it ends."""

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Tasks that are running get GRACE_SECONDS to end."""
        thread = dramatiq.asyncio.get_event_loop_thread()
        if thread is not None:
            thread.loop.call_soon_threadsafe(thread.loop.call_later, GRACE_SECONDS, _interrupt, thread.loop)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Nothing runs any more."""
        thread = dramatiq.asyncio.get_event_loop_thread()
        if thread is not None:
            thread.run_coroutine(_let_go())
            super().after_worker_shutdown(broker, worker)  # type: ignore[no-untyped-call]


def _interrupt(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


async def _let_go() -> None:
    await http_client.aclose()
    await database.engine().dispose()
    await lookups.close()


def make_broker(redis_url: str) -> RedisBroker:
    """A broker without Dramatiq's own retries: a job is tried again because its row says so."""
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        client=redis.Redis.from_url(
            redis_url,
            socket_keepalive=True,
            socket_timeout=REDIS_SECONDS,
            health_check_interval=30,
            # once, for a connection that the server has closed meanwhile; those who ring try again by themselves
            retry=Retry(NoBackoff(), 1),
        ),
        middleware=[EventLoop()],
        heartbeat_timeout=10_000,
        maintenance_chance=50_000,
    )
    for lane in jobs.Lane:
        broker.declare_actor(
            dramatiq.Actor(
                _run_sync,
                broker=broker,
                actor_name=f"run_{lane}",
                queue_name=lane.value,
                priority=0,
                options={},
            )
        )
    # Nothing is sent with a delay: a job waits in PostgreSQL. Workers that listen there, too, only keep Redis busy.
    broker.delay_queues.clear()
    return broker


def ring(broker: RedisBroker, lane: str, tenant_id: uuid.UUID, job_id: uuid.UUID, fence: int) -> None:
    """Tell some worker that it holds the lease on a job. Raises DoorbellSilent when Redis cannot be told."""
    try:
        broker.get_actor(f"run_{lane}").send(str(tenant_id), str(job_id), fence)
    except (redis.RedisError, dramatiq.errors.BrokerError) as error:
        raise DoorbellSilent(type(error).__name__) from error


def _run_sync(tenant_id: str, job_id: str, fence: int) -> None:
    dramatiq.asyncio.async_to_sync(run)(uuid.UUID(tenant_id), uuid.UUID(job_id), fence)


async def run(tenant_id: uuid.UUID, job_id: uuid.UUID, fence: int) -> None:
    """Do one leased job to its end, its next attempt, or its parking. Never raises for what a task does wrong."""
    work = await jobs.begin(tenant_id, job_id, fence)
    if work is None:
        return
    try:
        task = jobs.find(work.kind)
    except KeyError:
        log.error("unknown kind of job left waiting", extra=_where(work))
        await jobs.put_back(work, after=MAX_BACKOFF_SECONDS, error="unknown kind", counted=False)
        return
    if work.attempts > 1 and len(work.subject_ids) > 1:
        log.warning("a job of several subjects lost its worker: one by one", extra=_where(work))
        await jobs.split(work)
        return
    if work.attempts > task.max_attempts:
        log.error("job parked: its starts never came to an end", extra=_where(work))
        await jobs.park(work, "worker died", UNEXPECTED)
        return
    await _run(task, work)


async def _run(task: jobs.Task, work: jobs.Work) -> None:
    try:
        async with asyncio.timeout(LONGEST_SECONDS), jobs.kept(work):
            await task.run(work)
            if not work.finished:
                async with work.finish():
                    pass
    except jobs.LeaseLost:
        log.warning("lease lost", extra=_where(work))
    except jobs.RetryLater as later:
        if len(work.subject_ids) > 1:
            await jobs.split(work, after=later.seconds, counted=False)
        else:
            await jobs.put_back(work, after=later.seconds, error=later.reason, counted=False)
    except Unavailable as error:
        log.warning("a server that the job needs is away", extra=_where(work))
        pause = UNAVAILABLE_SECONDS * random.uniform(0.5, 1.5)
        await jobs.put_back(work, after=pause, error=error.message, counted=False)
    except asyncio.CancelledError:
        await jobs.put_back(work, after=0, error="interrupted")
        raise
    except Exception as error:
        await _failed(task, work, error)


async def _failed(task: jobs.Task, work: jobs.Work, error: Exception) -> None:
    """Called in an except clause. What an expected error says will be said again next time, so it is parked at once.

    Of several subjects one may be to blame: each gets a job of its own.
    """
    if len(work.subject_ids) > 1:
        log.exception("a job of several subjects failed: one by one", extra=_where(work))
        await jobs.split(work)
        return
    park = isinstance(error, AppError) or work.attempts >= task.max_attempts
    log.exception("job parked" if park else "job failed", extra=_where(work))
    told = error.message if isinstance(error, AppError) else UNEXPECTED
    reason = error.message if isinstance(error, AppError) else type(error).__name__
    if park:
        await jobs.park(work, reason, told)
    else:
        await jobs.put_back(work, after=_backoff(work.attempts), error=reason)


def _backoff(attempts: int) -> float:
    """1, 2, 4 … seconds with jitter, so that a recovered dependency is not met by everybody at once."""
    return float(min(MAX_BACKOFF_SECONDS, 2 ** (attempts - 1))) * random.uniform(0.7, 1.3)


def _where(work: jobs.Work) -> dict[str, object]:
    return {
        "tenant_id": work.tenant_id,
        "job_id": work.job_id,
        "kind": work.kind,
        "subject_ids": work.subject_ids,
        "fence": work.fence,
        "attempts": work.attempts,
    }


def work_until_stopped() -> None:
    """Run a worker in this process until SIGINT or SIGTERM; it has ended END_SECONDS later, whatever hangs."""
    config = settings.get()
    # The loop of all tasks; Dramatiq makes it by the policy.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    broker = make_broker(config.redis_url)
    worker = dramatiq.Worker(broker, worker_threads=config.worker_threads, worker_timeout=LOOK_MS)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    worker.start()
    stop.wait()
    end = threading.Timer(END_SECONDS, os._exit, (0,))
    end.daemon = True
    end.start()
    try:
        worker.stop(timeout=int(STOP_SECONDS * 1000))
    finally:
        broker.close()
        broker.client.close()
        bucket.close()
