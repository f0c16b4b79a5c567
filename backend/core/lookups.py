"""What is asked before a school is known: whose session is this, whose code. One statement needs no transaction.

Strangers ask here, so these few connections are apart: however many ask, schools keep theirs.
"""

from asyncio import timeout
from functools import lru_cache
from typing import Any

import asyncpg

from backend.core import settings
from backend.core.questions import Question, told_when_gone

MOST_CONNECTIONS = 5
#: Seconds that one waits for a connection.
PATIENCE = 10


async def ask(question: Question, **values: object) -> list[Any]:
    """The rows of a question without a school. Raises ConnectionError when PostgreSQL is out of reach."""
    pool = await _pool()
    driver = await _connection(pool)
    try:
        with told_when_gone(driver):
            return await question.answer(driver, values)
    finally:
        await pool.release(driver)


async def _connection(pool: Any) -> Any:
    try:
        if pool.get_idle_size():  # nobody to wait for
            return await pool.acquire()
        async with timeout(PATIENCE):
            return await pool.acquire()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConnectionError("PostgreSQL gives no connection for a look-up") from error


async def close() -> None:
    """Give back the connections of this process."""
    if _pool.cache_info().currsize:
        await _pool().close()
    _pool.cache_clear()


@lru_cache(maxsize=1)
def _pool() -> Any:
    return asyncpg.create_pool(
        settings.get().database_url, min_size=0, max_size=MOST_CONNECTIONS, reset=_nothing_to_reset
    )


async def _nothing_to_reset(connection: object) -> None:
    """One statement in no transaction leaves nothing behind."""
