"""Subjects that work together in one job, and part when one of them cannot go on."""

import pytest

from backend.core import jobs, outbox
from backend.core.database import TenantId
from backend.core.errors import Conflict
from backend.core.jobs import Work
from tests.core.jobs.probes import Done, add_together, announce, announced, begin, does, expire, lease, told
from tests.factories.machine import Machine


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
