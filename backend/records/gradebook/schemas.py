"""The words of the gradebook."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, NewType

import msgspec

from backend.core.actor import StaffId
from backend.core.errors import Conflict
from backend.records.roster.schemas import ClassId, Difference, StudentId

SheetId = NewType("SheetId", uuid.UUID)
ExemptionId = NewType("ExemptionId", uuid.UUID)

#: Primary sheets and the homeroom sheet cover the whole year.
WHOLE_YEAR = 0
#: Slots of a primary test at the year's end: a test taken again is kept beside the first, the last one counts (TT27
#: Đ.7.1.b).
TEST_ATTEMPTS = ("1", "2")
#: Longest comment of a cell, in characters, typed or imported.
MAX_COMMENT = 1000
#: Most cells that are saved together: 60 pupils in 40 columns.
MAX_CELLS = 2400


#: Length of the reason for which a locked sheet is opened again, and of a remark, in characters.
MIN_REASON, MAX_REASON = 5, 500
#: For how many hours a locked sheet may be opened again, at most.
MAX_HOURS = 72


class SheetState(StrEnum):
    """How far a sheet has come. Whoever is in charge writes while it is OPEN, or REOPENED and its time not over."""

    OPEN = "open"
    SUBMITTED = "submitted"
    CHECKED = "checked"
    LOCKED = "locked"
    REOPENED = "reopened"
    FINAL = "final"


#: How a sheet stands, for people: words, tone, icon.
SHEET_STATES = {
    SheetState.OPEN: ("Đang mở", "info", "lock-open"),
    SheetState.SUBMITTED: ("Đã nộp", "waiting", "send"),
    SheetState.CHECKED: ("Đã kiểm tra", "waiting", "check"),
    SheetState.LOCKED: ("Đã khóa", "ok", "lock"),
    SheetState.REOPENED: ("Đang mở lại", "warn", "lock-open"),
    SheetState.FINAL: ("Đã chốt", "official", "archive"),
}
#: Its marks count: results may be computed.
CLOSED = frozenset({SheetState.LOCKED, SheetState.FINAL})


class Deed(StrEnum):
    """What moves a sheet on, or back."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    CHECK = "check"
    SEND_BACK = "send_back"
    LOCK = "lock"
    REOPEN = "reopen"
    LOCK_AGAIN = "lock_again"
    FINISH = "finish"
    RELEASE = "release"


#: A step of a sheet that moves it nowhere: a pupil has brought marks from another class.
CARRY: Final = "carry"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody stands towards a sheet. `unchecked`: nobody but the management looks at it before the lock."""

    in_charge: bool
    checks: bool
    unchecked: bool
    locks: bool
    reopens: bool


class MarkKind(StrEnum):
    """What a mark row holds; `slot` says which one of its kind.

    In subject sheets: REGULAR slots 1–4 (ĐĐGtx), MIDTERM, FINAL (TT22 Đ.6, 7), TOPIC (chuyên đề; the later term's
    stands); LEVEL and TEST slots 1… in primary (attempts in order, TT27 Đ.7); COMMENT. In the homeroom sheet: TRAIT
    (slot = trait code), TRAIT_COMMENT (slot = trait group), CONDUCT (slots 1, 2, summer), ABSENCE (excused,
    unexcused), HOMEROOM_COMMENT, REASSESSED (slot = subject code, TT22 Đ.14), AWARD, CERTIFICATE, COMPETITION, and
    PRINCIPAL_COMMENT, which the principal writes. Of primary school, whose form has a place for them (TT27, Phụ lục 1):
    MEASURE (height in centimetres, weight in kilograms) and HEALTH, in words.

    Primary has four points in the year. Slots as above are those of the year's end; at an earlier `Point` the slot of
    LEVEL, TEST and COMMENT is the point, that of TRAIT is "point:code".
    """

    REGULAR = "regular"
    MIDTERM = "midterm"
    FINAL = "final"
    TOPIC = "topic"
    LEVEL = "level"
    TEST = "test"
    COMMENT = "comment"
    TRAIT = "trait"
    TRAIT_COMMENT = "trait_comment"
    CONDUCT = "conduct"
    ABSENCE = "absence"
    HOMEROOM_COMMENT = "homeroom_comment"
    REASSESSED = "reassessed"
    AWARD = "award"
    CERTIFICATE = "certificate"
    COMPETITION = "competition"
    PRINCIPAL_COMMENT = "principal_comment"
    MEASURE = "measure"
    HEALTH = "health"


#: What says how a pupil's body is: not for everybody who reads a sheet.
ABOUT_HEALTH = frozenset({MarkKind.MEASURE, MarkKind.HEALTH})


class Point(StrEnum):
    """When a primary pupil is assessed (TT27 Đ.7); only the year's end makes the result (Đ.9)."""

    MID_TERM_1 = "mid_s1"
    END_TERM_1 = "end_s1"
    MID_TERM_2 = "mid_s2"
    YEAR_END = "year_end"


class MarkState(StrEnum):
    """How an assessment came about (TT22 Đ.7.3, 7.4).

    EXCUSED_PENDING_MAKEUP: absent for an accepted reason, still to be made up, so missing; MADE_UP: it was;
    ZERO_MISSING: not taken without such a reason, and so 0 or Chưa đạt.
    """

    RECORDED = "recorded"
    EXCUSED_PENDING_MAKEUP = "excused_pending_makeup"
    MADE_UP = "made_up"
    ZERO_MISSING = "zero_missing"


#: How an assessment came about, beside what stands in its cell.
ENTRY_NOTES = {
    MarkState.EXCUSED_PENDING_MAKEUP: "vắng có lý do, chờ kiểm tra bù",
    MarkState.MADE_UP: "kiểm tra bù",
    MarkState.ZERO_MISSING: "vắng không lý do",
}


#: What stands in a cell is one text, the mark and how it came about, so that state and mark cannot differ: "7.5",
#: "V", "7.5b", "0k", "CĐk" (infra/decisions/0009).
EXCUSED = "V"
_SUFFIXES = {"b": MarkState.MADE_UP, "k": MarkState.ZERO_MISSING}
#: Kinds of cells whose text is such an entry.
ASSESSMENTS = frozenset({MarkKind.REGULAR, MarkKind.TOPIC, MarkKind.MIDTERM, MarkKind.FINAL, MarkKind.TEST})


class Entry(msgspec.Struct, frozen=True):
    """What a stored text says: the mark that counts ("" while there is none) and how it came about."""

    mark: str
    state: MarkState

    @classmethod
    def of(cls, kind: MarkKind, text: str) -> "Entry":
        """Read a stored text; those of other kinds are recorded as they stand."""
        if kind not in ASSESSMENTS:
            return cls(text, MarkState.RECORDED)
        if text == EXCUSED:
            return cls("", MarkState.EXCUSED_PENDING_MAKEUP)
        state = _SUFFIXES.get(text[-1:], MarkState.RECORDED)
        return cls(text if state is MarkState.RECORDED else text[:-1], state)


class Cell(msgspec.Struct, frozen=True, order=True):
    """A column of a sheet: kind and slot."""

    kind: MarkKind
    slot: str = ""


class NewMark(msgspec.Struct, frozen=True, kw_only=True):
    """One mark to be recorded; `value` as people write it, empty to clear.

    A mark for somebody who was excused is a make-up, unless it is `exact`: what undoing puts back.
    """

    sheet_id: SheetId
    student_id: StudentId
    cell: Cell
    value: str
    exact: bool = False


class MarkView(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded mark. `revision` must be given back when it is changed."""

    value: str
    revision: int
    changed_at: datetime


class Overtaken(Conflict):
    """Somebody else wrote the cell first: `there` is what stands in it now, at its revision."""

    def __init__(self, message: str, there: MarkView) -> None:
        super().__init__(message)
        self.there = there


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
    remark: str = ""
    submitted_at: datetime | None = None
    open_until: datetime | None = None


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the grid as people see it. `letters`: what stands in it is no number (T, CĐ).

    `point` is that of a primary column; None: the column belongs to no point, or to the whole year.
    """

    cell: Cell
    label: str
    wide: bool = False
    letters: bool = False
    point: Point | None = None

    @property
    def is_earlier(self) -> bool:
        """Whether it belongs to a point before the year's end."""
        return self.point not in (None, Point.YEAR_END)


class SheetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One pupil's line of the grid."""

    student_id: StudentId
    student_code: str
    full_name: str
    marks: dict[Cell, MarkView]
    #: from the subject of the sheet
    exempt: bool = False


class SheetView(msgspec.Struct, frozen=True, kw_only=True):
    """A whole sheet, ready to be shown; `read_at` is from when on others' changes are new."""

    summary: SheetSummary
    read_at: datetime
    columns: tuple[Column, ...]
    rows: tuple[SheetRow, ...]
    is_open: bool
    #: what the person before it may write now
    writes: frozenset[MarkKind]
    deeds: frozenset[Deed]
    #: Worth a look before the sheet goes on.
    warnings: tuple[str, ...]
    steps: tuple["StepView", ...]
    changes: tuple["ChangeView", ...]

    @property
    def may_write(self) -> bool:
        """Whether the person before it may write into any of its columns."""
        return any(column.cell.kind in self.writes for column in self.columns)


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of a sheet; `who` is None where the machine took it."""

    deed: Deed | Literal["carry"]
    words: str
    who: str | None
    at: datetime
    open_until: datetime | None


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """One mark that was changed after a lock; `why` is the reason of the reopening."""

    pupil: str
    column: str
    old: str
    new: str
    who: str | None
    at: datetime
    why: str


class SheetContent(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet with its columns, every filled cell as its text, per pupil of the class, and who is exempt from its
    subject."""

    summary: SheetSummary
    columns: tuple[Column, ...]
    cells: dict[StudentId, dict[Cell, str]]
    exempt: frozenset[StudentId]


class WaitingSheet(msgspec.Struct, frozen=True, kw_only=True):
    """A submitted sheet in front of the head of department, with what is worth a look."""

    summary: SheetSummary
    teacher: str
    warnings: tuple[str, ...]


class Ground(StrEnum):
    """Why a pupil is not assessed in a subject."""

    HEALTH = "health"
    DISABILITY = "disability"
    OTHER = "other"


class ExemptionView(msgspec.Struct, frozen=True, kw_only=True):
    """One exemption in its class; `ended_at` is None while it is in force."""

    id: ExemptionId
    pupil: str
    student_code: str
    subject_name: str
    ground: Ground
    reason: str
    decided_by: str
    decided_at: datetime
    ended_at: datetime | None


class MakeUp(msgspec.Struct, frozen=True, kw_only=True):
    """An assessment that a pupil was excused from and has not made up; `place` names subject, term and column."""

    student_id: StudentId
    pupil: str
    place: str


class WrittenAbout(msgspec.Struct, frozen=True):
    """A pupil in whose row of a sheet something is to be written. `excused`: (kind, slot) → text of the cells where they
    were excused, made up since or not."""

    name: str
    exempt: bool
    excused: dict[tuple[str, str], str]


class WrittenMark(msgspec.Struct, frozen=True, kw_only=True):
    """One cell as somebody wrote it; `writer` is empty for an import."""

    student_id: StudentId
    cell: Cell
    mark: MarkView
    writer: str


class SeenForm(msgspec.Struct, frozen=True, kw_only=True):
    """`den`: the newest hand-in that the page showed; what was handed in later was not looked at."""

    den: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    csrf_token: str = ""


class NewInSheet(msgspec.Struct, frozen=True, kw_only=True):
    """What was written into a sheet since an instant, and whether it is still open."""

    read_at: datetime
    is_open: bool
    marks: tuple[WrittenMark, ...]


class OverwrittenMark(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that was written with many others: what stood in it before, and the revision that it has since."""

    sheet_id: SheetId
    student_id: StudentId
    cell: Cell
    old: str
    revision: int


class MarkChange(msgspec.Struct, frozen=True, kw_only=True):
    """What recording many marks would do, in cells. `problems` are (index of the mark, Vietnamese sentence).

    `differences` are the first ones, what is new at their end; `basis` is another when any of the cells has changed.
    `overwritten` are all of them, once they are recorded.
    """

    new: int
    changed: int
    unchanged: int
    problems: tuple[tuple[int, str], ...] = ()
    differences: tuple[Difference, ...] = ()
    basis: str = ""
    overwritten: tuple[OverwrittenMark, ...] = ()
