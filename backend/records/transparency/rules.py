"""What is written into the public log, byte by byte: pure."""

import hashlib

import msgspec

from backend.records.transparency.schemas import Statement

#: So that no digest made for anything else is taken for one of these.
DOMAIN = b"hocba transparency 1\n"


def written(statement: Statement) -> str:
    """A statement as it is hashed: JSON without spaces, its fields in their order."""
    return msgspec.json.encode(statement).decode()


def entry_of(statement: str, salt: bytes) -> bytes:
    """The entry of the log: a digest that says nothing to who does not have the salt."""
    return hashlib.sha256(DOMAIN + salt + statement.encode()).digest()
