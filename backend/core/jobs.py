"""Durable work: a row in PostgreSQL per piece of work, leased, fenced, retried; Redis only rings the bell.

A task is an async function that gets a `Work`. What it writes in `work.finish()` commits together with the end of the
job, and only while its lease's fence is still the newest: a worker that was given up for dead cannot write late.
"""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from backend.core import clock, outbox
from backend.core.database import Base, TenantSession, tenant_session
from backend.core.ids import new_id


class Lane(StrEnum):
    """Kinds of work that must not wait for each other."""

    INTERACTIVE = "interactive"
    RENDER = "render"
    SIGN = "sign"
    DELIVER = "deliver"


class JobState(StrEnum):
    """`due` waits for its time, `leased` is with a worker, `parked` waits for a person."""

    DUE = "due"
    LEASED = "leased"
    PARKED = "parked"


class Job(Base):
    """One piece of work; the row is deleted when it is done."""

    __tablename__ = "job"
    __table_args__: ClassVar[dict[str, str]] = {"schema": "work"}

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    lane: Mapped[str]
    subject_id: Mapped[uuid.UUID]
    state: Mapped[str]
    attempts: Mapped[int]
    fence: Mapped[int]
    lease_until: Mapped[datetime | None]
    next_at: Mapped[datetime]
    last_error: Mapped[str | None]


class RetryLater(Exception):
    """Not now: look again after `seconds`. Waiting for somebody else is not a failed attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


class LeaseLost(Exception):
    """Another worker has taken the job over; whatever this one was about to write is dropped."""


@dataclass
class Work:
    """A running job in the hands of a task."""

    tenant_id: uuid.UUID
    job_id: uuid.UUID
    fence: int
    subject_id: uuid.UUID
    attempts: int
    finished: bool = field(default=False, init=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[TenantSession]:
        """A transaction of the job's school before its end: to read, or to write an intent before an outside call."""
        async with tenant_session(self.tenant_id) as session:
            await self._hold(session)
            yield session

    @asynccontextmanager
    async def finish(self) -> AsyncIterator[TenantSession]:
        """The last transaction: its writes and the end of the job commit together, or not at all."""
        async with tenant_session(self.tenant_id) as session:
            yield session
            done = await session.execute(delete(Job).where(*self._mine()).returning(Job.id))
            if done.first() is None:
                raise LeaseLost
        self.finished = True

    async def _hold(self, session: TenantSession) -> None:
        row = await session.execute(select(Job.id).where(*self._mine()))
        if row.first() is None:
            raise LeaseLost

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return (
            Job.tenant_id == self.tenant_id,
            Job.id == self.job_id,
            Job.fence == self.fence,
            Job.state == JobState.LEASED,
        )


@dataclass(frozen=True)
class Task:
    """A kind of work and how to do it."""

    kind: str
    lane: Lane
    lease_seconds: int
    max_attempts: int
    run: Callable[[Work], Awaitable[None]]


_TASKS: dict[str, Task] = {}


def task(
    kind: str, *, lane: Lane, lease_seconds: int = 30, max_attempts: int = 8
) -> Callable[[Callable[[Work], Awaitable[None]]], Task]:
    """Declare a task. `lease_seconds` is how long a worker may be silent before the work is given to another."""

    def register(run: Callable[[Work], Awaitable[None]]) -> Task:
        if kind in _TASKS:
            raise ValueError(f"task {kind} is declared twice")
        _TASKS[kind] = Task(kind, lane, lease_seconds, max_attempts, run)
        return _TASKS[kind]

    return register


def find(kind: str) -> Task:
    """The declared task of that kind; KeyError when there is none."""
    return _TASKS[kind]


def declared() -> tuple[Task, ...]:
    """All tasks."""
    return tuple(_TASKS.values())


def row(tenant_id: uuid.UUID, work: Task, subject_id: uuid.UUID, *, after: float = 0) -> dict[str, object]:
    """Column values of a new job that is due `after` seconds from now."""
    return {
        "tenant_id": tenant_id,
        "id": new_id(),
        "kind": work.kind,
        "lane": work.lane.value,
        "subject_id": subject_id,
        "state": JobState.DUE.value,
        "attempts": 0,
        "fence": 0,
        "next_at": clock.now() + timedelta(seconds=after),
    }


async def enqueue(session: TenantSession, kind: str, *subject_ids: uuid.UUID, after: float = 0) -> None:
    """Add jobs of one kind in the running transaction: the next step of a flow inside one slice."""
    rows = [row(session.tenant_id, find(kind), subject_id, after=after) for subject_id in subject_ids]
    if rows:
        await session.execute(insert(Job), rows)
        await session.execute(select(func.pg_notify(outbox.CHANNEL, "")))


async def load(tenant_id: uuid.UUID, job_id: uuid.UUID, fence: int) -> Work | None:
    """The leased job, or None when its lease has gone to somebody else meanwhile."""
    async with tenant_session(tenant_id, read_only=True) as session:
        found = await session.execute(
            select(Job.kind, Job.subject_id, Job.attempts).where(
                Job.tenant_id == tenant_id, Job.id == job_id, Job.fence == fence, Job.state == JobState.LEASED
            )
        )
        job = found.first()
    return job and Work(tenant_id, job_id, fence, job.subject_id, job.attempts)


async def kind_of(tenant_id: uuid.UUID, job_id: uuid.UUID) -> str | None:
    """The kind of a job, or None when it is done."""
    async with tenant_session(tenant_id, read_only=True) as session:
        return await session.scalar(select(Job.kind).where(Job.tenant_id == tenant_id, Job.id == job_id))


async def put_back(work: Work, *, after: float, error: str | None, park: bool = False) -> None:
    """Give the job back: for later, after a failed attempt (`error`), or for a person (`park`)."""
    async with tenant_session(work.tenant_id) as session:
        await session.execute(
            update(Job)
            .where(Job.tenant_id == work.tenant_id, Job.id == work.job_id, Job.fence == work.fence)
            .values(
                state=JobState.PARKED if park else JobState.DUE,
                attempts=Job.attempts + (1 if error else 0),
                next_at=clock.now() + timedelta(seconds=after),
                lease_until=None,
                last_error=error,
            )
        )
