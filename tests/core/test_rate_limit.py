"""Token buckets, in Valkey and without it."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from backend.core import rate_limit, settings
from backend.core.ids import new_token
from backend.core.rate_limit import Limit, TooManyTries

FIVE_A_MINUTE = Limit(name="test", burst=5, per_seconds=60)


@pytest_asyncio.fixture(loop_scope="session")
async def nobody_answers(product: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Valkey is away."""
    dead = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    monkeypatch.setattr(rate_limit, "_client", lambda: dead)
    yield
    await dead.aclose()


async def _tries(limit: Limit, subject: str, many: int) -> list[int]:
    """How long each try has to wait; 0 when it was let through."""
    waits = []
    for _ in range(many):
        try:
            await rate_limit.take(limit, subject)
            waits.append(0)
        except TooManyTries as refused:
            waits.append(refused.retry_after)
    return waits


async def test_five_and_then_a_wait(product: settings.Settings) -> None:
    waits = await _tries(FIVE_A_MINUTE, new_token(), 7)
    assert waits[:5] == [0] * 5
    assert all(10 <= wait <= 12 for wait in waits[5:])


async def test_the_same_without_valkey(nobody_answers: None) -> None:
    waits = await _tries(FIVE_A_MINUTE, new_token(), 7)
    assert waits[:5] == [0] * 5
    assert all(10 <= wait <= 12 for wait in waits[5:])
    assert not await rate_limit.answers()


async def test_it_fills_again(product: settings.Settings) -> None:
    quick = Limit(name="quick", burst=2, per_seconds=1)
    subject = new_token()
    assert [wait > 0 for wait in await _tries(quick, subject, 3)] == [False, False, True]
    await asyncio.sleep(0.6)
    assert [wait > 0 for wait in await _tries(quick, subject, 2)] == [False, True]


async def test_subjects_do_not_share(product: settings.Settings) -> None:
    one, other = new_token(), new_token()
    await _tries(FIVE_A_MINUTE, one, 6)
    assert await _tries(FIVE_A_MINUTE, other, 1) == [0]


async def test_all_at_once_let_no_more_through(product: settings.Settings) -> None:
    subject = new_token()
    waits = await asyncio.gather(*(_tries(FIVE_A_MINUTE, subject, 1) for _ in range(40)))
    assert sum(wait == [0] for wait in waits) == 5


async def test_valkey_learns_no_login(product: settings.Settings) -> None:
    await rate_limit.take(FIVE_A_MINUTE, "co.hoa@truong.example 10.0.0.0/24")
    keys = await rate_limit._client().keys("limit:*")
    assert keys
    assert not any(b"hoa" in key for key in keys)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=60))
def test_never_more_than_burst_and_refill(gaps: list[float]) -> None:
    """Over any time t at most burst + t * burst / per_seconds tries pass."""
    rate_limit._local.clear()
    passed, now = 0, 1000.0
    with pytest.MonkeyPatch.context() as patch:
        for gap in gaps:
            now += gap
            moment = now
            patch.setattr(time, "monotonic", lambda moment=moment: moment)
            passed += rate_limit._take_locally("key", FIVE_A_MINUTE) == 0
    assert passed <= 5 + sum(gaps) * 5 / 60 + 1e-6
