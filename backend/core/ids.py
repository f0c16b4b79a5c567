"""Identifiers. Inside the system UUIDv7 (ordered, kind to indexes); whatever the public sees is random."""

import os
import secrets
import time
import uuid
from datetime import UTC, datetime


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, the rest random."""
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = (raw[6] & 0x0F) | 0x70
    raw[8] = (raw[8] & 0x3F) | 0x80
    return uuid.UUID(bytes=bytes(raw))


def made_at(own_id: uuid.UUID) -> datetime:
    """When one of our ids was made. ValueError for another kind of id."""
    if own_id.version != 7:
        raise ValueError(f"{own_id} is no UUIDv7")
    return datetime.fromtimestamp(int.from_bytes(own_id.bytes[:6], "big") / 1000, UTC)


def new_lookup_code() -> str:
    """The public code of one transcript: a random UUIDv4 as 32 lower-case hex characters (Hà Nội plan, PL1 §1.2)."""
    return uuid.uuid4().hex


def new_token() -> str:
    """256 random bits, URL-safe, for cookies and one-time links."""
    return secrets.token_urlsafe(32)
