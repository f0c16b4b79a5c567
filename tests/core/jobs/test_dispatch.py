"""The dispatcher's SQL: events become jobs exactly once, and a busy school does not push the others aside.

The queue is one table for all tests: those about leasing look at it inside a transaction that is rolled back, in which
only their own jobs exist.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import select

from backend.core import dispatcher, jobs, outbox, settings
from backend.core.database import TenantId, tenant_session
from backend.core.events import Event
from backend.core.jobs import Lane, Work
from backend.core.outbox import OutboxEvent
from tests.core.jobs.probes import open_tenant
from tests.factories.machine import dispatcher_connection

LANE = Lane.DELIVER
SLOTS = dispatcher.SLOTS[LANE]


class Happened(Event, frozen=True):
    """Two tasks follow it."""


class Later(Event, frozen=True):
    """A release that is not installed here knows what to do."""


async def _never(work: Work) -> None:
    raise NotImplementedError


FIRST, SECOND = (jobs.Task(kind, "Việc thử", LANE, 8, None, _never) for kind in ("test.first", "test.second"))


def follow(event: str) -> Sequence[jobs.Task]:
    return {"Happened": (FIRST, SECOND)}[event]


@pytest_asyncio.fixture(loop_scope="session")
async def tenants(product: settings.Settings) -> list[TenantId]:
    """Fourteen schools: more than the lane has slots."""
    return [await open_tenant() for _ in range(14)]


@pytest_asyncio.fixture(loop_scope="session")
async def alone(product: settings.Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection on which there are no jobs but those that the test adds; everything is undone afterwards."""
    async with dispatcher_connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("delete from work.job")
        yield connection
        await transaction.rollback()


async def add(connection: asyncpg.Connection, tenant_id: TenantId, count: int) -> None:
    subjects = [uuid.uuid4() for _ in range(count)]
    await dispatcher.add(connection, jobs.rows(tenant_id, FIRST, subjects, after=-60))


async def lease(connection: asyncpg.Connection, lane: Lane = LANE) -> Counter[uuid.UUID]:
    """Jobs leased in one round, by school."""
    rung: list[uuid.UUID] = []
    await dispatcher.lease(connection, lane, lambda _, tenant_id, job_id, fence: rung.append(tenant_id))
    return Counter(rung)


async def finish(connection: asyncpg.Connection, count: int = 1) -> None:
    """The workers end some leased jobs."""
    await connection.execute(
        "delete from work.job where id in (select id from work.job where state = 'leased' order by lease_until limit $1)",
        count,
    )


async def test_a_lane_never_has_more_in_flight_than_its_slots(
    alone: asyncpg.Connection, tenants: list[TenantId]
) -> None:
    await add(alone, tenants[0], 100)
    assert (await lease(alone)).total() == SLOTS
    assert (await lease(alone)).total() == 0
    await finish(alone, 3)
    assert (await lease(alone)).total() == 3


async def test_a_small_school_is_served_beside_a_backlog(
    alone: asyncpg.Connection, tenants: list[TenantId]
) -> None:
    big, small = tenants[:2]
    await add(alone, big, 1000)
    await add(alone, small, 3)
    leased = await lease(alone)
    assert leased[small] == 3
    assert leased[big] == SLOTS - 3


async def test_a_school_that_comes_later_gets_the_next_free_slot(
    alone: asyncpg.Connection, tenants: list[TenantId]
) -> None:
    big, small = tenants[:2]
    await add(alone, big, 1000)
    assert (await lease(alone))[big] == SLOTS
    await add(alone, small, 1)
    await finish(alone)
    assert await lease(alone) == Counter({small: 1})


async def test_two_backlogs_share_the_lane_evenly(alone: asyncpg.Connection, tenants: list[TenantId]) -> None:
    for tenant_id in tenants[:2]:
        await add(alone, tenant_id, 200)
    served: Counter[uuid.UUID] = Counter()
    for _ in range(10):
        served += await lease(alone)
        await finish(alone, SLOTS)
    assert set(served.values()) == {served.total() // 2}


async def test_no_school_starves_when_there_are_more_than_slots(
    alone: asyncpg.Connection, tenants: list[TenantId]
) -> None:
    """All have a backlog and equally little in flight: whoever always won the tie would shut the others out."""
    for tenant_id in tenants:
        await add(alone, tenant_id, 200)
    served: Counter[uuid.UUID] = Counter()
    for _ in range(120):  # ties are drawn by lot: so many draws lie close together
        served += await lease(alone)
        await finish(alone, SLOTS)
    assert set(served) == set(tenants)
    assert min(served.values()) > served.total() / len(tenants) / 2


async def test_lanes_do_not_wait_for_each_other(alone: asyncpg.Connection, tenants: list[TenantId]) -> None:
    await add(alone, tenants[0], 100)
    await lease(alone)
    await alone.execute("update work.job set lane = 'sign' where state = 'due'")
    assert (await lease(alone, Lane.SIGN)).total() == dispatcher.SLOTS[Lane.SIGN]


async def test_parked_and_future_jobs_are_left_alone(
    alone: asyncpg.Connection, tenants: list[TenantId]
) -> None:
    await add(alone, tenants[0], 2)
    await alone.execute("update work.job set next_at = now() + interval '1 s'")
    assert (await lease(alone)).total() == 0
    await alone.execute("update work.job set next_at = now(), state = 'parked'")
    assert (await lease(alone)).total() == 0


async def test_an_expired_lease_is_handed_out_again_under_a_new_fence(
    alone: asyncpg.Connection, tenants: list[TenantId]
) -> None:
    await add(alone, tenants[0], 1)
    await lease(alone)
    before = await alone.fetchrow("select fence from work.job")
    assert (await lease(alone)).total() == 0
    await alone.execute("update work.job set lease_until = now() - interval '1 s'")
    assert (await lease(alone)).total() == 1
    after = await alone.fetchrow("select fence from work.job")
    assert after["fence"] == before["fence"] + 1


async def test_when_nobody_can_be_told_the_jobs_are_due_again(
    alone: asyncpg.Connection, tenants: list[TenantId]
) -> None:
    await add(alone, tenants[0], 5)
    heard: list[uuid.UUID] = []

    def ring(lane: str, tenant_id: uuid.UUID, job_id: uuid.UUID, fence: int) -> None:
        if len(heard) == 2:
            raise ConnectionError
        heard.append(job_id)

    with pytest.raises(ConnectionError):
        await dispatcher.lease(alone, LANE, ring)
    states = {row["id"]: row["state"] for row in await alone.fetch("select id, state from work.job")}
    assert Counter(states.values()) == Counter(leased=2, due=3)
    assert all(states[job_id] == "leased" for job_id in heard)


async def test_a_row_that_a_worker_holds_does_not_stop_the_dispatcher(tenants: list[TenantId]) -> None:
    """Committed for once: two connections must see it. A lane of its own keeps it apart."""
    tenant_id = tenants[0]
    async with dispatcher_connection() as holding, dispatcher_connection() as leasing:
        await add(leasing, tenant_id, 2)
        await leasing.execute("update work.job set lane = 'test' where tenant_id = $1", tenant_id)
        async with holding.transaction():
            [held] = await holding.fetch(
                "select id from work.job where tenant_id = $1 limit 1 for update", tenant_id
            )
            leased: list[Any] = await asyncio.wait_for(
                leasing.fetch(dispatcher._LEASE, "test", 10, jobs.LEASE_SECONDS), 5
            )
        assert len(leased) == 1
        assert leased[0]["id"] != held["id"]
        await leasing.execute("delete from work.job where tenant_id = $1", tenant_id)


async def test_two_relays_turn_each_event_once(tenants: list[TenantId]) -> None:
    tenant_id = tenants[0]
    subjects = [uuid.uuid4() for _ in range(300)]
    async with tenant_session(tenant_id) as session:
        await outbox.emit_all(session, [Happened(subject_id) for subject_id in subjects])
    relays = [dispatcher.Relay(follow) for _ in range(3)]
    async with (
        dispatcher_connection() as one,
        dispatcher_connection() as two,
        dispatcher_connection() as three,
    ):
        rounds = zip(relays, (one, two, three), strict=True)
        await asyncio.gather(*(relay.run(connection) for relay, connection in rounds))
    async with tenant_session(tenant_id) as session:
        made = (await session.execute(select(jobs.Job.kind, jobs.Job.subject_ids))).all()
        assert (await session.scalars(select(OutboxEvent.id))).all() == []
    expected = Counter((kind, subject) for kind in ("test.first", "test.second") for subject in subjects)
    assert Counter((row.kind, subject) for row in made for subject in row.subject_ids) == expected


async def test_subjects_of_one_school_are_put_together_never_those_of_two(tenants: list[TenantId]) -> None:
    """Events of two schools wait side by side; each job is about one school."""
    subjects = {tenant_id: [uuid.uuid4() for _ in range(7)] for tenant_id in tenants[3:5]}
    for tenant_id, some in subjects.items():
        async with tenant_session(tenant_id) as session:
            await outbox.emit_all(session, [Happened(subject_id) for subject_id in some])
    together = jobs.Task("test.together", "Việc thử", LANE, 8, None, _never, together=5)
    async with dispatcher_connection() as connection:
        await dispatcher.Relay(lambda event: {"Happened": (together,)}[event]).run(connection)
        for tenant_id, some in subjects.items():
            query = "select subject_ids from work.job where tenant_id = $1 and kind = 'test.together'"
            made = [row["subject_ids"] for row in await connection.fetch(query, tenant_id)]
            assert sorted(len(one) for one in made) == [2, 5]
            assert sorted(subject_id for one in made for subject_id in one) == sorted(some)


async def test_a_relay_that_dies_loses_no_event_and_makes_no_job(tenants: list[TenantId]) -> None:
    tenant_id, subject_id = tenants[1], uuid.uuid4()
    async with tenant_session(tenant_id) as session:
        await outbox.emit(session, Happened(subject_id))
    async with dispatcher_connection() as dying:
        transaction = dying.transaction()
        await transaction.start()
        await dispatcher.Relay(follow).run(dying)
        dying.terminate()
    async with dispatcher_connection() as connection:
        await dispatcher.Relay(follow).run(connection)
        sql = "select kind from work.job where $1 = any(subject_ids)"
        made = [row["kind"] for row in await connection.fetch(sql, subject_id)]
    assert sorted(made) == ["test.first", "test.second"]


async def test_an_event_of_another_release_waits_and_stops_nobody(tenants: list[TenantId]) -> None:
    tenant_id = tenants[2]
    async with tenant_session(tenant_id) as session:
        await outbox.emit_all(session, [Later(uuid.uuid4()), Happened(uuid.uuid4())])
    relay = dispatcher.Relay(follow)
    async with dispatcher_connection() as connection:
        for _ in range(3):
            await relay.run(connection)
        made = await connection.fetch("select kind from work.job where tenant_id = $1", tenant_id)
        left = await connection.fetch("select name from work.outbox_event where tenant_id = $1", tenant_id)
        assert [row["name"] for row in left] == ["Later"]
        assert len(made) == 2
        await connection.execute("delete from work.outbox_event where tenant_id = $1", tenant_id)
