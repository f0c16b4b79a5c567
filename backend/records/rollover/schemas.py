"""The words of rolling over: where each pupil of a year goes in the next, and why some are not decided yet."""

import uuid
from datetime import datetime
from enum import StrEnum

import msgspec

from backend.records.roster.schemas import ClassId, ClassSummary, StudentId, YearSummary


class Outcome(StrEnum):
    """What becomes of a pupil when the year ends."""

    UP = "up"
    STAYS = "stays"
    FINISHED = "finished"
    UNDECIDED = "undecided"


OUTCOME_NAMES = {
    Outcome.UP: "Lên lớp",
    Outcome.STAYS: "Ở lại lớp",
    Outcome.FINISHED: "Hoàn thành cấp học",
    Outcome.UNDECIDED: "Chưa quyết định",
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil's place in a class of the old year, as the register has it; `promotion` is that of a stored result."""

    student_id: StudentId
    full_name: str
    student_code: str
    class_id: ClassId
    registry_no: str | None
    promotion: str | None = None
    is_confirmed: bool = False


class NextClass(msgspec.Struct, frozen=True, kw_only=True):
    """A class of the next year: there already, or to be opened; `comes_from` is the old class that becomes it, or, in
    the first grade of a level, the old class of that name."""

    name: str
    grade: int
    class_id: ClassId | None
    comes_from: ClassSummary | None


class PupilMove(msgspec.Struct, frozen=True, kw_only=True):
    """Where one pupil goes: `target` is the class of the next year, `grades` those that may be chosen for them.

    `reason` says why nothing is decided; `placed` is the class of the next year in which they are already.
    """

    place: Place
    outcome: Outcome
    grades: tuple[int, ...]
    target: str | None
    reason: str
    placed: str | None

    @property
    def is_decided(self) -> bool:
        """Whether applying gives the pupil a place in the next year."""
        return self.placed is None and self.target is not None


class ClassMove(msgspec.Struct, frozen=True, kw_only=True):
    """One class of the old year with its pupils; `becomes` is the class of the next year, "" for a last grade."""

    school_class: ClassSummary
    becomes: str
    pupils: tuple[PupilMove, ...]

    @property
    def waits_for(self) -> str:
        """The reason why nobody of the class is decided, where it is one and the same; else ""."""
        reasons = {one.reason if one.outcome is Outcome.UNDECIDED else "" for one in self.pupils}
        return next(iter(reasons)) if len(reasons) == 1 and len(self.pupils) > 1 else ""

    def count(self, outcome: Outcome) -> int:
        """How many pupils have this outcome."""
        return sum(one.outcome is outcome for one in self.pupils)


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of rolling over, seen before it is done. `basis` is another whenever anything in it is another."""

    year: YearSummary
    next_year: YearSummary | None
    classes: tuple[ClassMove, ...]
    targets: tuple[NextClass, ...]
    applied_at: datetime | None
    basis: str

    @property
    def pupils(self) -> list[PupilMove]:
        """Everybody, class by class."""
        return [pupil for one in self.classes for pupil in one.pupils]

    def targets_for(self, pupil: PupilMove) -> list[str]:
        """Names of the classes that may be chosen for a pupil."""
        return [one.name for one in self.targets if one.grade in pupil.grades]


class Rollover(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a rolling over: the classes that it opened, and the targets that somebody chose by pupil."""

    id: uuid.UUID
    applied_at: datetime | None
    opened: tuple[uuid.UUID, ...]
    chosen: dict[uuid.UUID, str]
