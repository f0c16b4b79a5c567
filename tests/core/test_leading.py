"""What goes wrong in one piece of background work stays there, and it begins anew."""

import asyncio
import logging

import asyncpg
import pytest

from backend.core import leading
from infra.embedded.stack import EmbeddedStack


async def test_a_fault_that_nobody_foresaw_ends_a_turn_and_stops_nobody_else(
    embedded_stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leading, "RECOVER_SECONDS", 0.01)
    url, stop, turns = embedded_stack.postgres.url("hocba_dispatcher"), asyncio.Event(), ["faulty"]

    async def faulty(connection: asyncpg.Connection) -> None:
        turns.append("faulty")
        raise LookupError("nobody foresaw this")

    async def sound(connection: asyncpg.Connection) -> None:
        while turns.count("faulty") < 4:
            await asyncio.sleep(0.01)
        turns.append("sound")
        stop.set()

    async with asyncio.timeout(20):
        await asyncio.gather(
            leading.lead("the faulty", url, 1, faulty, stop), leading.lead("the sound", url, 2, sound, stop)
        )
    assert turns[-1] == "sound"
    said = [record for record in caplog.records if record.getMessage() == "the faulty begins anew"]
    assert {record.levelno for record in said} == {logging.ERROR}
    assert len(said) >= 3


async def test_work_that_may_be_left_off_is_left_off_when_it_is_time_to_stop() -> None:
    stop, did = asyncio.Event(), list[str]()

    async def endless() -> None:
        did.append("begun")
        stop.set()
        await asyncio.sleep(60)
        did.append("ended")

    async def short() -> None:
        did.append("done")

    async def faulty() -> None:
        raise LookupError

    async with asyncio.timeout(5):
        await leading.unless(stop, endless())
        await leading.unless(asyncio.Event(), short())
        with pytest.raises(LookupError):
            await leading.unless(asyncio.Event(), faulty())
    assert did == ["begun", "done"]
