"""One request is one transaction."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.types import Message, Receive, Scope, Send
from sqlalchemy import text

from backend.core import database
from backend.core.database import public_session, tenant_session
from backend.core.visit import Visit
from tests.core.browser import Browser
from tests.core.probes import count
from tests.core.site_fixtures import TestSchool


async def rows(school: TestSchool, label: str) -> int:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await count(session, label)


async def test_a_get_cannot_write(probe_principal: Browser, school: TestSchool) -> None:
    label = uuid4().hex
    answer = await probe_principal.get(f"/thu/ghi-khi-doc?nhan={label}")
    assert answer.status_code == 500
    assert await rows(school, label) == 0


async def test_a_post_is_committed_before_it_is_answered(
    probe_principal: Browser, school: TestSchool
) -> None:
    label = uuid4().hex
    await probe_principal.get("/thu/trang")
    answer = await probe_principal.post("/thu/ghi", {"nhan": label})
    assert answer.status_code == 303
    assert await rows(school, label) == 1


async def test_errors_roll_back(probe_principal: Browser, school: TestSchool) -> None:
    await probe_principal.get("/thu/trang")
    token = probe_principal.csrf_token
    for end, status in (("error", 409), ("bug", 500), ("template", 500)):
        label = uuid4().hex
        answer = await probe_principal.post("/thu/ghi", {"nhan": label, "ket": end, "csrf_token": token})
        assert answer.status_code == status
        assert await rows(school, label) == 0, end


async def test_connections_come_back(probe_principal: Browser) -> None:
    """No request keeps a connection: refused, broken, or without asking for a session."""
    paths = ["/thu/trang", "/thu/manh", "/thu/so?so=x", "/thu/ghi-khi-doc?nhan=a", "/thu/chot"] * 10
    await asyncio.gather(*(probe_principal.get(path) for path in paths))
    assert database.engine().pool.checkedout() == 0  # type: ignore[attr-defined]
    await every_turn_is_free()


async def test_a_database_that_goes_away_in_the_middle_is_told_as_one_that_is_away(
    probe_principal: Browser,
) -> None:
    answer = await probe_principal.get("/thu/mat-ket-noi")
    assert answer.status_code == 503
    assert "Máy chủ dữ liệu đang không trả lời" in answer.text
    assert (await probe_principal.get("/thu/trang")).status_code == 200
    await every_turn_is_free()


async def test_whoever_receives_slowly_keeps_neither_connection_nor_turn(
    probe_site: Litestar, probe_principal: Browser
) -> None:
    held: list[int] = []

    async def slowly(scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            held.append(database.engine().pool.checkedout())  # type: ignore[attr-defined]
            await every_turn_is_free()
            await send(message)

        await probe_site(scope, receive, noted)

    cookies = probe_principal.http.cookies
    slow = httpx.ASGITransport(app=slowly)  # type: ignore[arg-type]
    async with httpx.AsyncClient(
        transport=slow, base_url=probe_principal.http.base_url, cookies=cookies
    ) as client:
        assert (await client.get("/thu/trang")).status_code == 200
    assert held
    assert not any(held)


async def lose_connection(school: TestSchool) -> None:
    """A transaction whose connection PostgreSQL closes before its end."""
    async with tenant_session(school.tenant_id) as session, public_session() as other:
        pid = await session.scalar(text("select pg_backend_pid()"))
        await other.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})


async def test_a_commit_that_nobody_heard_is_an_error_and_the_next_one_gets_a_living_connection(
    school: TestSchool,
) -> None:
    with pytest.raises(ConnectionError):
        await lose_connection(school)
    async with tenant_session(school.tenant_id) as session:
        assert await session.scalar(text("select 1")) == 1


async def test_a_connection_comes_back_without_a_transaction_whoever_began_it(school: TestSchool) -> None:
    async with database.engine().connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute("begin; select set_config('app.ctx', 'left behind', true)")
    assert not driver.is_in_transaction()


async def test_whoever_came_first_is_at_work_first_and_no_turn_is_lost(school: TestSchool) -> None:
    """More requests than may be at work; one goes away while it waits, one while it is at work, one fails."""
    await every_turn_is_free()
    came: list[int] = []
    most, release = 0, asyncio.Event()

    async def request(number: int) -> None:
        nonlocal most
        visit = Visit(uuid4().hex, "/")
        try:
            await visit.enter_school(school.tenant_id, read_only=True)
            came.append(number)
            most = max(most, database.engine().pool.checkedout())  # type: ignore[attr-defined]
            await release.wait()
            assert number != 1, "it fails"
        finally:
            await visit.leave()

    requests = [asyncio.create_task(request(number)) for number in range(database.AT_WORK * 3)]
    while len(came) < database.AT_WORK:
        await asyncio.sleep(0.01)
    requests[0].cancel()
    requests[database.AT_WORK + 2].cancel()
    release.set()
    ended = await asyncio.gather(*requests, return_exceptions=True)
    assert [type(one) for one in ended if one] == [
        asyncio.CancelledError,
        AssertionError,
        asyncio.CancelledError,
    ]
    assert came == [number for number in range(len(requests)) if number != database.AT_WORK + 2]
    assert most <= database.AT_WORK
    await every_turn_is_free()


async def every_turn_is_free() -> None:
    async with asyncio.timeout(10), AsyncExitStack() as exits:
        for _ in range(database.AT_WORK):
            await exits.enter_async_context(database.turns())
    assert not database.turns().locked()


async def test_a_rollback_that_is_cut_off_keeps_no_turn(school: TestSchool) -> None:
    visit = Visit(uuid4().hex, "/")
    session = await visit.enter_school(school.tenant_id, read_only=True)
    backend = await session.scalar(text("select pg_backend_pid()"))
    assert backend is not None
    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await visit.leave()
    finally:
        os.kill(backend, signal.SIGCONT)
    assert visit.session is None
    await every_turn_is_free()
