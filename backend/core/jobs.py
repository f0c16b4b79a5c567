"""Durable work: a row in PostgreSQL per piece of work, leased, fenced, retried; Redis only rings the bell.

A task is an async function that gets a `Work`. What it writes in `work.finish()` commits together with the end of the
job, and only while its lease's fence is still the newest: a worker that was given up for dead cannot write late.

A job of a task that works `together` has several subjects: one lease and one commit for all of them. As soon as it
fails, has to wait or loses its worker, each subject becomes a job of its own, so that none keeps the others waiting.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    Index,
    Uuid,
    and_,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from backend.core import clock, outbox
from backend.core.database import Base, TenantSession, tenant_session
from backend.core.errors import NotFound
from backend.core.ids import new_id
from backend.core.personal_data import Ground, Keep, holding
from backend.core.questions import Question

log = logging.getLogger(__name__)

#: How long a worker may be silent before its job is given to another, and how often it speaks up meanwhile.
LEASE_SECONDS = 20.0
RENEW_SECONDS = 5.0


class Lane(StrEnum):
    """Kinds of work that must not wait for each other."""

    INTERACTIVE = "interactive"
    RENDER = "render"
    SIGN = "sign"
    DELIVER = "deliver"
    WEBHOOK = "webhook"


class JobState(StrEnum):
    """`due` waits for its time, `leased` is with a worker, `parked` waits for a person."""

    DUE = "due"
    LEASED = "leased"
    PARKED = "parked"


class Job(Base):
    """One piece of work; the row is deleted when it is done. `attempts` counts starts, also those that crashed.

    A parked one keeps what is `told` to people, and since when in `next_at`.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index(
            "ix_job_due",
            "tenant_id",
            "lane",
            "next_at",
            "id",
            postgresql_where=text("state in ('due', 'leased')"),
        ),
        Index("ix_job_leased", "lane", "tenant_id", postgresql_where=text("state = 'leased'")),
        {
            "schema": "work",
            "info": holding(
                internal="kind lane subject_ids state attempts fence lease_until next_at last_error",
                personal="told",
                title="Việc đang chạy nền",
                purpose="Cho người phụ trách biết việc nào dừng và vì sao",
                ground=Ground.EDUCATION,
                keep=Keep.TASK,
            ),
        },
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    lane: Mapped[str]
    subject_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    state: Mapped[str]
    attempts: Mapped[int]
    fence: Mapped[int]
    lease_until: Mapped[datetime | None]
    next_at: Mapped[datetime]
    last_error: Mapped[str | None]
    told: Mapped[str | None]


#: The row of a job in the hands of the worker that holds its fence. Statements that run for every job are built once:
#: building them costs more than running them.
_MINE = and_(
    Job.tenant_id == bindparam("tenant"),
    Job.id == bindparam("job"),
    Job.fence == bindparam("held_fence"),
    Job.state == JobState.LEASED,
)
#: By the database's clock, which the dispatcher compares it with.
_LEASE_END = func.now() + timedelta(seconds=LEASE_SECONDS)
_COLUMNS = ("id", "kind", "lane", "subject_ids", "state", "attempts", "fence", "next_at")
_ADD = Question(
    insert(Job).values(tenant_id=bindparam("tenant"), **{name: bindparam(name) for name in _COLUMNS})
)
_NOTIFY = Question(select(func.pg_notify(outbox.CHANNEL, "")))
_HOLD = select(Job.id).where(_MINE).with_for_update()
_END = delete(Job).where(_MINE).returning(Job.id).execution_options(synchronize_session=False)
_BEGIN = (
    update(Job)
    .where(_MINE)
    .values(fence=Job.fence + 1, attempts=Job.attempts + 1, lease_until=_LEASE_END)
    .returning(Job.fence, Job.kind, Job.subject_ids, Job.attempts)
    .execution_options(synchronize_session=False)
)


class RetryLater(Exception):
    """Not now: look again after `seconds`. Waiting for somebody else is not a failed attempt."""

    def __init__(self, seconds: float, reason: str | None = None) -> None:
        super().__init__(reason or f"again in {seconds} s")
        self.seconds = seconds
        self.reason = reason


class LeaseLost(Exception):
    """Another worker has taken the job over; whatever this one was about to write is dropped."""


@dataclass
class Work:
    """A running job in the hands of a task. `attempts` is 1 unless an earlier start failed or died."""

    tenant_id: uuid.UUID
    job_id: uuid.UUID
    fence: int
    kind: str
    subject_ids: tuple[uuid.UUID, ...]
    attempts: int
    finished: bool = field(default=False, init=False)

    @property
    def subject_id(self) -> uuid.UUID:
        """The subject of a task that does not work together; ValueError for others."""
        [subject_id] = self.subject_ids
        return subject_id

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[TenantSession]:
        """A transaction of the job's school before its end: to read, or to write an intent before an outside call.

        Nobody can take the job over until it is committed.
        """
        async with tenant_session(self.tenant_id) as session:
            row = await session.execute(_HOLD, self.mine())
            if row.first() is None:
                raise LeaseLost
            yield session

    @asynccontextmanager
    async def finish(self) -> AsyncIterator[TenantSession]:
        """The last transaction: its writes and the end of the job commit together, or not at all."""
        async with tenant_session(self.tenant_id) as session:
            yield session
            done = await session.execute(_END, self.mine())
            if done.first() is None:
                raise LeaseLost
        self.finished = True

    def mine(self) -> dict[str, object]:
        """Names the job's row as long as this worker may still write; parameters of `_MINE`."""
        return {"tenant": self.tenant_id, "job": self.job_id, "held_fence": self.fence}


#: Told in the transaction that parks a job: the subject, and why, in a sentence for people.
OnPark = Callable[[TenantSession, uuid.UUID, str], Awaitable[None]]


@dataclass(frozen=True)
class Task:
    """A kind of work and how to do it. `title` names it for people; a job has at most `together` subjects."""

    kind: str
    title: str
    lane: Lane
    max_attempts: int
    on_park: OnPark | None
    run: Callable[[Work], Awaitable[None]]
    together: int = 1


_TASKS: dict[str, Task] = {}


def task(
    kind: str,
    title: str,
    *,
    lane: Lane,
    max_attempts: int = 8,
    on_park: OnPark | None = None,
    together: int = 1,
) -> Callable[[Callable[[Work], Awaitable[None]]], Task]:
    """Declare a task. `on_park` shows people what was given up where they look for it; else parked_jobs.py lists it."""

    def register(run: Callable[[Work], Awaitable[None]]) -> Task:
        if kind in _TASKS:
            raise ValueError(f"task {kind} is declared twice")
        _TASKS[kind] = Task(kind, title, lane, max_attempts, on_park, run, together)
        return _TASKS[kind]

    return register


def find(kind: str) -> Task:
    """The declared task of that kind; KeyError when there is none."""
    return _TASKS[kind]


def declared() -> tuple[Task, ...]:
    """All tasks."""
    return tuple(_TASKS.values())


def rows(
    tenant_id: uuid.UUID,
    work: Task,
    subject_ids: Sequence[uuid.UUID],
    *,
    after: float = 0,
    together: int | None = None,
    attempts: int = 0,
) -> list[dict[str, object]]:
    """Column values of new jobs for these subjects, due in `after` seconds; as many in one job as the task takes."""
    size = together or work.together
    return [
        {
            "tenant_id": tenant_id,
            "id": new_id(),
            "kind": work.kind,
            "lane": work.lane.value,
            "subject_ids": list(subject_ids[start : start + size]),
            "state": JobState.DUE.value,
            "attempts": attempts,
            "fence": 0,
            "next_at": clock.now() + timedelta(seconds=after),
        }
        for start in range(0, len(subject_ids), size)
    ]


async def enqueue(session: TenantSession, kind: str, *subject_ids: uuid.UUID, after: float = 0) -> None:
    """Add jobs of one kind in the running transaction: the next step of a flow inside one slice."""
    if subject_ids:
        await session.tell(_ADD, rows(session.tenant_id, find(kind), subject_ids, after=after))
        await session.ask(_NOTIFY)


async def begin(tenant_id: uuid.UUID, job_id: uuid.UUID, fence: int) -> Work | None:
    """Take up a leased job. None when that lease is over or has been taken up: a message may well come twice."""
    async with tenant_session(tenant_id) as session:
        found = await session.execute(_BEGIN, {"tenant": tenant_id, "job": job_id, "held_fence": fence})
        job = found.first()
    return job and Work(tenant_id, job_id, job.fence, job.kind, tuple(job.subject_ids), job.attempts)


async def hasten(session: TenantSession, kind: str, subject_id: uuid.UUID) -> bool:
    """Make a job that waits for its time due now; whether there was one. A running or parked one stays as it is."""
    hastened = await session.execute(
        update(Job)
        .where(
            Job.tenant_id == session.tenant_id,
            Job.kind == find(kind).kind,
            literal(subject_id) == any_(Job.subject_ids),
            Job.state == JobState.DUE,
        )
        .values(next_at=clock.now())
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    if hastened.first() is None:
        return False
    await session.ask(_NOTIFY)
    return True


@asynccontextmanager
async def kept(work: Work) -> AsyncIterator[None]:
    """Renew the lease as long as the block runs: a long task is not taken for a dead one."""
    keeper = asyncio.create_task(_keep(work), name=f"lease of {work.job_id}")
    try:
        yield
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper


async def _keep(work: Work) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            async with tenant_session(work.tenant_id) as session:
                await session.execute(update(Job).where(_MINE).values(lease_until=_LEASE_END), work.mine())
        except (SQLAlchemyError, OSError) as error:
            log.warning("lease not renewed", extra={"job_id": work.job_id, "error": type(error).__name__})


async def put_back(work: Work, *, after: float, error: str | None, counted: bool = True) -> None:
    """Give the job back for later: after a failed attempt, or, not `counted`, because it has to wait."""
    values = {
        "state": JobState.DUE,
        "attempts": Job.attempts - (0 if counted else 1),
        "next_at": clock.now() + timedelta(seconds=after),
        "lease_until": None,
        "last_error": error,
    }
    async with tenant_session(work.tenant_id) as session:
        await session.execute(update(Job).where(_MINE).values(values), work.mine())


async def split(work: Work, *, after: float = 0, counted: bool = True) -> None:
    """Each subject of a job that failed, lost its worker or has to wait becomes a job of its own.

    The attempt made counts for each, unless, not `counted`, it only has to wait.
    """
    alone = rows(
        work.tenant_id, find(work.kind), work.subject_ids, after=after, together=1, attempts=int(counted)
    )
    async with tenant_session(work.tenant_id) as session:
        ended = await session.execute(_END, work.mine())
        if ended.first() is not None:
            await session.tell(_ADD, alone)


async def park(work: Work, error: str, told: str) -> None:
    """Leave the job to a person: `error` is for the operator, `told` the sentence for the people it concerns."""
    values = {
        "state": JobState.PARKED,
        "lease_until": None,
        "next_at": clock.now(),
        "last_error": error,
        "told": told,
    }
    async with tenant_session(work.tenant_id) as session:
        parked = await session.execute(update(Job).where(_MINE).values(values).returning(Job.id), work.mine())
        on_park = find(work.kind).on_park
        if parked.first() is not None and on_park is not None:
            for subject_id in work.subject_ids:
                # What is not this school's, or gone, has nobody there who could be told.
                with contextlib.suppress(NotFound):
                    await on_park(session, subject_id, told)
