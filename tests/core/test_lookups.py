"""The few connections for look-ups: in turns, used again, and none lost whatever happens to whoever asks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from backend.core import lookups, settings
from backend.core.questions import Question
from infra.embedded.stack import EmbeddedStack
from tests.factories.signing_school import changed_settings

WHO = Question(text("select pg_backend_pid() as pid"))
SLOW = Question(text("select pg_backend_pid() as pid, pg_sleep(0.2)"))
FOREVER = Question(text("select pg_sleep(600)"))


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def forgotten(product: settings.Settings) -> AsyncIterator[None]:
    await lookups.close()
    yield
    await lookups.close()


async def pid_of(question: Question) -> int:
    return int((await lookups.ask(question))[0].pid)


async def test_one_after_another_on_one_connection() -> None:
    assert len({await pid_of(WHO) for _ in range(5)}) == 1


async def test_many_at_once_wait_for_their_turn() -> None:
    seen = await asyncio.gather(*(pid_of(SLOW) for _ in range(lookups.MOST_CONNECTIONS * 3)))
    assert len(set(seen)) == lookups.MOST_CONNECTIONS


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = [asyncio.create_task(lookups.ask(FOREVER)) for _ in range(lookups.MOST_CONNECTIONS)]
    # Those who are first may take their time to connect.
    await asyncio.sleep(0.5)
    monkeypatch.setattr(lookups, "PATIENCE", 0.1)
    try:
        with pytest.raises(ConnectionError, match="all connections for look-ups are in use"):
            await lookups.ask(WHO)
    finally:
        await gone(busy)


async def gone(tasks: Sequence[asyncio.Task[list[Any]]]) -> None:
    """Whoever asked has closed the browser."""
    for task in tasks:
        task.cancel()
    assert all(
        isinstance(one, asyncio.CancelledError)
        for one in await asyncio.gather(*tasks, return_exceptions=True)
    )


async def test_whoever_goes_away_while_asking_or_waiting_takes_no_connection_along() -> None:
    tasks = [asyncio.create_task(lookups.ask(FOREVER)) for _ in range(lookups.MOST_CONNECTIONS * 2)]
    await asyncio.sleep(0.5)
    await gone(tasks)
    seen = await asyncio.gather(*(pid_of(SLOW) for _ in range(lookups.MOST_CONNECTIONS * 2)))
    assert len(set(seen)) == lookups.MOST_CONNECTIONS


async def test_a_connection_that_postgres_closed_or_that_lay_long_is_not_used_again(
    embedded_stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await pid_of(WHO)
    owner = await asyncpg.connect(embedded_stack.postgres.url("postgres"))
    await owner.execute("select pg_terminate_backend($1, 5000)", first)
    await owner.close()
    await asyncio.sleep(0.1)
    second = await pid_of(WHO)
    assert second != first
    monkeypatch.setattr(lookups, "_STALE", 0)
    assert await pid_of(WHO) != second


async def test_without_postgres_it_is_said_and_no_place_is_lost() -> None:
    with changed_settings(HOCBA_DATABASE_URL="postgresql://hocba_app:x@127.0.0.1:1/hocba"):
        for _ in range(lookups.MOST_CONNECTIONS + 1):
            with pytest.raises(ConnectionError, match="gives no connection"):
                await lookups.ask(WHO)
        await lookups.close()
    assert await pid_of(WHO)
