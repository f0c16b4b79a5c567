"""Token buckets, in Valkey and without it."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from backend.core import admission, rate_limit, settings
from backend.core.ids import new_token
from backend.core.rate_limit import Charge, Limit, TooManyTries

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


async def test_who_took_more_than_there_was_waits_until_it_is_paid(product: settings.Settings) -> None:
    one_a_second, subject = Limit(name="debt", burst=1, per_seconds=1), new_token()
    await rate_limit.charge([Charge(one_a_second, subject, 4)])
    await asyncio.sleep(1.5)
    assert await _tries(one_a_second, subject, 1) == [3]


async def test_subjects_do_not_share(product: settings.Settings) -> None:
    one, other = new_token(), new_token()
    await _tries(FIVE_A_MINUTE, one, 6)
    assert await _tries(FIVE_A_MINUTE, other, 1) == [0]


async def test_all_at_once_let_no_more_through(product: settings.Settings) -> None:
    subject = new_token()
    waits = await asyncio.gather(*(_tries(FIVE_A_MINUTE, subject, 1) for _ in range(40)))
    assert sum(wait == [0] for wait in waits) == 5


class Process:
    """What one process takes ahead; Valkey is for all."""

    def __init__(self) -> None:
        self.ahead: dict[rate_limit._Bucket, rate_limit._Ahead] = {}

    async def takes(self, patch: pytest.MonkeyPatch, limit: Limit, subject: str) -> bool:
        """Whether one try gets through here."""
        patch.setattr(rate_limit, "_ahead", self.ahead)
        return await _tries(limit, subject, 1) == [0]


async def test_what_is_taken_ahead_is_paid_for(
    product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide, subject = Limit(name="wide", burst=90, per_seconds=36_000), new_token()
    processes = [Process(), Process(), Process()]
    passed = 0
    for turn in range(300):
        passed += await processes[turn % 3].takes(monkeypatch, wide, subject)
    assert passed == 90


async def test_most_tries_ask_nobody(product: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    wide, subject = Limit(name="wide", burst=300, per_seconds=36_000), new_token()
    asked = 0
    script = rate_limit._script()

    async def counted(**sent: Any) -> object:
        nonlocal asked
        asked += 1
        return await script(**sent)

    monkeypatch.setattr(rate_limit, "_script", lambda: counted)
    assert await _tries(wide, subject, 110) == [0] * 110
    assert asked == 10
    waits = await asyncio.gather(*(_tries(wide, new_token(), 1) for _ in range(5)))
    assert waits == [[0]] * 5
    assert asked == 15


async def test_of_what_may_be_guessed_nothing_is_taken_ahead(product: settings.Settings) -> None:
    guarded = [one.failures for one in admission.TABLE.values() if one.failures]
    for burst in guarded:
        limit, subject = Limit(name="failures", burst=burst, per_seconds=36_000), new_token()
        await _tries(limit, subject, 1)
        assert (limit, subject) not in rate_limit._ahead, burst
    assert len(guarded) == 2


async def test_of_many_at_once_one_takes_ahead(product: settings.Settings) -> None:
    wide, subject = Limit(name="wide", burst=300, per_seconds=36_000), new_token()
    await asyncio.gather(*(_tries(wide, subject, 1) for _ in range(100)))
    left = rate_limit._ahead[wide, subject].tokens
    passed = sum(wait == 0 for wait in await _tries(wide, subject, 220))
    assert passed == 200
    assert left <= 10


async def test_what_was_taken_ahead_is_lost_in_time(
    product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full bucket and tokens of before it was full would be more than its burst."""
    wide, subject = Limit(name="wide", burst=300, per_seconds=60), new_token()
    await _tries(wide, subject, 1)
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not rate_limit._pay_from_what_was_taken_ahead(Charge(wide, subject))


async def test_a_refusal_gives_back_what_was_taken_ahead(product: settings.Settings) -> None:
    wide, subject = Limit(name="wide", burst=300, per_seconds=36_000), new_token()
    narrow = Limit(name="narrow", burst=1, per_seconds=36_000)
    both = [Charge(wide, subject), Charge(narrow, subject)]
    await rate_limit.charge(both)
    for _ in range(20):
        with pytest.raises(TooManyTries):
            await rate_limit.charge(both)
    assert sum(wait == 0 for wait in await _tries(wide, subject, 310)) == 299


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
