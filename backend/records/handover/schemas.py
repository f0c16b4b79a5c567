"""The words of taking a school's data away."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

ExportId = NewType("ExportId", uuid.UUID)

ZIP_TYPE = "application/zip"


class ExportState(StrEnum):
    """Packed part by part → ready, or given up."""

    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One archive of an export; `size` in bytes."""

    name: str
    sha256: str
    size: int


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """All data of the school as it was when it was asked for, in archives that can be taken away until `ends_at`."""

    id: ExportId
    asked_by: str
    asked_at: datetime
    state: ExportState
    parts: tuple[Part, ...]
    finished_at: datetime | None
    ends_at: datetime | None
    problem: str | None


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the school in the store; `size` in bytes."""

    sha256: str
    size: int
    content_type: str


class NextPart(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into the next archive: the tables (name in the archive → bytes), or files of the store."""

    name: str
    tables: dict[str, bytes]
    files: tuple[StoredFile, ...]
    cursor: str
    is_last: bool
