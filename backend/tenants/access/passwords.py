"""Passwords at rest: Argon2id (RFC 9106) with 19 MiB and 2 passes, the least that OWASP advises."""

import asyncio
import base64
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def _drawn() -> str:
    """What reads like a hash and is one of nothing; no time is spent on making it."""
    parts = [secrets.token_bytes(size) for size in (_HASHER.salt_len, _HASHER.hash_len)]
    salt, value = (base64.b64encode(part).decode().rstrip("=") for part in parts)
    costs = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${value}"


#: The hash of a password that nobody has: checking against it takes as long as checking against a real one.
_NOBODY = _drawn()


async def hashed(password: str) -> str:
    """The hash to keep."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is right; without a hash it takes the same time and is wrong."""
    right = await asyncio.to_thread(_verify, password_hash or _NOBODY, password)
    return right and password_hash is not None


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False
