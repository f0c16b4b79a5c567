"""How often something may be tried: token buckets in Valkey, counted by one script for all processes.

From a wide bucket a process takes some tokens ahead and spends them by itself: most requests ask nobody. They are paid
for, so no more than before get through; what a process does not need in time is lost.
When Valkey does not answer, this process counts alone: guessing stays slow, and people can still sign in.
"""

import logging
import math
import time
from collections.abc import Sequence, Set
from functools import lru_cache
from http import HTTPStatus
from typing import TypeVar

import msgspec
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from backend.core import settings
from backend.core.crypto import keyed_digest
from backend.core.errors import AppError

log = logging.getLogger(__name__)

#: Buckets that this process remembers, tokens taken ahead and those counted while Valkey is away; the oldest are
#: forgotten first.
_MOST_LOCAL = 10_000
#: A process takes one part of so many ahead: of buckets that hold no more, which guard what may be guessed, nothing.
_PARTS = 30

#: KEYS: buckets. ARGV, four for each: burst, seconds to fill it, cost (+ for one that refuses), tokens to take ahead.
#: Returns three for each: the seconds to wait as text, the tokens taken ahead, and those left. All pay or none does;
#: what does not refuse pays what is there.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local tokens, waits, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local burst, fill = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local state = redis.call('HMGET', key, 'tokens', 'at')
  local age = now - (tonumber(state[2]) or now)
  tokens[i] = math.min(burst, (tonumber(state[1]) or burst) + age * burst / fill)
  waits[i] = 0
  if tokens[i] < 1 then waits[i] = (1 - tokens[i]) * fill / burst end
  refused = refused or (waits[i] > 0 and string.sub(ARGV[4 * i - 1], 1, 1) == '+')
end
local answer = {}
for i, key in ipairs(KEYS) do
  local burst, fill = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local cost, ahead = tonumber(ARGV[4 * i - 1]), 0
  if not refused and (waits[i] == 0 or cost < 0) then
    ahead = math.max(0, math.min(tonumber(ARGV[4 * i]), math.floor(tokens[i] - cost)))
    tokens[i] = math.min(burst, tokens[i] - cost - ahead)
  end
  redis.call('HSET', key, 'tokens', tostring(tokens[i]), 'at', string.format('%.6f', now))
  redis.call('EXPIRE', key, math.ceil(fill * math.max(1, (burst - tokens[i]) / burst)))
  table.insert(answer, tostring(waits[i]))
  table.insert(answer, ahead)
  table.insert(answer, math.floor(tokens[i]))
end
return answer
"""


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """`burst` tries at once, then as many again spread over `per_seconds`."""

    name: str
    burst: int
    per_seconds: int


class Charge(msgspec.Struct, frozen=True):
    """What `subject` pays into one bucket: a try, none (only asking), or -1 for one given back.

    An empty bucket refuses all that are paid together, unless the charge is `soft`.
    """

    limit: Limit
    subject: str
    cost: int = 1
    soft: bool = False

    @property
    def refuses(self) -> bool:
        """Whether an empty bucket stops what is paid for."""
        return self.cost > 0 and not self.soft


class TooManyTries(AppError):
    """The bucket is empty; `retry_after` seconds fill one try."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Đã thử quá nhiều lần; xin chờ {retry_after} giây rồi thử lại.")
        self.retry_after = retry_after


async def take(limit: Limit, subject: str) -> None:
    """Use up one try of `subject`, which Valkey knows by digest. Raises TooManyTries when none is left."""
    await charge([Charge(limit, subject)])


async def charge(charges: Sequence[Charge]) -> list[float]:
    """Pay all of them or none; returns for each the seconds that its bucket needed for this try (0: none).

    Raises TooManyTries when one that refuses cannot be paid.
    """
    paid = [_pay_from_what_was_taken_ahead(one) for one in charges]
    waits = dict.fromkeys(range(len(charges)), 0.0)
    owed = {place: one for place, one in enumerate(charges) if not paid[place]}
    # A mere question goes along when something is paid, or when nothing else is asked.
    if any(one.cost for one in owed.values()) or len(owed) == len(charges):
        waits |= zip(owed, await _ask(list(owed.values())), strict=True)
    longest = max((waits[place] for place, one in owed.items() if one.refuses), default=0)
    if longest > 0:
        for was_paid, one in zip(paid, charges, strict=True):
            if was_paid and (taken := _ahead.get((one.limit, one.subject))):
                taken.tokens += one.cost
        raise TooManyTries(math.ceil(longest))
    return list(waits.values())


def left(limit: Limit, subject: str) -> int | None:
    """About how many tries are left, as far as this process knows; None: it has not been told."""
    known, ahead = _left.get((limit, subject)), _ahead.get((limit, subject))
    return known if known is None or ahead is None else known + ahead.tokens


async def answers() -> bool:
    """Whether Valkey answers."""
    try:
        return bool(await _client().ping())
    except RedisError:
        return False


async def close() -> None:
    """Give back the connections of this process."""
    await _client().aclose()
    _client.cache_clear()
    _script.cache_clear()
    _ahead.clear()
    _left.clear()


def valkey() -> Redis:
    """The connections of this process, for whatever else may be forgotten."""
    return _client()


@lru_cache(maxsize=1)
def _client() -> Redis:
    return Redis.from_url(settings.get().redis_url, socket_timeout=1, socket_connect_timeout=1)


@lru_cache(maxsize=1)
def _script() -> AsyncScript:
    return _client().register_script(_TAKE)


def _key(one: Charge) -> str:
    return f"limit:{one.limit.name}:{keyed_digest(settings.get().secret_key, 'rate limit', one.subject)}"


class _Ahead(msgspec.Struct):
    """Tokens of one bucket that this process took ahead, and when they are lost (s, monotonic)."""

    tokens: int
    until: float


_Bucket = tuple[Limit, str]
_ahead: dict[_Bucket, _Ahead] = {}
#: What was left in Valkey when this process asked last.
_left: dict[_Bucket, int] = {}
#: Asked for and not answered yet: of many requests at once, one takes ahead.
_awaited: set[_Bucket] = set()


def _pay_from_what_was_taken_ahead(one: Charge) -> bool:
    taken = _ahead.get((one.limit, one.subject))
    if one.cost == 0 or taken is None or taken.tokens < one.cost or taken.until < time.monotonic():
        return False
    taken.tokens -= one.cost
    return True


async def _ask(charges: Sequence[Charge]) -> list[float]:
    """Pay in Valkey, all or none, and take some ahead; returns the seconds to wait for each."""
    buckets = {(one.limit, one.subject) for one in charges if one.cost > 0} - _awaited
    _awaited.update(buckets)
    try:
        return await _pay_and_take_ahead(charges, buckets)
    except RedisError:
        log.warning("rate limit counted locally: Valkey does not answer")
        return [_take_locally(_key(one), one.limit, one.cost) for one in charges]
    finally:
        _awaited.difference_update(buckets)


async def _pay_and_take_ahead(charges: Sequence[Charge], buckets: Set[_Bucket]) -> list[float]:
    numbers: list[str | int] = []
    for one in charges:
        is_wide = one.limit.burst > _PARTS and (one.limit, one.subject) in buckets
        ahead = one.limit.burst // _PARTS if is_wide else 0
        numbers += (one.limit.burst, one.limit.per_seconds, f"{'+' if one.refuses else ''}{one.cost}", ahead)
    # Counted from before the asking: these tokens are lost here before the bucket would be full without them.
    asked = time.monotonic()
    answer = await _script()(keys=[_key(one) for one in charges], args=numbers)
    for one, tokens, left in zip(charges, answer[1::3], answer[2::3], strict=True):
        _remember(_left, (one.limit, one.subject), int(left))
        if tokens:
            _remember(_ahead, (one.limit, one.subject), _Ahead(tokens, asked + one.limit.per_seconds))
    return [float(wait) for wait in answer[::3]]


_local: dict[str, tuple[float, float]] = {}


def _take_locally(key: str, limit: Limit, cost: int = 1) -> float:
    now = time.monotonic()
    tokens, at = _local.get(key, (float(limit.burst), now))
    tokens = min(limit.burst, tokens + (now - at) * limit.burst / limit.per_seconds)
    wait = 0.0 if tokens >= 1 else (1 - tokens) * limit.per_seconds / limit.burst
    paid = 0 if wait and cost > 0 else cost
    _remember(_local, key, (min(limit.burst, tokens - paid), now))
    return wait


def _remember(kept: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > _MOST_LOCAL:
        del kept[next(iter(kept))]
