"""Requests and jobs of two schools in turn on one connection, cancelled and failing at random: nothing is left behind."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import Callable

from litestar import Litestar

from backend import workflow
from backend.core import broker, jobs
from tests.core.browser import Browser
from tests.factories.machine import Machine
from tests.factories.small_school import SmallSchool, open_small_school
from tests.tenancy.visitors import forget_limits

PAGES = ("/", "/lop", "/ky", "/gui", "/tien-do")


async def disturb(school: SmallSchool, browser: Browser, rng: random.Random) -> None:
    """Something of that school that ends in one of the ways in which requests and jobs end."""
    match rng.choice(["page", "cancelled", "unknown", "refused", "job"]):
        case "page":
            await browser.http.get(rng.choice(PAGES))
        case "cancelled":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(browser.http.get(rng.choice(PAGES)), rng.uniform(0.001, 0.03))
        case "unknown":
            assert (await browser.http.get(f"/lop/{uuid.uuid4()}")).status_code == 404
        case "refused":
            headers = {"X-CSRF-Token": browser.csrf_token}
            path = f"/so-diem/{uuid.uuid4()}/o"
            answer = await browser.http.post(path, json={"cells": []}, headers=headers)
            assert answer.status_code in (403, 404)
        case "job":
            await _fail_a_job(school)


async def _fail_a_job(school: SmallSchool) -> None:
    [task] = workflow.TASKS_AFTER["TranscriptFrozen"]
    async with school.session() as session:
        await jobs.enqueue(session, task.kind, uuid.uuid4())
    for job in await Machine(school.tenant_id).lease():
        await broker.run(job["tenant_id"], job["id"], job["fence"])


async def test_one_connection_serves_two_schools(site: Litestar, small_pool: Callable[[int], None]) -> None:
    names = ("Trường Một Kết Nối", "Trường Hai Kết Nối")
    schools = [await open_small_school(name) for name in names]
    browsers = [await school.browser(site, "principal") for school in schools]
    for browser in browsers:
        await browser.get("/")
    small_pool(1)
    rng = random.Random(7)
    for number in range(40):
        first, second = rng.sample((0, 1), 2)
        await disturb(schools[first], browsers[first], rng)
        shown = await browsers[second].http.get(rng.choice(("/", "/lop")))
        assert shown.status_code == 200
        assert names[second] in shown.text, number
        assert names[first] not in shown.text, number
    await forget_limits()
