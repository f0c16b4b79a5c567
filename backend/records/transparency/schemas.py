"""The words of transparency: what the public log is told about a transcript, as a digest that says nothing by itself."""

from datetime import datetime
from enum import StrEnum

import msgspec


class LogEvent(StrEnum):
    """What happened to a version, as far as others may rely on it."""

    ISSUED = "issued"
    RECALLED = "recalled"
    REPLACED = "replaced"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What one entry of the log is the digest of, with its salt; field for field as it is written, in this order.

    Digests are of signed files, which nobody can guess: the content alone could be tried out by who knows most of it.
    `by_pdf_sha256` is the file that replaces it.
    """

    kind: str = "hocba transparency 1"
    event: LogEvent
    at: datetime
    version: int
    pdf_sha256: str
    xml_sha256: str | None
    by_pdf_sha256: str | None = None


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that an entry is about a document: the statement as it was written, and its salt."""

    event: LogEvent
    statement: str
    salt: bytes
    entry: bytes

    def extra(self) -> bytes:
        """As it travels with a proof."""
        return msgspec.json.encode({"salt": self.salt.hex(), "statement": self.statement})
