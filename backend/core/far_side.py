"""What all processes and all schools know together of a service elsewhere: calls under way, and whether it answers.

It lives in Valkey and may be forgotten at any time: then too many calls may be under way for a moment, and a service
that is silent is found so once more. While Valkey does not answer, each job keeps to the number by itself.
"""

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
from redis.exceptions import RedisError

from backend.core import rate_limit, settings
from backend.core.crypto import keyed_digest

log = logging.getLogger(__name__)

#: A turn whose holder is silent for so long is free again; who holds one speaks up so often (seconds).
HELD, RENEWED = 30.0, 8.0
#: Who waits looks so often, and leaves the line when it has not for so long (seconds).
_LOOK, _LEFT = 0.04, 3.0
#: … or, further behind, so many times more seldom.
_SELDOM = 8
#: For so long a silence is remembered (seconds).
_SILENCE = 24 * 3600
#: One school alone may be to blame for its silence: it takes two.
_WITNESSES = 2

#: KEYS: turns held, the line, when each in the line was last seen. ARGV: who, how many there are, how many are wanted,
#: how long they are held, how long one may be unseen. Returns how many are given, to the first in the line alone; to the
#: others their place, below zero.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[5])) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('ZREM', KEYS[3], gone)
end
redis.call('ZADD', KEYS[2], 'NX', now, ARGV[1])
redis.call('ZADD', KEYS[3], now, ARGV[1])
local free = tonumber(ARGV[2]) - redis.call('ZCARD', KEYS[1])
local place = redis.call('ZRANK', KEYS[2], ARGV[1])
local given = -1 - place
if free > 0 and place == 0 then
  given = math.min(free, tonumber(ARGV[3]))
  for i = 1, given do redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1] .. ' ' .. i) end
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, 600) end
return given
"""
#: KEYS: turns held. ARGV: who, how many, how long. Only what is still held.
_KEEP = """
local clock = redis.call('TIME')
local till = clock[1] + clock[2] / 1000000 + ARGV[3]
for i = 1, ARGV[2] do redis.call('ZADD', KEYS[1], 'XX', till, ARGV[1] .. ' ' .. i) end
"""
#: KEYS: the silence, whose it is, the probe. ARGV: answered (0 or 1), so many without an answer, whose, for how long.
_NOTE = """
if ARGV[1] == '1' then return redis.call('DEL', KEYS[1], KEYS[2], KEYS[3]) end
redis.call('HINCRBY', KEYS[1], 'number', ARGV[2])
redis.call('HSET', KEYS[1], 'since', redis.call('TIME')[1])
redis.call('SADD', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('DEL', KEYS[3])
return 0
"""


class Silence(msgspec.Struct, frozen=True):
    """Calls in a row that had no answer, of several schools, and when the last of them ended."""

    number: int
    since: datetime


@asynccontextmanager
async def turns(name: str, most: int, wanted: int, *, patience: float) -> AsyncIterator[int]:
    """Of the calls that a service takes at the same time, some: 1 to `wanted`; 0 when none came free within `patience`.

    Whoever came first is served first. They are given back when the block ends.
    """
    keys = [_key(part, name) for part in ("turns", "line", "seen")]
    who = secrets.token_hex(8)
    given = await _taken(keys, who, most, min(most, wanted), patience)
    keeper = asyncio.create_task(_keep(keys[0], who, given), name=f"turns at {name}")
    try:
        yield given
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        with contextlib.suppress(RedisError):
            client = rate_limit.valkey()
            if given:
                await client.zrem(keys[0], *(f"{who} {number + 1}" for number in range(given)))
            else:
                await client.zrem(keys[1], who)


async def note(name: str, school: str, *, answered: bool, silent: int) -> None:
    """What came of some calls of a school: one answer ends every silence; else so many more had none."""
    if not answered and not silent:
        return
    keys = [_key(part, name) for part in ("silence", "witnesses", "probe")]
    script = rate_limit.valkey().register_script(_NOTE)
    try:
        await script(keys=keys, args=[int(answered), silent, _hidden(school), _SILENCE])
    except RedisError:
        log.warning("what a service answers is not shared: Valkey does not answer")


async def silence(name: str) -> Silence | None:
    """How long a service has been silent to several schools; None where it answers, or nobody knows."""
    try:
        found = await rate_limit.valkey().hmget(_key("silence", name), ["number", "since"])
        witnesses = await rate_limit.valkey().scard(_key("witnesses", name))
    except RedisError:
        return None
    if not found[0] or witnesses < _WITNESSES:
        return None
    return Silence(int(found[0]), datetime.fromtimestamp(float(found[1] or 0), UTC))


async def is_probe(name: str, seconds: float) -> bool:
    """Whether the caller is the one who tries a silent service; nobody else for so long, unless it answers."""
    try:
        return bool(
            await rate_limit.valkey().set(_key("probe", name), "1", nx=True, ex=max(1, round(seconds)))
        )
    except RedisError:
        return True


async def _taken(keys: list[str], who: str, most: int, wanted: int, patience: float) -> int:
    script = rate_limit.valkey().register_script(_TAKE)
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while True:
        try:
            given = int(await script(keys=keys, args=[who, most, wanted, HELD, _LEFT]))
        except RedisError:
            log.warning("calls under way are counted job by job: Valkey does not answer")
            return wanted
        if given > 0:
            return given
        if loop.time() > end:
            return 0
        # Only the first can be given any: who stands far behind need not look so often.
        await asyncio.sleep(_LOOK * min(-given, _SELDOM) * random.uniform(0.5, 1.5))


async def _keep(key: str, who: str, given: int) -> None:
    while given:
        await asyncio.sleep(RENEWED)
        with contextlib.suppress(RedisError):
            await rate_limit.valkey().register_script(_KEEP)(keys=[key], args=[who, given, HELD])


def _key(part: str, name: str) -> str:
    return f"far:{part}:{_hidden(name)}"


def _hidden(name: str) -> str:
    return keyed_digest(settings.get().secret_key, "far side", name)
