"""What is still to be said about a year after its results: re-assessment, training, help, decisions, recognition."""

import uuid

import msgspec

from backend.records.assessment.schemas import PupilResult
from backend.records.decisions.schemas import Decision, DecisionKey
from backend.records.roster.schemas import ClassSummary, StudentId


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a person decides about a pupil. `options`: value → label; empty where a mark is typed.

    `needs_reason`: the first word wants one, too; whatever changes or takes back an earlier word always does.
    """

    key: DecisionKey
    title: str
    article: str
    before: str
    options: dict[str, str]
    reason_label: str
    needs_reason: bool


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An item as one person sees it: what was said, by whom, and whether they may say it."""

    item: Item
    said: Decision | None
    said_by: str
    may_write: bool
    whose: str


class PupilEntries(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil with what is to be decided; `frozen`: a transcript of this year stands and does not change."""

    pupil: PupilResult
    entries: tuple[Entry, ...]
    frozen: bool


class ClassEntries(msgspec.Struct, frozen=True, kw_only=True):
    """A class after the year. `only`: whoever looks sees their own subjects, and no conclusions."""

    school_class: ClassSummary
    pupils: tuple[PupilEntries, ...]
    only: bool


class NewWord(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says: `value` empty takes back, `seen` is the revision that was on the page."""

    student_id: StudentId
    key: DecisionKey
    value: str
    reason: str
    seen: int


class ListedPupil(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list of the school."""

    result_id: uuid.UUID
    student_id: StudentId
    class_name: str
    class_id: uuid.UUID
    student_code: str
    full_name: str
    what: str
    now: str


class SchoolLists(msgspec.Struct, frozen=True, kw_only=True):
    """The lists that a school makes after a year (TT22 Đ.12–14, TT27 Đ.11); `year` is None while there are no classes.

    `undecided`: in the last class of a level, and nothing can be said about completion: data are missing, or the pupil is
    not assessed.
    """

    year: str | None
    reassessment: tuple[ListedPupil, ...]
    training: tuple[ListedPupil, ...]
    supplement: tuple[ListedPupil, ...]
    completed: tuple[ListedPupil, ...]
    not_completed: tuple[ListedPupil, ...]
    undecided: tuple[ListedPupil, ...]
