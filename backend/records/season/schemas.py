"""The words of the season: its stages, what is done of each, and who is waited for."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

import msgspec

from backend.core.actor import StaffId
from backend.records.calendar.schemas import Due, Dues, Step, Year
from backend.records.gradebook.schemas import SheetId, SheetState, SheetSummary
from backend.records.roster.schemas import AcademicYearId, ClassId, ClassSummary

#: Longest remark that goes with a reminder, in characters.
MAX_REMARK = 200


class Stage(StrEnum):
    """Stages of the season in their order: sheets up to LOCKED, pupils from then on."""

    MARKED = "marked"
    SUBMITTED = "submitted"
    CHECKED = "checked"
    LOCKED = "locked"
    ASSESSED = "assessed"
    CONFIRMED = "confirmed"
    FROZEN = "frozen"
    ISSUED = "issued"


STAGE_NAMES = {
    Stage.MARKED: "Có điểm",
    Stage.SUBMITTED: "Nộp sổ",
    Stage.CHECKED: "Kiểm tra",
    Stage.LOCKED: "Khóa sổ",
    Stage.ASSESSED: "Tính kết quả",
    Stage.CONFIRMED: "Xác nhận",
    Stage.FROZEN: "Chốt học bạ",
    Stage.ISSUED: "Phát hành",
}
#: Stages in which somebody is waited for: a sheet without marks waits to be handed in, and results are the machine's.
AWAITED = tuple(stage for stage in Stage if stage not in (Stage.MARKED, Stage.ASSESSED))
#: What a stage is counted in.
SHEETS, PUPILS = "sổ", "học sinh"
OF_SHEETS = frozenset({Stage.MARKED, Stage.SUBMITTED, Stage.CHECKED, Stage.LOCKED})
#: The last day that a stage is held to; the machine computes and is held to none.
STEP_OF = {
    Stage.MARKED: Step.SUBMITTED,
    Stage.SUBMITTED: Step.SUBMITTED,
    Stage.CHECKED: Step.LOCKED,
    Stage.LOCKED: Step.LOCKED,
    Stage.CONFIRMED: Step.CONFIRMED,
    Stage.FROZEN: Step.FROZEN,
    Stage.ISSUED: Step.ISSUED,
}


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a stage is done in a class, and its last day; `is_late`: the day is over and something is left."""

    stage: Stage
    done: int
    total: int
    due: Due | None
    is_late: bool


class ClassRow(msgspec.Struct, frozen=True, kw_only=True):
    """A class on the board: the stages that the person who looks may see, in order."""

    id: ClassId
    name: str
    grade_level: int
    students: int
    counts: Mapping[Stage, Count]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is waited for: in which stage, in which class, for how much, until when, and where it is done.

    `who` is a role where no person is named (`staff_id` None). `days` are those to the last day, below zero when late.
    """

    stage: Stage
    class_id: ClassId
    class_name: str
    grade_level: int
    staff_id: StaffId | None
    who: str
    left: int
    due: Due | None
    days: int | None
    url: str

    @property
    def is_late(self) -> bool:
        """Whether the last day is over."""
        return self.days is not None and self.days < 0

    @property
    def unit(self) -> str:
        """What is left is counted in this."""
        return SHEETS if self.stage in OF_SHEETS else PUPILS


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is waited for in a stage, in all their classes: `places`, the most urgent first."""

    stage: Stage
    staff_id: StaffId | None
    who: str
    places: tuple[Waiting, ...]

    @property
    def left(self) -> int:
        """For how much they are waited for."""
        return sum(one.left for one in self.places)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Documents of a class that wait for one signature: whose (None: the seal's), and how many."""

    class_id: uuid.UUID
    signer_id: StaffId | None
    signer: str
    count: int


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Pupils of a class: assessed, confirmed, of these to be frozen after the summer, frozen (or further), issued."""

    assessed: int = 0
    confirmed: int = 0
    later: int = 0
    frozen: int = 0
    issued: int = 0

    @property
    def ready(self) -> int:
        """Those whose transcripts may be frozen, or are."""
        return self.confirmed - self.later


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of the season of the newest year, read once.

    `empty` are open sheets without any mark, None where nobody looked; `checkers` say who checks whose sheets; `versions`
    are transcripts of a class by their state.
    """

    year: Year | None
    today: date
    classes: tuple[ClassSummary, ...]
    sheets: tuple[SheetSummary, ...]
    empty: frozenset[SheetId] | None
    checkers: Mapping[StaffId, StaffId]
    progress: Mapping[uuid.UUID, Progress]
    versions: Mapping[uuid.UUID, Mapping[str, int]]
    turns: tuple[Turn, ...]
    names: Mapping[StaffId, str]
    dues: Dues

    @property
    def year_id(self) -> AcademicYearId | None:
        """Which year this is; None while the school has no class."""
        return self.year.id if self.year else None


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks: at everything, or as this person at what is theirs. `opens`: stages whose place they may open."""

    everything: bool
    staff_id: StaffId | None
    opens: frozenset[Stage] = frozenset(Stage)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What of the board is wanted; None is all of it."""

    grade: int | None = None
    stage: Stage | None = None
    person: uuid.UUID | None = None
    late: bool = False


class Nudge(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody was reminded of what they have left in a stage."""

    staff_id: StaffId
    stage: Stage
    words: str
    sender: str
    sent_at: datetime


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The board as one person sees it. `grades` and `people` are what may be filtered by."""

    academic_year: str
    rows: tuple[ClassRow, ...]
    waiting: tuple[Group, ...]
    nudged: Mapping[tuple[StaffId, Stage], Nudge]
    grades: tuple[int, ...]
    people: tuple[tuple[StaffId, str], ...]
    may_nudge: bool


class SheetLine(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet on the page of its class: its teacher, how far it is, how many cells are empty, days to its last day."""

    id: SheetId
    subject_name: str
    term: int
    teacher: str
    state: SheetState
    gaps: int
    due: Due | None
    days: int | None


class ClassBoard(msgspec.Struct, frozen=True, kw_only=True):
    """One class: its row and those of its sheets that the person may see."""

    row: ClassRow
    homeroom_teacher: str
    sheets: tuple[SheetLine, ...]
    waiting: tuple[Waiting, ...]
