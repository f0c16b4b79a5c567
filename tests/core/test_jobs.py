"""Leases, fences, retries and parking on the real table: one worker at a time, and nothing written late."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError

from backend.core import broker, database, jobs, outbox, settings, storage
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.core.errors import Conflict, Unavailable
from backend.core.events import Event
from backend.core.ids import new_id
from backend.core.jobs import Lane, Work
from backend.core.outbox import OutboxEvent
from backend.tenants.schools import service as schools
from tests.factories.machine import Machine, dispatcher_connection
from tests.factories.signing_school import profile_of

KIND = "test.probe"
#: Takes up to four subjects in one job.
TOGETHER = "test.probes"
#: What the probe does; set by each test.
deed: Callable[[Work], Awaitable[None]]
told: list[tuple[uuid.UUID, str]] = []


async def _hear(session: TenantSession, subject_id: uuid.UUID, reason: str) -> None:
    told.append((subject_id, reason))


async def _probe(work: Work) -> None:
    await deed(work)


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probes are tasks while these tests run; nobody else comes upon them."""
    monkeypatch.setitem(jobs._TASKS, KIND, jobs.Task(KIND, "Việc thử", Lane.RENDER, 3, _hear, _probe))
    monkeypatch.setitem(
        jobs._TASKS, TOGETHER, jobs.Task(TOGETHER, "Việc thử", Lane.RENDER, 3, _hear, _probe, together=4)
    )


class Done(Event, frozen=True):
    """What a probe announces."""


def does(run: Callable[[Work], Awaitable[None]]) -> None:
    global deed
    deed = run


@pytest_asyncio.fixture(loop_scope="session")
async def tenant(product: settings.Settings) -> TenantId:
    """A school of its own for each test, with one job."""
    tenant_id = await open_tenant()
    await add(tenant_id)
    return tenant_id


async def open_tenant() -> TenantId:
    tenant_id = TenantId(new_id())
    await schools.open_school(tenant_id, profile_of(tenant_id, "Trường Việc Nền"))
    return tenant_id


async def add(tenant_id: TenantId, count: int = 1) -> None:
    async with tenant_session(tenant_id) as session:
        await jobs.enqueue(session, KIND, *(uuid.uuid4() for _ in range(count)))


async def lease(tenant_id: TenantId) -> tuple[uuid.UUID, int]:
    """Job and fence, as a message names them."""
    [job] = await Machine(tenant_id).lease()
    return job["id"], job["fence"]


async def begin(tenant_id: TenantId) -> Work:
    work = await jobs.begin(tenant_id, *await lease(tenant_id))
    assert work is not None
    return work


async def expire(tenant_id: TenantId) -> None:
    """All leases of the school have run out."""
    async with dispatcher_connection() as connection:
        sql = "update work.job set lease_until = now() - interval '1 s' where tenant_id = $1 and state = 'leased'"
        await connection.execute(sql, tenant_id)


async def announced(tenant_id: TenantId) -> int:
    async with tenant_session(tenant_id, read_only=True) as session:
        return len((await session.scalars(select(OutboxEvent.id).where(OutboxEvent.name == "Done"))).all())


async def announce(work: Work) -> None:
    async with work.finish() as session:
        await outbox.emit_all(session, [Done(subject_id) for subject_id in work.subject_ids])


async def add_together(tenant_id: TenantId, count: int) -> list[uuid.UUID]:
    """A school's probes of several subjects, and nothing else; the subjects."""
    subjects = [uuid.uuid4() for _ in range(count)]
    async with tenant_session(tenant_id) as session:
        await session.execute(delete(jobs.Job))
        await jobs.enqueue(session, TOGETHER, *subjects)
    return subjects


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


async def test_a_failure_is_tried_again_later_and_later_then_parked_with_its_reason(tenant: TenantId) -> None:
    async def fail(work: Work) -> None:
        raise ZeroDivisionError("Nguyễn Văn A 9,5")

    does(fail)
    machine = Machine(tenant)
    for attempt, least, most in ((1, 0.7, 1.3), (2, 1.4, 2.6)):
        before = datetime.now(UTC)
        await machine.round()
        [job] = await machine.left()
        assert (job["state"], job["attempts"], job["last_error"]) == ("due", attempt, "ZeroDivisionError")
        # It began somewhere between: the least counts from the one end, the most from the other.
        assert (job["next_at"] - before).total_seconds() > least
        assert (job["next_at"] - datetime.now(UTC)).total_seconds() < most
    await machine.round()
    [job] = await machine.left()
    assert (job["state"], job["attempts"]) == ("parked", 3)
    assert told[-1] == (job["subject_ids"][0], broker.UNEXPECTED)
    assert await machine.round() == 0


async def test_what_is_said_to_people_is_not_tried_again(tenant: TenantId) -> None:
    async def refuse(work: Work) -> None:
        raise Conflict("Hồ sơ này đã được thu hồi.")

    does(refuse)
    await broker.run(tenant, *await lease(tenant))
    [job] = await Machine(tenant).left()
    assert (job["state"], job["last_error"]) == ("parked", "Hồ sơ này đã được thu hồi.")
    assert told[-1] == (job["subject_ids"][0], "Hồ sơ này đã được thu hồi.")


async def test_other_bytes_in_the_store_are_not_read_again(tenant: TenantId) -> None:
    digest = await storage.put(tenant, b"as stored")
    key, bucket = storage.object_key(tenant, digest), settings.get().s3_bucket
    storage._client().put_object(Bucket=bucket, Key=key, Body=b"changed!!")

    async def read(work: Work) -> None:
        await storage.get(tenant, digest)

    does(read)
    await broker.run(tenant, *await lease(tenant))
    [job] = await Machine(tenant).left()
    assert (job["state"], job["attempts"]) == ("parked", 1)
    assert told[-1] == (job["subject_ids"][0], job["last_error"])
    assert job["last_error"].startswith(
        f"Tệp {digest[:12]}… trong kho lưu trữ không còn đúng nội dung đã ghi"
    )


async def test_a_server_that_is_away_is_waited_for_however_long(tenant: TenantId) -> None:
    async def down(work: Work) -> None:
        raise Unavailable("Kho lưu trữ tệp đang không trả lời.")

    does(down)
    machine = Machine(tenant)
    for _ in range(10):
        assert await machine.round() == 1
    [job] = await machine.left()
    assert (job["state"], job["attempts"]) == ("due", 0)
    assert job["last_error"] == "Kho lưu trữ tệp đang không trả lời."
    assert 0 < (job["next_at"] - datetime.now(UTC)).total_seconds() < 13


async def test_waiting_for_somebody_is_not_an_attempt(tenant: TenantId) -> None:
    async def wait(work: Work) -> None:
        assert work.attempts == 1
        raise jobs.RetryLater(0.01, "người ký chưa xác nhận")

    does(wait)
    machine = Machine(tenant)
    for _ in range(10):
        assert await machine.round() == 1
    [job] = await machine.left()
    assert (job["state"], job["attempts"], job["last_error"]) == ("due", 0, "người ký chưa xác nhận")


async def test_a_job_that_kills_its_worker_each_time_is_parked(tenant: TenantId) -> None:
    async def never(work: Work) -> None:
        raise AssertionError("must not run a fourth time")

    does(never)
    for attempt in (1, 2, 3):
        assert (await begin(tenant)).attempts == attempt
        await expire(tenant)
    await broker.run(tenant, *await lease(tenant))
    [job] = await Machine(tenant).left()
    assert (job["state"], job["last_error"]) == ("parked", "worker died")
    assert told[-1] == (job["subject_ids"][0], broker.UNEXPECTED)


async def test_a_message_lost_before_any_worker_saw_it_is_no_attempt(tenant: TenantId) -> None:
    for _ in range(20):
        await lease(tenant)
        await expire(tenant)
    assert (await begin(tenant)).attempts == 1


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


async def test_an_interrupted_task_is_due_again_at_once(tenant: TenantId) -> None:
    started = asyncio.Event()

    async def hang(work: Work) -> None:
        started.set()
        await asyncio.sleep(60)

    does(hang)
    running = asyncio.create_task(broker.run(tenant, *await lease(tenant)))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    [job] = await Machine(tenant).left()
    assert (job["state"], job["last_error"]) == ("due", "interrupted")
    assert job["next_at"] <= datetime.now(UTC) + timedelta(seconds=1)


async def test_a_hung_task_is_cut_off_and_counts_as_failed(
    tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "LONGEST_SECONDS", 0.2)

    async def hang(work: Work) -> None:
        await asyncio.sleep(60)

    does(hang)
    await broker.run(tenant, *await lease(tenant))
    [job] = await Machine(tenant).left()
    assert (job["state"], job["attempts"], job["last_error"]) == ("due", 1, "TimeoutError")


async def test_subjects_that_work_together_have_one_job_and_one_commit(tenant: TenantId) -> None:
    does(announce)
    subjects = await add_together(tenant, 10)
    machine = Machine(tenant)
    left = await machine.left()
    assert sorted(len(job["subject_ids"]) for job in left) == [2, 4, 4]
    assert sorted(subject for job in left for subject in job["subject_ids"]) == sorted(subjects)
    assert await machine.round() == 3
    assert (await machine.left(), await announced(tenant)) == ([], 10)


async def test_one_bad_subject_is_parked_alone_and_the_others_are_done(tenant: TenantId) -> None:
    _, bad, *_ = await add_together(tenant, 4)
    runs: list[int] = []

    async def refuse_one(work: Work) -> None:
        runs.append(len(work.subject_ids))
        async with work.finish() as session:
            await outbox.emit_all(session, [Done(subject_id) for subject_id in work.subject_ids])
            if bad in work.subject_ids:
                raise Conflict("Hồ sơ này đã được thu hồi.")

    does(refuse_one)
    machine = Machine(tenant)
    told.clear()
    for _ in range(2):
        await machine.round()
    [job] = await machine.left()
    assert runs == [4, 1, 1, 1, 1]
    assert (job["state"], job["subject_ids"]) == ("parked", [bad])
    assert told == [(bad, "Hồ sơ này đã được thu hồi.")]
    assert await announced(tenant) == 3


async def test_one_subject_that_has_to_wait_keeps_no_other_waiting(tenant: TenantId) -> None:
    _, waiting, *_ = await add_together(tenant, 4)

    async def wait_for_one(work: Work) -> None:
        if waiting in work.subject_ids:
            raise jobs.RetryLater(0.01, "chờ dịch vụ")
        await announce(work)

    does(wait_for_one)
    machine = Machine(tenant)
    for _ in range(3):
        await machine.round()
    [job] = await machine.left()
    assert (job["subject_ids"], job["state"], job["attempts"]) == ([waiting], "due", 0)
    assert await announced(tenant) == 3


async def test_subjects_whose_worker_died_go_on_one_by_one(tenant: TenantId) -> None:
    does(announce)
    subjects = await add_together(tenant, 4)
    late = await begin(tenant)
    await expire(tenant)
    machine = Machine(tenant)
    assert await machine.round() == 1
    left = await machine.left()
    assert sorted(job["subject_ids"] for job in left) == sorted([subject] for subject in subjects)
    assert {(job["state"], job["attempts"]) for job in left} == {("due", 1)}
    with pytest.raises(jobs.LeaseLost):
        await announce(late)
    assert await machine.round() == 4
    assert await announced(tenant) == 4


async def test_a_late_worker_does_not_take_apart_what_another_one_holds(tenant: TenantId) -> None:
    await add_together(tenant, 4)
    late = await begin(tenant)
    await expire(tenant)
    [(_, fence)] = [await lease(tenant)]
    await jobs.split(late)
    [job] = await Machine(tenant).left()
    assert (len(job["subject_ids"]), job["fence"]) == (4, fence)


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
