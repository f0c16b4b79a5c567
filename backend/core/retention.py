"""The nightly purge: what its holding says has been kept long enough goes, in small batches, counted in the audit.

Each table says in `holding(…)` how long (`keep`) and from when on (`ends`); nothing else is ever purged. The rows go by
functions that know the same figures and let nothing go that is younger (migration 0022).
"""

import asyncio
import logging
from datetime import datetime, timedelta

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from backend.core import audit, clock, storage
from backend.core.actor import machine
from backend.core.audit import Action, Deed
from backend.core.data_register import DIRECTORY, holdings
from backend.core.database import TenantId, TenantSession, metadata, public_session, tenant_session
from backend.core.errors import AppError
from backend.core.leading import lead, pause, unless
from backend.core.personal_data import MONTHS, Holding

log = logging.getLogger(__name__)

#: Any constant: who holds this lock purges.
LOCK = 7_474_003
#: Rows of one transaction: nobody at work waits for a purge.
AT_ONCE = 200
#: The longest month, so that nothing goes a day early; and so much more, because PostgreSQL has a clock of its own.
_MONTH, _CLOCKS_DIFFER = timedelta(days=31), timedelta(hours=1)
#: When nobody marks, signs or looks, Vietnamese time.
_HOUR = 2

_PURGE = text("select directory.purge(:what, :before, :most)")
_PURGE_SCHOOL = text("select gone, files from directory.purge_school(:what, :before, :most)")


async def keep(url: str, stop: asyncio.Event) -> None:
    """Purge at the start and then every night, until `stop` is set."""

    async def nights(connection: asyncpg.Connection) -> None:
        while not stop.is_set():
            await unless(stop, purge(connection))
            await pause(stop, (next_night(clock.now()) - clock.now()).total_seconds())

    await lead("the purge", url, LOCK, nights, stop)


def next_night(now: datetime) -> datetime:
    """The next time that it is two o'clock at night in Vietnam."""
    tonight = now.astimezone(clock.VIETNAM).replace(hour=_HOUR, minute=0, second=0, microsecond=0)
    return tonight if tonight > now else tonight + timedelta(days=1)


def rules() -> dict[str, Holding]:
    """What is purged, by the name of its table."""
    return {name: one for name, one in holdings().items() if one.ends}


async def purge(connection: asyncpg.Connection) -> None:
    """One night: what lies before the fence, then every school. Where one fails the others are purged all the same."""
    for name in sorted(rules().keys() & DIRECTORY.keys()):
        try:
            await _purge_before_the_fence(name)
        except SQLAlchemyError as error:
            log.exception("not purged", extra={"table": name, "error": type(error).__name__})
    for school in await connection.fetch("select id from directory.tenant"):
        try:
            await purge_school(TenantId(school["id"]))
        except (SQLAlchemyError, AppError) as error:
            log.exception("not purged", extra={"tenant_id": school["id"], "error": type(error).__name__})


async def _purge_before_the_fence(name: str) -> None:
    more = True
    while more:
        async with public_session() as session:
            more = await session.scalar(_PURGE, _asked(name)) == AT_ONCE


async def purge_school(tenant_id: TenantId) -> None:
    """Everything of one school that has been kept long enough, with its files. Raises Unavailable without the store."""
    for name in _inside():
        more = True
        while more:
            async with tenant_session(tenant_id) as session:
                more = await _purge_some(session, name) == AT_ONCE


def _inside() -> list[str]:
    """Tables of the schools; what goes with its parent comes before it, so that it is counted by itself."""
    return [table.name for table in reversed(metadata.sorted_tables) if table.name in rules()]


async def _purge_some(session: TenantSession, name: str) -> int:
    """One batch; counts its rows."""
    found = (await session.execute(_PURGE_SCHOOL, _asked(name))).one()
    if found.gone:
        counted = Deed(None, rules()[name].title, {"count": found.gone, "files": len(found.files)})
        await audit.record_many(session, machine(session.tenant_id), Action.DATA_PURGED, [counted])
        storage.remove_afterwards(session, found.files)
    return int(found.gone)


def _asked(name: str) -> dict[str, object]:
    return {
        "what": name.removeprefix("directory."),
        "before": _before(rules()[name]),
        "most": AT_ONCE,
    }


def _before(rule: Holding) -> datetime:
    months = MONTHS[rule.keep] if rule.keep else None
    assert months is not None, "a guard test holds each rule to that"
    return clock.now() - months * _MONTH - _CLOCKS_DIFFER
