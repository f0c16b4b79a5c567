"""Background work that runs once, however many processes offer it: an advisory lock says which of them does it.

Whatever goes wrong there, also what nobody foresaw, ends a turn and not the process: the others in it go on, and after a
pause it begins anew, here or elsewhere.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

import asyncpg

log = logging.getLogger(__name__)

#: Pause before the next attempt: after a failure, and while another process leads.
RECOVER_SECONDS = 1.0

#: One turn of leading, on a connection that holds the lock; it ends when it is time to stop.
Turn = Callable[[asyncpg.Connection], Awaitable[None]]


async def lead(name: str, url: str, lock: int, turn: Turn, stop: asyncio.Event) -> None:
    """Do `turn` whenever this process holds `lock`, until `stop` is set. `name` is for the log."""
    while not stop.is_set():
        try:
            await _once(url, lock, turn, stop)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("%s begins anew", name, extra={"error": type(error).__name__})
        except Exception as error:
            log.exception("%s begins anew", name, extra={"error": type(error).__name__})
        await pause(stop, RECOVER_SECONDS)


async def _once(url: str, lock: int, turn: Turn, stop: asyncio.Event) -> None:
    connection = await asyncpg.connect(url)
    try:
        while not await connection.fetchval("select pg_try_advisory_lock($1)", lock):
            if await pause(stop, RECOVER_SECONDS):
                return
        await turn(connection)
    finally:
        await connection.close()


async def pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; True when it is time to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def unless(stop: asyncio.Event, work: Coroutine[object, object, None]) -> None:
    """Do work that may be left off anywhere; leave it off when `stop` is set."""
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        working.cancel()
    await asyncio.wait({working})
    if not working.cancelled():
        working.result()
