"""What is odd in a sheet of marks, and what whoever looked said about it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from backend.core.actor import StaffId
from backend.records.gradebook.schemas import Cell, Column, SheetId, SheetSummary
from backend.records.roster.curriculum import GradeSubject
from backend.records.roster.schemas import StudentId

#: Length of what is said about an oddity, in characters.
MIN_WORD, MAX_WORD = 2, 300

Cells = Mapping[Cell, str]


class FindingKind(StrEnum):
    """What is odd. None of it forbids anything: a person looks and decides."""

    LEVEL_AND_TEST = "level_and_test"
    JUMP_IN_TERM = "jump_in_term"
    JUMP_BETWEEN_TERMS = "jump_between_terms"
    EMPTY_COMMENT = "empty_comment"
    COPIED_COMMENT = "copied_comment"
    IDENTICAL_COLUMNS = "identical_columns"
    MARKS_OF_THE_ABSENT = "marks_of_the_absent"


class PupilMarks(msgspec.Struct, frozen=True, kw_only=True):
    """One pupil's filled cells in the sheet, in the same subject's sheet of the other term, and half-days absent."""

    student_id: StudentId
    name: str
    cells: Cells
    other_term: Cells = {}
    absent: int = 0


class SheetMarks(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet to be looked through; `subject` is None in the homeroom sheet, `term` 0 where it covers the year."""

    subject: GradeSubject | None
    term: int
    columns: tuple[Column, ...]
    pupils: tuple[PupilMarks, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One oddity: of a pupil's cell, or of a column where `student_id` is None. `seen` is what made it odd.

    `about` are the pupils of whom it tells something: whoever reads it has looked at them.
    """

    kind: FindingKind
    student_id: StudentId | None
    about: tuple[StudentId, ...]
    cell: Cell
    text: str
    seen: str

    @property
    def key(self) -> str:
        """The same oddity has the same key, until what stands there changes."""
        told = "|".join((self.kind, str(self.student_id), self.cell.kind, self.cell.slot, self.seen))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said about an oddity after looking."""

    word: str
    said_by: StaffId
    said_at: datetime


class ReviewedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """An oddity with what was said about it."""

    finding: Finding
    word: Word | None
    said_by: str


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet that was looked through; `open` counts the oddities about which nobody has said anything.

    `gaps` says what is empty or waits for a make-up, where one sheet was asked for.
    """

    sheet: SheetSummary
    findings: tuple[ReviewedFinding, ...]
    may_answer: bool
    to_hand_in: bool
    gaps: tuple[str, ...] = ()

    @property
    def open(self) -> int:
        return sum(one.word is None for one in self.findings)

    @property
    def sheet_id(self) -> SheetId:
        return self.sheet.id
