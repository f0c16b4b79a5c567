"""Leases and fences on the real table: one worker at a time, and nothing written late."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from backend.core import broker, database, jobs, outbox
from backend.core.database import TenantId, tenant_session
from backend.core.ids import new_id
from backend.core.jobs import Work
from backend.core.outbox import OutboxEvent
from tests.core.jobs.probes import (
    Done,
    announce,
    announced,
    begin,
    does,
    expire,
    lease,
    open_tenant,
    told,
)
from tests.factories.machine import Machine, dispatcher_connection


async def test_a_finished_job_is_gone_with_its_writes_committed(tenant: TenantId) -> None:
    does(announce)
    await broker.run(tenant, *await lease(tenant))
    assert await Machine(tenant).left() == []
    assert await announced(tenant) == 1


async def test_a_message_that_comes_twice_does_nothing(tenant: TenantId) -> None:
    runs = 0

    async def slowly(work: Work) -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.1)
        await announce(work)

    does(slowly)
    job_id, fence = await lease(tenant)
    await asyncio.gather(*(broker.run(tenant, job_id, fence) for _ in range(5)))
    await broker.run(tenant, job_id, fence)
    assert (runs, await announced(tenant)) == (1, 1)


async def test_a_worker_that_was_given_up_writes_nothing_more(tenant: TenantId) -> None:
    does(announce)
    late = await begin(tenant)
    await expire(tenant)
    await broker.run(tenant, *await lease(tenant))
    with pytest.raises(jobs.LeaseLost):
        await announce(late)
    with pytest.raises(jobs.LeaseLost):
        async with late.transaction():
            pass
    assert await announced(tenant) == 1


async def test_a_late_worker_neither_gives_back_nor_parks_what_another_one_holds(tenant: TenantId) -> None:
    late = await begin(tenant)
    await expire(tenant)
    new = await begin(tenant)
    await jobs.put_back(late, after=0, error="late")
    await jobs.park(late, "late", "muộn")
    [job] = await Machine(tenant).left()
    assert (job["state"], job["fence"], job["last_error"]) == ("leased", new.fence, None)
    assert (late.subject_id, "muộn") not in told
    await announce(new)
    assert await announced(tenant) == 1


async def test_nobody_takes_over_while_an_intent_is_being_written(tenant: TenantId) -> None:
    work = await begin(tenant)
    async with work.transaction() as session:
        await outbox.emit(session, Done(work.subject_id))
        taking = asyncio.create_task(expire(tenant))
        await asyncio.sleep(0.1)
        assert not taking.done()
    await taking


async def test_a_long_task_keeps_its_lease(tenant: TenantId, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RENEW_SECONDS", 0.1)
    others: list[object] = []

    async def long(work: Work) -> None:
        async with dispatcher_connection() as connection:
            soon = "update work.job set lease_until = now() + interval '0.5 s' where id = $1"
            await connection.execute(soon, work.job_id)
        await asyncio.sleep(1)
        others.extend(await Machine(tenant).lease())
        await announce(work)

    does(long)
    await broker.run(tenant, *await lease(tenant))
    assert others == []
    assert await announced(tenant) == 1


async def test_a_kind_of_another_release_waits_for_it(tenant: TenantId) -> None:
    job_id, fence = await lease(tenant)
    async with dispatcher_connection() as connection:
        await connection.execute("update work.job set kind = 'test.of-tomorrow' where id = $1", job_id)
    await broker.run(tenant, job_id, fence)
    [job] = await Machine(tenant).left()
    assert (job["state"], job["attempts"], job["last_error"]) == ("due", 0, "unknown kind")


async def test_work_of_one_school_is_invisible_to_another(tenant: TenantId) -> None:
    other = await open_tenant()
    async with tenant_session(tenant) as session:
        await outbox.emit(session, Done(uuid.uuid4()))
    job_id, fence = await lease(tenant)
    async with tenant_session(other) as session:
        for table in (OutboxEvent, jobs.Job):
            assert (await session.scalars(select(table.id))).all() == []
    assert await jobs.begin(other, job_id, fence) is None
    with pytest.raises(DBAPIError, match="row-level security"):
        await smuggle(other, into=tenant)
    async with database.public_session() as session:
        assert (await session.scalars(select(OutboxEvent.id))).all() == []


async def smuggle(tenant_id: TenantId, *, into: TenantId) -> None:
    """An event for somebody else."""
    async with tenant_session(tenant_id) as session:
        session.add(
            OutboxEvent(
                tenant_id=into, id=new_id(), name="Done", subject_id=new_id(), created_at=datetime.now(UTC)
            )
        )
