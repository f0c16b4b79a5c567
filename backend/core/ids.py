"""Identifiers. Inside the system UUIDv7 (ordered, kind to indexes); whatever the public sees is random."""

import os
import secrets
import time
import uuid


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, the rest random."""
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = (raw[6] & 0x0F) | 0x70
    raw[8] = (raw[8] & 0x3F) | 0x80
    return uuid.UUID(bytes=bytes(raw))


def new_lookup_code() -> str:
    """The public code of one transcript: a random UUIDv4 as 32 lower-case hex characters (Hà Nội plan, PL1 §1.2)."""
    return uuid.uuid4().hex


def new_token() -> str:
    """256 random bits, URL-safe, for cookies and one-time links."""
    return secrets.token_urlsafe(32)
