"""The words of the gradebook."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.core.actor import StaffId
from backend.records.roster.schemas import ClassId, Difference, StudentId

SheetId = NewType("SheetId", uuid.UUID)

#: Primary sheets and the homeroom sheet cover the whole year.
WHOLE_YEAR = 0
#: Longest comment of a cell, in characters, typed or imported.
MAX_COMMENT = 1000
#: Most cells that are saved together: 60 pupils in 40 columns.
MAX_CELLS = 2400


class SheetState(StrEnum):
    """Who may write: everybody in charge, or nobody."""

    OPEN = "open"
    LOCKED = "locked"


class MarkKind(StrEnum):
    """What a mark row holds; `slot` says which one of its kind.

    In subject sheets: REGULAR slots 1–4 (ĐĐGtx), MIDTERM, FINAL (TT22 Đ.6, 7); LEVEL and TEST slots 1… in primary
    (attempts in order, TT27 Đ.7); COMMENT. In the homeroom sheet: TRAIT (slot = trait code), TRAIT_COMMENT (slot =
    trait group), CONDUCT (slots 1, 2, summer), ABSENCE (excused, unexcused), HOMEROOM_COMMENT, REASSESSED
    (slot = subject code, TT22 Đ.14).
    """

    REGULAR = "regular"
    MIDTERM = "midterm"
    FINAL = "final"
    LEVEL = "level"
    TEST = "test"
    COMMENT = "comment"
    TRAIT = "trait"
    TRAIT_COMMENT = "trait_comment"
    CONDUCT = "conduct"
    ABSENCE = "absence"
    HOMEROOM_COMMENT = "homeroom_comment"
    REASSESSED = "reassessed"


class Cell(msgspec.Struct, frozen=True, order=True):
    """A column of a sheet: kind and slot."""

    kind: MarkKind
    slot: str = ""


class NewMark(msgspec.Struct, frozen=True, kw_only=True):
    """One mark to be recorded; `value` as people write it, empty to clear."""

    sheet_id: SheetId
    student_id: StudentId
    cell: Cell
    value: str


class MarkView(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded mark. `revision` must be given back when it is changed."""

    value: str
    revision: int
    changed_at: datetime


class SheetSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One sheet in a list; `filled` counts its marks, where they were counted."""

    id: SheetId
    class_id: ClassId
    class_name: str
    subject_code: str
    subject_name: str
    term: int
    state: SheetState
    teacher_id: StaffId | None
    filled: int | None


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the grid as people see it."""

    cell: Cell
    label: str
    wide: bool = False


class SheetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One pupil's line of the grid."""

    student_id: StudentId
    student_code: str
    full_name: str
    marks: dict[Cell, MarkView]


class SheetView(msgspec.Struct, frozen=True, kw_only=True):
    """A whole sheet, ready to be shown; `read_at` is from when on others' changes are new."""

    summary: SheetSummary
    read_at: datetime
    columns: tuple[Column, ...]
    rows: tuple[SheetRow, ...]
    may_write: bool
    may_lock: bool


class WrittenMark(msgspec.Struct, frozen=True, kw_only=True):
    """One cell as somebody wrote it; `writer` is empty for an import."""

    student_id: StudentId
    cell: Cell
    mark: MarkView
    writer: str


class NewInSheet(msgspec.Struct, frozen=True, kw_only=True):
    """What was written into a sheet since an instant, and whether it is still open."""

    read_at: datetime
    is_open: bool
    marks: tuple[WrittenMark, ...]


class MarkChange(msgspec.Struct, frozen=True, kw_only=True):
    """What recording many marks would do, in cells. `problems` are (index of the mark, Vietnamese sentence).

    `differences` are the first ones, what is new at their end; `basis` is another when any of the cells has changed.
    """

    new: int
    changed: int
    unchanged: int
    problems: tuple[tuple[int, str], ...] = ()
    differences: tuple[Difference, ...] = ()
    basis: str = ""
