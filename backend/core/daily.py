"""What the calendar alone brings about: every school is looked at once a day."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from backend.core import clock
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.core.errors import AppError
from backend.core.leading import lead, pause, unless
from backend.core.retention import next_night

log = logging.getLogger(__name__)

#: Any constant: who holds this lock looks.
LOCK = 7_474_004

#: What is looked for in one school, in a transaction of its own. Safe to repeat.
Look = Callable[[TenantSession], Awaitable[None]]


async def keep(url: str, looks: Sequence[Look], stop: asyncio.Event) -> None:
    """Look at the start and then every night, until `stop` is set."""

    async def nights(connection: asyncpg.Connection) -> None:
        while not stop.is_set():
            await unless(stop, look(connection, looks))
            await pause(stop, (next_night(clock.now()) - clock.now()).total_seconds())

    await lead("the daily look", url, LOCK, nights, stop)


async def look(connection: asyncpg.Connection, looks: Sequence[Look]) -> None:
    """Once, in every school. Where one fails the others are looked at all the same."""
    for school in await connection.fetch("select id from directory.tenant"):
        for one in looks:
            try:
                async with tenant_session(TenantId(school["id"])) as session:
                    await one(session)
            except (SQLAlchemyError, AppError) as error:
                log.exception(
                    "not looked at", extra={"tenant_id": school["id"], "error": type(error).__name__}
                )
