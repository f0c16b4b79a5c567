"""How often something may be tried: token buckets in Valkey, counted by one script for all processes.

When Valkey does not answer, this process counts alone: guessing stays slow, and people can still sign in.
"""

import logging
import math
import time
from functools import lru_cache
from http import HTTPStatus

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.core import settings
from backend.core.crypto import keyed_digest
from backend.core.errors import AppError

log = logging.getLogger(__name__)

#: Buckets that this process remembers while Valkey is away; the oldest are forgotten first.
_MOST_LOCAL = 10_000

#: KEYS[1] bucket; ARGV: burst, seconds to fill it. Returns the seconds to wait as text; "0": taken.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local burst, fill = tonumber(ARGV[1]), tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local age = now - (tonumber(state[2]) or now)
local tokens = math.min(burst, (tonumber(state[1]) or burst) + age * burst / fill)
local wait = 0
if tokens < 1 then wait = (1 - tokens) * fill / burst else tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(fill))
return tostring(wait)
"""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """`burst` tries at once, then as many again spread over `per_seconds`."""

    name: str
    burst: int
    per_seconds: int


class TooManyTries(AppError):
    """The bucket is empty; `retry_after` seconds fill one try."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Đã thử quá nhiều lần; xin chờ {retry_after} giây rồi thử lại.")
        self.retry_after = retry_after


async def take(limit: Limit, subject: str) -> None:
    """Use up one try of `subject`, which Valkey knows by digest. Raises TooManyTries when none is left."""
    key = f"limit:{limit.name}:{keyed_digest(settings.get().secret_key, 'rate limit', subject)}"
    try:
        wait = float(await _client().eval(_TAKE, 1, key, str(limit.burst), str(limit.per_seconds)))
    except RedisError:
        log.warning("rate limit counted locally: Valkey does not answer")
        wait = _take_locally(key, limit)
    if wait > 0:
        raise TooManyTries(math.ceil(wait))


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


@lru_cache(maxsize=1)
def _client() -> Redis:
    return Redis.from_url(settings.get().redis_url, socket_timeout=1, socket_connect_timeout=1)


_local: dict[str, tuple[float, float]] = {}


def _take_locally(key: str, limit: Limit) -> float:
    now = time.monotonic()
    tokens, at = _local.pop(key, (float(limit.burst), now))
    tokens = min(limit.burst, tokens + (now - at) * limit.burst / limit.per_seconds)
    wait = 0.0 if tokens >= 1 else (1 - tokens) * limit.per_seconds / limit.burst
    _local[key] = (tokens - (wait == 0), now)
    if len(_local) > _MOST_LOCAL:
        del _local[next(iter(_local))]
    return wait
