"""Decisions about factors: pure functions."""

import hashlib
from datetime import datetime, timedelta

from backend.tenants.factors.schemas import Means

#: What a password brought in may sign only a day later: who steals one, or a session, cannot sign at once.
COOLING = timedelta(days=1)
#: Seconds of one step of a one-time code (RFC 6238), and how many steps a clock may be off either way.
STEP_SECONDS, SKEW = 30, 1
#: Passkeys of one person, and letters of a name.
MOST_PASSKEYS, LONGEST_NAME = 10, 60
RECOVERY_CODES, RECOVERY_LENGTH = 10, 16


def challenge(nonce: bytes, statement: str) -> bytes:
    """The 32 bytes that a passkey signs: fresh by the nonce, and about exactly this statement (SHA-256, hex)."""
    return hashlib.sha256(nonce + bytes.fromhex(statement)).digest()


def steps_around(now: datetime) -> list[int]:
    """Steps whose codes are accepted now, this one first."""
    step = int(now.timestamp()) // STEP_SECONDS
    return [step, *(step + way for near in range(1, SKEW + 1) for way in (-near, near))]


def passkey_signs_from(now: datetime, means: Means, last_reset: datetime | None, *, trial: bool) -> datetime:
    """From when on a passkey signs that comes in beside `means`.

    At once where something signs already, for then it was added with that; else a day later, for then a password was
    enough to add it, or what a password had added. A trial environment, where the password itself signs, does not wait.
    After a reset or a recovery code nothing signs before a day has gone by.
    """
    signs = trial or any(begins <= now for begins in means.signing_from)
    return max(now if signs else now + COOLING, last_reset + COOLING if last_reset else now)


def typed(code: str) -> str:
    """A code as it was meant: without spaces and hyphens, in capitals."""
    return "".join(code.split()).replace("-", "").upper()


def in_groups(code: str) -> str:
    """A recovery code as it is shown: ABCD-EFGH-…"""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))
