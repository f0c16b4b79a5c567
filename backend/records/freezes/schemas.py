"""The words of freezing many classes at once."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.records.roster.schemas import ClassSummary

RunId = NewType("RunId", uuid.UUID)


class State(StrEnum):
    """How far one class of a run is: it waits for the machine, is done, or could not be frozen at all."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which classes of the newest year: one, those of a grade, or all of the school."""

    grade: int | None = None
    class_id: uuid.UUID | None = None

    def covers(self, one: ClassSummary) -> bool:
        """Whether a class is among them."""
        return self.class_id in (None, one.id) and self.grade in (None, one.grade_level)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil who could not be frozen with the others, and why, in a sentence."""

    name: str
    why: str


class ClassCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a class before its transcripts are frozen.

    `ready` would be frozen now, `frozen` are, `later` wait for a result after the summer. `obstacles` keep the class
    back; `doubts` keep nobody back, and are worth a look first, as is `unsigned`: who of its teachers could not sign.
    """

    class_id: uuid.UUID
    class_name: str
    grade_level: int
    students: int
    ready: int
    frozen: int
    later: int
    unconfirmed: int
    obstacles: tuple[str, ...]
    unsigned: str
    doubts: tuple[str, ...]


class CheckList(msgspec.Struct, frozen=True, kw_only=True):
    """The classes of a scope; `name` is what people call it, `doubts` say whether head and seal could sign."""

    academic_year: str
    scope: Scope
    name: str
    grades: tuple[int, ...]
    classes: tuple[ClassCheck, ...]
    doubts: tuple[str, ...]

    @property
    def ready(self) -> int:
        """How many transcripts would be frozen now."""
        return sum(one.ready for one in self.classes if not one.obstacles)


class ClassRun(msgspec.Struct, frozen=True, kw_only=True):
    """One class of a run, and how far its transcripts have come since.

    Of `standing` so many are rendered or further, out for signing, issued, accepted by the Authority or rejected by it.
    """

    class_id: uuid.UUID
    class_name: str
    state: State
    frozen: int
    left_out: tuple[LeftOut, ...]
    problem: str | None
    standing: int
    rendered: int
    signing: int
    issued: int
    accepted: int
    rejected: int


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Many classes that were frozen by one action; `stopped` is work of the school that waits for a person."""

    id: RunId
    asked_by: str
    asked_at: datetime
    classes: tuple[ClassRun, ...]
    stopped: int

    @property
    def standing(self) -> int:
        """Transcripts of these classes."""
        return sum(one.standing for one in self.classes)

    @property
    def accepted(self) -> int:
        """Those with which nothing is left to do."""
        return sum(one.accepted for one in self.classes)

    @property
    def rejected(self) -> int:
        """Those that the Authority has refused."""
        return sum(one.rejected for one in self.classes)

    @property
    def ended(self) -> bool:
        """Whether nothing moves any more."""
        return self.done == len(self.classes) and self.accepted + self.rejected == self.standing

    @property
    def done(self) -> int:
        """Classes that the machine has come to."""
        return sum(one.state is not State.WAITING for one in self.classes)

    @property
    def failed(self) -> int:
        """Classes that could not be frozen, or not completely."""
        return sum(one.state is State.REFUSED or bool(one.left_out) for one in self.classes)


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in a list."""

    id: RunId
    asked_by: str
    asked_at: datetime
    classes: int
    waiting: int
    frozen: int
