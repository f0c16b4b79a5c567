"""What is asked before a school is known: whose session is this, whose code. One statement needs no transaction.

Strangers ask here, so these few connections are apart: however many ask, schools keep theirs.
"""

import time
from asyncio import Semaphore, timeout
from contextlib import suppress
from functools import lru_cache
from typing import Any

import asyncpg

from backend.core import settings
from backend.core.questions import Question, told_when_gone

MOST_CONNECTIONS = 5
#: Seconds that one waits for a connection.
PATIENCE = 10
#: Seconds after which a connection that nobody used is not trusted any more: what lies between forgets it silently.
_STALE = 300


async def ask(question: Question, **values: object) -> list[Any]:
    """The rows of a question without a school. Raises ConnectionError when PostgreSQL is out of reach."""
    lines = _lines()
    driver = await lines.take()
    try:
        with told_when_gone(driver):
            return await question.answer(driver, values)
    finally:
        lines.give_back(driver)


async def close() -> None:
    """Give back the connections of this process."""
    if _lines.cache_info().currsize:
        await _lines().close()
    _lines.cache_clear()


class _Lines:
    """The connections; the one used last is taken first. One statement in no transaction leaves nothing to reset.

    The driver's own pool gives each connection back in a task of its own: that took longer than the question.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._free = Semaphore(MOST_CONNECTIONS)
        self._idle: list[tuple[Any, float]] = []

    async def take(self) -> Any:
        """A connection that works. Raises ConnectionError when there is none in time."""
        try:
            if self._free.locked():
                async with timeout(PATIENCE):
                    await self._free.acquire()
            else:
                await self._free.acquire()
        except TimeoutError as error:
            raise ConnectionError("all connections for look-ups are in use") from error
        try:
            return self._used_lately() or await asyncpg.connect(self._url, timeout=PATIENCE)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._free.release()
            raise ConnectionError("PostgreSQL gives no connection for a look-up") from error
        except BaseException:  # whoever asked has gone away
            self._free.release()
            raise

    def give_back(self, driver: Any) -> None:
        """For the next one, unless it is broken."""
        if not driver.is_closed():
            self._idle.append((driver, time.monotonic()))
        self._free.release()

    async def close(self) -> None:
        """End those that nobody uses."""
        while self._idle:
            driver, _ = self._idle.pop()
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await driver.close(timeout=PATIENCE)

    def _used_lately(self) -> Any:
        while self._idle:
            driver, since = self._idle.pop()
            if not driver.is_closed() and time.monotonic() - since < _STALE:
                return driver
            driver.terminate()
        return None


@lru_cache(maxsize=1)
def _lines() -> _Lines:
    return _Lines(settings.get().database_url)
