"""How often something may be tried: token buckets in Valkey, counted by one script for all processes.

When Valkey does not answer, this process counts alone: guessing stays slow, and people can still sign in.
"""

import logging
import math
import time
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus

import msgspec
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from backend.core import settings
from backend.core.crypto import keyed_digest
from backend.core.errors import AppError

log = logging.getLogger(__name__)

#: Buckets that this process remembers while Valkey is away; the oldest are forgotten first.
_MOST_LOCAL = 10_000

#: KEYS: buckets. ARGV, three for each: burst, seconds to fill it, cost (+ for one that refuses). Returns for each the
#: seconds to wait as text. All pay or none does; what does not refuse pays what is there.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local tokens, waits, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local burst, fill = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local state = redis.call('HMGET', key, 'tokens', 'at')
  local age = now - (tonumber(state[2]) or now)
  tokens[i] = math.min(burst, (tonumber(state[1]) or burst) + age * burst / fill)
  local wait = 0
  if tokens[i] < 1 then wait = (1 - tokens[i]) * fill / burst end
  refused = refused or (wait > 0 and string.sub(ARGV[3 * i], 1, 1) == '+')
  waits[i] = tostring(wait)
end
for i, key in ipairs(KEYS) do
  local burst, fill, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  if not refused and (waits[i] == '0' or cost < 0) then tokens[i] = math.min(burst, tokens[i] - cost) end
  redis.call('HSET', key, 'tokens', tostring(tokens[i]), 'at', string.format('%.6f', now))
  redis.call('EXPIRE', key, math.ceil(fill))
end
return waits
"""


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
    keys = [_key(one) for one in charges]
    numbers: list[str | int] = []
    for one in charges:
        numbers += (one.limit.burst, one.limit.per_seconds, f"{'+' if one.refuses else ''}{one.cost}")
    try:
        waits = [float(wait) for wait in await _script()(keys=keys, args=numbers)]
    except RedisError:
        log.warning("rate limit counted locally: Valkey does not answer")
        waits = [_take_locally(key, one.limit, one.cost) for key, one in zip(keys, charges, strict=True)]
    longest = max((wait for wait, one in zip(waits, charges, strict=True) if one.refuses), default=0)
    if longest > 0:
        raise TooManyTries(math.ceil(longest))
    return waits


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


@lru_cache(maxsize=1)
def _client() -> Redis:
    return Redis.from_url(settings.get().redis_url, socket_timeout=1, socket_connect_timeout=1)


@lru_cache(maxsize=1)
def _script() -> AsyncScript:
    return _client().register_script(_TAKE)


def _key(one: Charge) -> str:
    return f"limit:{one.limit.name}:{keyed_digest(settings.get().secret_key, 'rate limit', one.subject)}"


_local: dict[str, tuple[float, float]] = {}


def _take_locally(key: str, limit: Limit, cost: int = 1) -> float:
    now = time.monotonic()
    tokens, at = _local.pop(key, (float(limit.burst), now))
    tokens = min(limit.burst, tokens + (now - at) * limit.burst / limit.per_seconds)
    wait = 0.0 if tokens >= 1 else (1 - tokens) * limit.per_seconds / limit.burst
    paid = 0 if wait and cost > 0 else cost
    _local[key] = (min(limit.burst, tokens - paid), now)
    if len(_local) > _MOST_LOCAL:
        del _local[next(iter(_local))]
    return wait
