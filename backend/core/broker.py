"""The doorbell: Dramatiq on a Redis API. A message says "job J of school T, fence F, is yours"; the truth is the row."""

import asyncio
import logging
import random
import signal
import threading
import uuid

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, CurrentMessage, ShutdownNotifications

from backend.core import jobs, settings
from backend.core.errors import AppError, Unavailable

log = logging.getLogger(__name__)

#: Longest pause between two attempts.
MAX_BACKOFF_SECONDS = 300


def make_broker(redis_url: str) -> RedisBroker:
    """A broker without Dramatiq's own retries: a job is tried again because its row says so."""
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        client=redis.Redis.from_url(redis_url, socket_keepalive=True, health_check_interval=30),
        middleware=[AsyncIO(), CurrentMessage(), ShutdownNotifications()],
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
    return broker


def ring(broker: RedisBroker, lane: str, tenant_id: uuid.UUID, job_id: uuid.UUID, fence: int) -> None:
    """Tell some worker that it holds the lease on a job."""
    broker.get_actor(f"run_{lane}").send(str(tenant_id), str(job_id), fence)


def _run_sync(tenant_id: str, job_id: str, fence: int) -> None:
    dramatiq.asyncio.async_to_sync(run)(uuid.UUID(tenant_id), uuid.UUID(job_id), fence)


async def run(tenant_id: uuid.UUID, job_id: uuid.UUID, fence: int) -> None:
    """Do one leased job to its end, its next attempt, or its parking. Never raises for what a task does wrong."""
    work = await jobs.load(tenant_id, job_id, fence)
    kind = await jobs.kind_of(tenant_id, job_id) if work else None
    if work is None or kind is None:
        return
    task = jobs.find(kind)
    try:
        async with asyncio.timeout(task.lease_seconds * 4):
            await task.run(work)
            if not work.finished:
                async with work.finish():
                    pass
    except jobs.LeaseLost:
        log.warning("lease lost", extra=_where(work, kind))
    except jobs.RetryLater as later:
        await jobs.put_back(work, after=later.seconds, error=None)
    except Exception as error:
        hopeless = isinstance(error, AppError) and not isinstance(error, Unavailable)
        park = hopeless or work.attempts + 1 >= task.max_attempts
        log.exception("job parked" if park else "job failed", extra=_where(work, kind))
        reason = error.message if isinstance(error, AppError) else type(error).__name__
        await jobs.put_back(work, after=_backoff(work.attempts), error=reason, park=park)


def _backoff(attempts: int) -> float:
    """1, 2, 4 … seconds with jitter, so that a recovered dependency is not met by everybody at once."""
    return float(min(MAX_BACKOFF_SECONDS, 2**attempts)) * random.uniform(0.7, 1.3)


def _where(work: jobs.Work, kind: str) -> dict[str, object]:
    return {
        "tenant_id": work.tenant_id,
        "job_id": work.job_id,
        "kind": kind,
        "subject_id": work.subject_id,
        "fence": work.fence,
        "attempts": work.attempts,
    }


def work_until_stopped() -> None:
    """Run a worker in this process until SIGINT or SIGTERM; running tasks end first."""
    config = settings.get()
    broker = make_broker(config.redis_url)
    worker = dramatiq.Worker(broker, worker_threads=config.worker_threads, worker_timeout=200)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    worker.start()
    stop.wait()
    worker.stop(timeout=20_000)
    broker.close()
