"""The words of planning: what a form asks of a subject, what stands against it, and what would follow."""

import uuid
from collections.abc import Mapping
from datetime import datetime

import msgspec

from backend.records.gradebook.schemas import Cell
from backend.records.plans.schemas import Choice, ClassChoices, ClassLanguages, Plan
from backend.records.roster.curriculum import GradeSubject
from backend.records.roster.schemas import ClassId, ClassSummary, StudentSummary, YearSummary

#: The code in an address of a subject that the school is about to add.
NEW = "moi"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed about a subject; `classes` are those that are to have it, `revision` what the writer saw."""

    taught: bool = True
    lessons: str = ""
    counts: bool = True
    topics: bool = False
    name: str = ""
    assessed_by: str = ""
    classes: frozenset[str] = frozenset()
    revision: int = 0


class GradeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the classes of a grade have of one subject.

    `having` have it; `marked` have written these cells of it, or had once; `touched` have handed in a sheet of it at some
    time; `closed` is a sheet of the grade that takes no marks any more, in words, "" while all are open.
    """

    classes: tuple[ClassSummary, ...]
    having: frozenset[ClassId]
    marked: Mapping[uuid.UUID, frozenset[Cell]]
    touched: frozenset[uuid.UUID]
    closed: str


class PlanLine(msgspec.Struct, frozen=True, kw_only=True):
    """One subject in the table of a grade: how it is, how many lessons the programme has, which classes have it."""

    subject: GradeSubject
    national_lessons: int | None
    classes: tuple[str, ...]


class GradePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a grade in a year."""

    year: YearSummary
    plan: Plan
    lines: tuple[PlanLine, ...]


class SubjectPlanView(msgspec.Struct, frozen=True, kw_only=True):
    """One subject for whoever changes it; `subject` is None for one that is about to be added."""

    year: YearSummary
    grade: int
    subject: GradeSubject | None
    national_lessons: int | None
    revision: int
    facts: GradeFacts


class PlanChange(msgspec.Struct, frozen=True, kw_only=True):
    """One earlier change of a grade's plan: who, when, what."""

    at: datetime
    who: str
    label: str
    details: Mapping[str, str | int | None]


class ClassElectives(msgspec.Struct, frozen=True, kw_only=True):
    """A class of grades 10–12, what it may choose from, and who takes what; `problems` name who has no four electives."""

    school_class: ClassSummary
    electives: tuple[GradeSubject, ...]
    clusters: tuple[GradeSubject, ...]
    choices: ClassChoices
    students: tuple[StudentSummary, ...]
    problems: tuple[str, ...]
    may_change: bool


class LanguageView(msgspec.Struct, frozen=True, kw_only=True):
    """A class, which of its subjects (code, name) are foreign languages, and who learns which."""

    school_class: ClassSummary
    subjects: tuple[tuple[str, str], ...]
    languages: ClassLanguages
    students: tuple[StudentSummary, ...]
    may_change: bool


class ChoiceMove(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, or the class (`student_id` None), who takes something else from now on."""

    student_id: uuid.UUID | None
    name: str
    old: Choice
    new: Choice
