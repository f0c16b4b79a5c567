"""What becomes of a job that failed: later again, parked with a reason, or due at once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from backend.core import broker, bucket, jobs, settings, storage
from backend.core.database import TenantId
from backend.core.errors import Conflict, Unavailable
from backend.core.jobs import Work
from tests.core.jobs.probes import begin, does, expire, lease, told
from tests.factories.machine import Machine


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
    key, name = storage.object_key(tenant, digest), settings.get().s3_bucket
    bucket.client().put_object(Bucket=name, Key=key, Body=b"changed!!")

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
