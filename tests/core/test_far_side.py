"""Turns at a service elsewhere, and what all schools know of its silence, in Valkey."""

import asyncio
import uuid

import pytest

from backend.core import far_side, rate_limit, settings
from tests.core.site_fixtures import product
from tests.factories.signing_school import changed_settings

__all__ = ["product"]


@pytest.fixture
def name(product: settings.Settings) -> str:
    return f"vn.test.{uuid.uuid4()}"


async def test_never_more_calls_than_it_takes_and_first_come_first_served(name: str) -> None:
    under_way, most_seen, order = 0, 0, list[int]()

    async def call(number: int) -> None:
        nonlocal under_way, most_seen
        async with far_side.turns(name, 3, 3, patience=20) as given:
            order.append(number)
            under_way += given
            most_seen = max(most_seen, under_way)
            await asyncio.sleep(0.02)
            under_way -= given

    calls = []
    async with far_side.turns(name, 3, 3, patience=20) as all_of_them:
        assert all_of_them == 3
        for number in range(8):
            calls.append(asyncio.create_task(call(number)))
            while await rate_limit.valkey().zcard(far_side._key("line", name)) <= number:
                await asyncio.sleep(0.005)
    await asyncio.gather(*calls)
    assert order == list(range(8))
    assert most_seen == 3


async def test_who_waits_too_long_leaves_and_who_died_holds_nobody_up(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(far_side, "HELD", 0.4)
    monkeypatch.setattr(far_side, "RENEWED", 0.1)
    async with far_side.turns(name, 1, 1, patience=1) as first:
        assert first == 1
        # It speaks up, so it holds its turn for longer than it was given.
        async with far_side.turns(name, 1, 1, patience=0.8) as second:
            assert second == 0
        monkeypatch.setattr(far_side, "RENEWED", 9.0)
        async with far_side.turns(name, 1, 1, patience=3) as third:
            assert third == 1


async def test_silence_takes_two_schools_and_one_answer_ends_it(name: str) -> None:
    await far_side.note(name, "a", answered=False, silent=30)
    assert await far_side.silence(name) is None
    await far_side.note(name, "b", answered=False, silent=2)
    found = await far_side.silence(name)
    assert found is not None
    assert found.number == 32
    assert [await far_side.is_probe(name, 5) for _ in range(3)] == [True, False, False]
    await far_side.note(name, "c", answered=True, silent=3)
    assert await far_side.silence(name) is None
    assert await far_side.is_probe(name, 5)


async def test_without_valkey_each_job_keeps_to_the_number_by_itself(name: str) -> None:
    with changed_settings(HOCBA_REDIS_URL="redis://127.0.0.1:1/0"):
        await rate_limit.close()
        try:
            async with far_side.turns(name, 3, 8, patience=1) as given:
                assert given == 3
            await far_side.note(name, "a", answered=False, silent=1)
            assert await far_side.silence(name) is None
        finally:
            await rate_limit.close()
