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
    """All data of the school in archives that can be taken away until `ends_at`.

    The tables are as they were at one moment, which the first archive names; files are those that are there while the
    others are packed.
    """

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


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table of schools, with the columns of it that leave."""

    name: str
    columns: tuple[str, ...]


class NextPart(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into the next archive: the tables, or files of the store."""

    name: str
    with_tables: bool
    files: tuple[StoredFile, ...]
    cursor: str
    is_last: bool
