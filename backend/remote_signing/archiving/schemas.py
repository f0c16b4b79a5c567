"""The words of the archive."""

import uuid
from datetime import datetime

import msgspec

from backend.remote_signing.formats.schemas import StampFacts
from backend.remote_signing.requests.schemas import SignedPart

PDF_TYPE = "application/pdf"


class ToStamp(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is to be stamped, as its newest form stands in the store; `tokens` are those of its XML so far."""

    request_id: uuid.UUID
    number: int
    document_sha256: str
    xml_sha256: str | None
    tokens: tuple[bytes, ...]


class Stamped(msgspec.Struct, frozen=True, kw_only=True):
    """The stamped document is in the store; `size` in bytes."""

    request_id: uuid.UUID
    number: int
    document_sha256: str
    size: int
    xml_token: bytes | None
    expires_at: datetime


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """The newest form of a document in the archive, and the tokens of its XML, oldest first."""

    document_sha256: str
    stamped_at: datetime
    expires_at: datetime
    tokens: tuple[bytes, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a school's archive stands: documents with a time stamp, without one yet, and those whose stamp ages."""

    stamped: int
    waiting: int
    ageing: int
    first_end: datetime | None


class StampedForm(msgspec.Struct, frozen=True, kw_only=True):
    """One stamping of a document for the archive."""

    number: int
    stamped_at: datetime
    expires_at: datetime
    document_sha256: str


class StampedPart(msgspec.Struct, frozen=True, kw_only=True):
    """One hash of a turn, and the time stamp of its signature once it is signed."""

    part: SignedPart
    stamp: StampFacts | None
