"""The daily probe of the store, beside the dispatcher and like it once; and `hocba storage probe`, the same by hand."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from backend.core import clock, settings, store_probe, store_promise
from backend.core.bucket import StoreDown
from backend.core.leading import lead, pause
from backend.core.store_probe import Finding

log = logging.getLogger(__name__)

#: Any constant: who holds this lock probes.
LOCK = 7_474_005
#: Pause between two looks whether a probe is due; a store that broke its promise is asked again after an hour.
_LOOK_SECONDS = 300.0
_AGAIN = timedelta(hours=1)
KEPT, BROKEN, UNCERTAIN = 0, 1, 2
RUNBOOK = "infra/runbooks/the-store-breaks-its-promise.md"

_NEWEST = "select at, broken from directory.store_probe order by at desc limit 1"
_ADD = "insert into directory.store_probe (at, tried, broken) values ($1, $2, $3)"


async def keep(url: str, stop: asyncio.Event) -> None:
    """Probe once a day until `stop` is set, where the installation locks files."""
    if not settings.get().locks_files:
        return

    async def rounds(connection: asyncpg.Connection) -> None:
        while not stop.is_set():
            await keep_once(connection)
            await pause(stop, _LOOK_SECONDS)

    await lead("probe of the store", url, LOCK, rounds, stop)


async def keep_once(connection: asyncpg.Connection) -> None:
    """Probe where it is time to."""
    newest = await connection.fetchrow(_NEWEST)
    if newest and clock.now() - newest["at"] < (_AGAIN if newest["broken"] else store_promise.INTERVAL):
        return
    try:
        findings = await probe(connection)
    except StoreDown as error:
        log.error("the store was not probed", extra={"error": type(error.__cause__).__name__})
        return
    for one in findings:
        if not one.held:
            log.error("the store broke its promise", extra={"kind": one.name})


async def probe(connection: asyncpg.Connection) -> Sequence[Finding]:
    """Probe and record what was found. Raises StoreDown, and records nothing, where the store does not answer."""
    findings = await asyncio.to_thread(store_probe.probe)
    broken = [one.name for one in findings if not one.held]
    await connection.execute(_ADD, clock.now(), len(findings), broken)
    return findings


async def told(url: str) -> tuple[int, list[str]]:
    """`hocba storage probe`: the exit status, and one line for each thing that was tried."""
    connection = await asyncpg.connect(url)
    try:
        findings = await probe(connection)
    except StoreDown as error:
        return UNCERTAIN, [f"Không thử được: {error.message}"]
    finally:
        await connection.close()
    lines = [
        f"{'giữ được ' if one.held else 'KHÔNG GIỮ'}  {one.words}{one.seen and f': {one.seen}'}"
        for one in findings
    ]
    if all(one.held for one in findings):
        return KEPT, [*lines, f"Đã thử {len(findings)} cách; kho giữ được tệp đã khóa."]
    stopped = "Học bạ ngừng phát hành đến khi lần thử sau đạt. " if settings.get().locks_files else ""
    return BROKEN, [*lines, f"KHO KHÔNG GIỮ LỜI HỨA. {stopped}Việc cần làm: {RUNBOOK}"]
