"""The words of computers at a school that sign with the token plugged into them."""

import hashlib
import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

HelperId = NewType("HelperId", uuid.UUID)

#: Headers of every request of a paired computer: Unix time, and its key's signature (base64) over `said`.
TIME_HEADER, SIGNATURE_HEADER = "x-helper-time", "x-helper-signature"


class HelperState(StrEnum):
    """offered (a code was given) → pending (a computer has shown it) → active (two people agreed); ended at any time."""

    OFFERED = "offered"
    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"


class HelperView(msgspec.Struct, frozen=True, kw_only=True):
    """One computer. `fingerprint` is what its console shows, too: SHA-256 of its key, shortened.

    `serial` and `subject` are of the certificate in its token.
    """

    id: HelperId
    state: HelperState
    machine: str
    fingerprint: str
    serial: str
    subject: str
    offered_at: datetime
    code_ends_at: datetime
    last_seen_at: datetime | None


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """What a computer says of itself: its key (Ed25519, 32 bytes), and the token's certificate with its issuers (DER)."""

    code: str
    machine: str
    public_key: bytes
    key_id: str
    certificate: bytes
    chain: tuple[bytes, ...]


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: how the computer calls itself from now on."""

    name: str


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """A computer asks for work, and waits for it up to so many seconds."""

    wait: float = 20.0


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Hashes (SHA-256) of one provider call, to be signed once a person has typed the PIN. `description` is for them."""

    call: uuid.UUID
    description: str
    hashes: tuple[bytes, ...]


class WorkList(msgspec.Struct, frozen=True, kw_only=True):
    """What waits. `active`: two people have agreed to the computer."""

    active: bool
    work: tuple[Work, ...]


class HandIn(msgspec.Struct, frozen=True, kw_only=True):
    """Values in the order of the hashes."""

    call: uuid.UUID
    values: tuple[bytes, ...]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The person at the computer does not sign a call."""

    call: uuid.UUID


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """So many values were verified and taken."""

    taken: int


def fingerprint(public_key: bytes) -> str:
    """What a person compares: on the page and on the computer's console."""
    digest = hashlib.sha256(public_key).hexdigest().upper()
    return "-".join(digest[start : start + 4] for start in range(0, 16, 4))


def said(path: str, moment: str, body: bytes) -> bytes:
    """What a computer's key signs of a request."""
    return b"\n".join((b"hocba token helper 1", path.encode(), moment.encode(), body))
