"""Forged messages: whatever a job, an event or a ring of the bell says, work is done in the school that owns the row."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import insert

from backend import workflow
from backend.core import broker, jobs, outbox
from backend.core.errors import NotFound
from backend.core.jobs import Job, Work
from tests.factories.machine import Machine, dispatcher_connection
from tests.tenancy.places import Place

Places = tuple[Place, Place]
#: Every kind of work that the flow knows.
TASKS = [task for task in jobs.declared() if workflow.FLOW]


@pytest.fixture(scope="module")
def last_seen() -> list[dict[str, str]]:
    """What B was after the test before, which is what it is before the next one."""
    return []


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def nothing_of_b_moves(places: Places, last_seen: list[dict[str, str]]) -> AsyncIterator[None]:
    """And what A forged is not left to others."""
    a, b = places
    await _clear(a)
    before = last_seen.pop() if last_seen else await b.fingerprint()
    yield
    await _clear(a)
    last_seen.append(await b.fingerprint())
    assert last_seen == [before]


async def _clear(place: Place) -> None:
    async with dispatcher_connection() as connection:
        for table in ("work.job", "work.outbox_event"):
            await connection.execute(f"delete from {table} where tenant_id = $1", place.school.tenant_id)


async def leased(place: Place, task: jobs.Task, subject: uuid.UUID, kind: str | None = None) -> Work:
    """A job of that school in the hands of a worker, as the application's role can write it."""
    [job] = jobs.rows(place.school.tenant_id, task, [subject])
    job |= {"state": "leased", "fence": 1, "kind": kind or task.kind}
    async with place.school.session() as session:
        await session.execute(insert(Job).values(job))
    job_id = uuid.UUID(str(job["id"]))
    tenant_id = place.school.tenant_id
    return Work(tenant_id, job_id, fence=1, kind=str(job["kind"]), subject_ids=(subject,), attempts=0)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
async def test_a_job_of_one_school_about_another(places: Places, task: jobs.Task) -> None:
    """A job's school comes from its row: with an id of B in it, a job of A finds nothing."""
    a, b = places
    work = await leased(a, task, uuid.uuid4())
    for subject in [*b.all_ids, uuid.uuid4()]:
        with pytest.raises(NotFound):
            await task.run(replace(work, subject_ids=(subject,)))


@pytest.mark.parametrize("event", workflow.FLOW, ids=lambda event: event.__name__)
async def test_an_event_of_one_school_about_another(places: Places, event: type) -> None:
    """Turned into jobs of the school that wrote it, which a person there sees parked."""
    a, b = places
    async with a.school.session() as session:
        await outbox.emit(session, event(b.ids["transcript_version"]))
    machine = Machine(a.school.tenant_id)
    await machine.round()
    left = await machine.left()
    assert len(left) == len(workflow.FLOW[event])
    assert {(job["tenant_id"], job["state"]) for job in left} <= {(a.school.tenant_id, "parked")}
    assert {job["last_error"] for job in left} <= {job["told"] for job in left}


async def test_a_ring_that_names_another_school_or_another_fence(places: Places) -> None:
    a, b = places
    work = await leased(a, TASKS[0], uuid.uuid4())
    for tenant_id, job_id, fence in (
        (b.school.tenant_id, work.job_id, 1),
        (a.school.tenant_id, b.ids["job"], 1),
        (a.school.tenant_id, work.job_id, 0),
        (a.school.tenant_id, work.job_id, 2),
        (a.school.tenant_id, work.job_id, 2**31 - 1),
    ):
        await broker.run(tenant_id, job_id, fence)
        assert await jobs.begin(tenant_id, job_id, fence) is None
    assert await jobs.begin(a.school.tenant_id, work.job_id, 1) is not None


async def test_work_that_names_a_job_of_another_school_writes_nothing(places: Places) -> None:
    """The fence of a job is held in its own school: with B's name on it, A's job ends nothing there."""
    a, b = places
    mine = await leased(a, TASKS[0], uuid.uuid4())
    forged = Work(b.school.tenant_id, mine.job_id, 1, mine.kind, mine.subject_ids, 0)
    for opened in (forged.transaction(), forged.finish()):
        with pytest.raises(jobs.LeaseLost):
            async with opened:
                pass
    await jobs.put_back(forged, after=0, error="forged")
    await jobs.park(forged, "forged", "giả")
    await jobs.split(forged)
    [job] = await Machine(a.school.tenant_id).left()
    assert (job["id"], job["state"], job["fence"]) == (mine.job_id, "leased", 1)


async def test_a_kind_that_nobody_knows_is_left_alone(places: Places) -> None:
    a, b = places
    work = await leased(a, TASKS[0], b.ids["student"], kind="roster.give_everything")
    await broker.run(work.tenant_id, work.job_id, 1)
    [job] = await Machine(a.school.tenant_id).left()
    assert (job["state"], job["last_error"]) == ("due", "unknown kind")
