"""The daily probe: recorded, once a day, told in one line each; a store that is away has broken nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from backend import cli
from backend.core import bucket, clock, store_keeper, store_promise
from backend.core.settings import Settings
from backend.core.store_promise import Probed
from infra.embedded.stack import EmbeddedStack
from tests.core.browser import Browser
from tests.factories.signing_school import changed_settings
from tests.fakes.radosgw import PACKAGES, Gateway

NOW = datetime(2026, 5, 20, 9, 0, tzinfo=clock.VIETNAM)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(product: Settings, embedded_stack: EmbeddedStack) -> AsyncIterator[asyncpg.Connection]:
    """The dispatcher's, in a transaction that is rolled back."""
    opened = await asyncpg.connect(embedded_stack.postgres.url("hocba_dispatcher"))
    transaction = opened.transaction()
    await transaction.start()
    yield opened
    await transaction.rollback()
    await opened.close()


@pytest.fixture
def away() -> Iterator[None]:
    """The store does not answer."""
    bucket.close()
    with changed_settings(HOCBA_S3_ENDPOINT="http://127.0.0.1:1"):
        yield
        bucket.close()


async def rows(connection: asyncpg.Connection) -> list[Any]:
    return list(await connection.fetch("select tried, broken from directory.store_probe order by at"))


async def test_a_probe_is_recorded_and_repeated_when_it_is_due(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(await rows(connection))
    start = clock.now() + timedelta(days=2)
    for hours, expected in ((0, 1), (0.5, 1), (1.1, 2)):
        monkeypatch.setattr(clock, "now", lambda at=start + timedelta(hours=hours): at)
        await store_keeper.keep_once(connection)
        assert len(await rows(connection)) == before + expected
    assert tuple((await rows(connection))[-1]) == (1, ["object_lock"])


async def test_a_store_that_kept_its_promise_is_asked_again_after_a_day(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = clock.now() + timedelta(days=4)
    await connection.execute("insert into directory.store_probe values ($1, 18, '{}')", start)
    count = len(await rows(connection))
    for hours, expected in ((23, 0), (24, 1)):
        monkeypatch.setattr(clock, "now", lambda at=start + timedelta(hours=hours): at)
        await store_keeper.keep_once(connection)
        assert len(await rows(connection)) == count + expected


async def test_a_store_that_is_away_has_broken_nothing(
    connection: asyncpg.Connection, away: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await rows(connection)
    later = clock.now() + timedelta(days=9)
    monkeypatch.setattr(clock, "now", lambda: later)
    await store_keeper.keep_once(connection)
    assert await rows(connection) == before


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "Chưa có lần thử nào"),
        (Probed(NOW - timedelta(hours=1), 18, ("shorten",)), "không giữ được tệp đã khóa"),
        (Probed(NOW - timedelta(hours=26, minutes=1), 18, ()), "chưa được thử lại từ 06:59 ngày 19/05/2026"),
        (Probed(NOW - timedelta(hours=25, minutes=59), 18, ()), ""),
    ],
)
def test_what_stands_in_the_way_of_issuing(found: Probed | None, said: str) -> None:
    problem = store_promise.problem(found, NOW)
    assert said in problem
    assert bool(problem) is bool(said)


async def test_the_command_says_what_it_found_and_ends_with_it(
    product: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(cli.main, ["storage", "probe"]) == store_keeper.BROKEN
    said = capsys.readouterr().out
    assert "KHÔNG GIỮ  Kho có giữ phiên bản và có khóa tệp: kho không" in said
    assert store_keeper.RUNBOOK in said


@pytest.mark.needs(*PACKAGES)
async def test_the_command_is_content_with_a_store_that_keeps_its_promise(
    embedded_stack: EmbeddedStack, product: Settings, locking_store: Gateway
) -> None:
    bucket.close()
    with changed_settings(**locking_store.environment("hang-ngay")):
        bucket.ensure()
        status, lines = await store_keeper.told(embedded_stack.postgres.url("hocba_dispatcher"))
        bucket.close()
    assert (status, sum(line.startswith("giữ được  ") for line in lines)) == (store_keeper.KEPT, 18)
    assert lines[-1] == "Đã thử 18 cách; kho giữ được tệp đã khóa."


async def test_the_command_cannot_tell_where_the_store_is_away(
    embedded_stack: EmbeddedStack, product: Settings, away: None
) -> None:
    status, [line] = await store_keeper.told(embedded_stack.postgres.url("hocba_dispatcher"))
    assert (status, line[:16]) == (store_keeper.UNCERTAIN, "Không thử được: ")


async def test_the_school_reads_that_nothing_is_locked(principal: Browser) -> None:
    answer = await principal.get("/nhat-ky")
    assert "Kho lưu trữ của bản cài đặt này không khóa tệp" in answer.text
