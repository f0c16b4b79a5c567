"""The words of issued copies."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.records.transcripts.schemas import TranscriptId

CopyId = NewType("CopyId", uuid.UUID)


class CopyKind(StrEnum):
    """What is handed out: a print to read, a copy of the whole book, or an extract of one year."""

    PRINT = "ban-in"
    COPY = "ban-sao"
    EXTRACT = "trich-luc"


KIND_NAMES = {CopyKind.PRINT: "Bản in", CopyKind.COPY: "Bản sao", CopyKind.EXTRACT: "Trích lục một năm học"}


class NewCopy(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; `academic_year` is the year of an extract, "" else."""

    kind: CopyKind
    academic_year: str
    recipient: str
    purpose: str


class IssuedCopyView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the register; `sha256` is None until the print is made."""

    id: CopyId
    transcript_id: TranscriptId
    kind: CopyKind
    label: str
    academic_year: str
    full_name: str
    student_code: str
    student_id: uuid.UUID
    recipient: str
    purpose: str
    issued_by: str
    issued_at: datetime
    sha256: str | None


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the register, and how many lines there are in all."""

    rows: tuple[IssuedCopyView, ...]
    total: int
    pages: int
