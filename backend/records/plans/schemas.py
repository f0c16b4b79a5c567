"""The words of subject plans: what a school decides about a subject of a grade, and the plan that follows from it."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from backend.records.roster.curriculum import (
    TOPIC_SUBJECTS,
    AssessedBy,
    GradeSubject,
    Kind,
    find_subject,
    subjects_of,
)

#: From here on pupils choose subjects and chuyên đề clusters (TT32/2018).
FIRST_CHOOSING_GRADE = 10


_NOTHING: Mapping[str, "Decision"] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the school decided about one subject in one grade of one year.

    `name` and `assessed_by` are said of subjects of the school's own alone; `revision` counts the changes.
    """

    taught: bool
    lessons_per_year: int
    counts: bool
    topics: bool
    name: str | None = None
    assessed_by: AssessedBy | None = None
    revision: int = 0


def decided(grade: int, code: str, decision: Decision | None) -> GradeSubject | None:
    """A subject of a grade as the school has it; None where neither the programme nor the school knows the code."""
    national = find_subject(grade, code)
    if decision is None:
        return national
    if national is None:
        return GradeSubject(
            code=code,
            name=decision.name or code,
            grade=grade,
            lessons_per_year=decision.lessons_per_year,
            kind=Kind.OPTIONAL,
            assessed_by=decision.assessed_by or AssessedBy.COMMENT,
            taught=decision.taught,
            counts=False,
            own=True,
        )
    return msgspec.structs.replace(
        national,
        lessons_per_year=decision.lessons_per_year,
        taught=decision.taught,
        counts=decision.counts,
        topics=decision.topics,
    )


def may_have_topics(subject: GradeSubject) -> bool:
    """Whether the programme has chuyên đề for a subject of this grade (TT32/2018, TT13/2022: grades 10–12)."""
    return subject.grade >= FIRST_CHOOSING_GRADE and not subject.own and subject.code in TOPIC_SUBJECTS


def decision_in(row: Any) -> Decision | None:
    """The decision in a row of SQL that joins it, each field under its own name after `plan_`; None: there is none."""
    if row.plan_revision is None:
        return None
    return msgspec.convert(
        {name: getattr(row, f"plan_{name}") for name in Decision.__struct_fields__}, Decision
    )


class Plan(msgspec.Struct, frozen=True):
    """The subjects of one grade in one year: those of the programme in the forms' order, then the school's own."""

    grade: int
    subjects: tuple[GradeSubject, ...]

    def find(self, code: str) -> GradeSubject | None:
        """The subject with this code, taught or not."""
        return next((one for one in self.subjects if one.code == code), None)

    def name_of(self, code: str) -> str:
        """What people call a subject; the code itself where nobody knows it."""
        found = self.find(code)
        return found.name if found else code

    def chosen(self, codes: Collection[str]) -> list[GradeSubject]:
        """The subjects with these codes, in the plan's order."""
        return [one for one in self.subjects if one.code in codes]

    def offered(self, codes: Collection[str]) -> "Choice":
        """What pupils of a class that has these subjects may choose from: its electives, and clusters of its subjects."""
        here = self.chosen(codes)
        electives = frozenset(one.code for one in here if one.kind is Kind.ELECTIVE)
        return Choice(electives, frozenset(one.code for one in here if one.topics))

    def words_of(self, choice: "Choice") -> list[str]:
        """Subjects and clusters of a choice, as people call them."""
        subjects = [one.name for one in self.chosen(choice.electives)]
        return [*subjects, *(f"chuyên đề {one.name}" for one in self.chosen(choice.topics))]

    @property
    def has_choices(self) -> bool:
        """Whether pupils of this grade choose subjects."""
        return self.grade >= FIRST_CHOOSING_GRADE


class Plans(msgspec.Struct, frozen=True):
    """Every decision of a school: (year, grade) → code → decision."""

    decisions: Mapping[tuple[uuid.UUID, int], Mapping[str, Decision]]

    def of(self, year_id: uuid.UUID, grade: int) -> Plan:
        """The plan of a grade in a year; the programme's own where the school has decided nothing."""
        return plan(grade, self.decisions.get((year_id, grade), {}))

    def revision_of(self, year_id: uuid.UUID, grade: int, code: str) -> int:
        """How often a subject was decided about; 0: never."""
        found = self.decisions.get((year_id, grade), {}).get(code)
        return found.revision if found else 0


def plan(grade: int, decisions: Mapping[str, Decision] = _NOTHING) -> Plan:
    """The programme of a grade with what the school decided."""
    national = [one.code for one in subjects_of(grade)]
    codes = [*national, *sorted(decisions.keys() - set(national))]
    found: Iterable[GradeSubject | None] = (decided(grade, code, decisions.get(code)) for code in codes)
    return Plan(grade, tuple(one for one in found if one))


class Choice(msgspec.Struct, frozen=True):
    """Elective subjects and chuyên đề clusters, by the codes of their subjects."""

    electives: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()

    def __and__(self, other: "Choice") -> "Choice":
        return Choice(self.electives & other.electives, self.topics & other.topics)

    def __sub__(self, other: "Choice") -> "Choice":
        return Choice(self.electives - other.electives, self.topics - other.topics)


def usual_choice(grade: int, codes: Collection[str]) -> Choice:
    """What a class takes that has these subjects, as long as nobody has said it: every elective of them, no cluster."""
    national = (find_subject(grade, code) for code in codes)
    return Choice(frozenset(one.code for one in national if one and one.kind is Kind.ELECTIVE))


class ClassChoices(msgspec.Struct, frozen=True):
    """Who in a class takes which elective and cluster: the class's combination, and the pupils who differ from it."""

    combination: Choice
    pupils: Mapping[uuid.UUID, Choice]

    def of(self, student_id: uuid.UUID) -> Choice:
        """What a pupil takes."""
        return self.pupils.get(student_id, self.combination)

    def takes(self, student_id: uuid.UUID, subject: GradeSubject | None) -> bool:
        """Whether a subject is the pupil's: all but electives are everybody's."""
        if self is EVERYTHING or subject is None or subject.kind is not Kind.ELECTIVE:
            return True
        return subject.code in self.of(student_id).electives

    def not_taken(self, student_id: uuid.UUID, codes: Iterable[str], grade: int) -> frozenset[str]:
        """Which of these subjects of the programme are not the pupil's."""
        return frozenset(code for code in codes if not self.takes(student_id, find_subject(grade, code)))


#: Pupils who choose nothing: below grade 10.
EVERYTHING = ClassChoices(Choice(), {})


class Language(StrEnum):
    """A foreign language that has a programme as Ngoại ngữ 1 or 2 (TT32/2018; QĐ 712/QĐ-BGDĐT of 2021: Hàn, Đức)."""

    ENGLISH = "en"
    FRENCH = "fr"
    RUSSIAN = "ru"
    CHINESE = "zh"
    JAPANESE = "ja"
    KOREAN = "ko"
    GERMAN = "de"


LANGUAGE_NAMES = {
    Language.ENGLISH: "Tiếng Anh",
    Language.FRENCH: "Tiếng Pháp",
    Language.RUSSIAN: "Tiếng Nga",
    Language.CHINESE: "Tiếng Trung Quốc",
    Language.JAPANESE: "Tiếng Nhật",
    Language.KOREAN: "Tiếng Hàn",
    Language.GERMAN: "Tiếng Đức",
}
#: Subjects of which a học bạ says which language they are.
FOREIGN = ("NN1", "NN2")
#: What is learnt as long as nobody has said it; a second language is never guessed.
USUAL_LANGUAGES = {"NN1": Language.ENGLISH}

Languages = Mapping[str, Language]


class ClassLanguages(msgspec.Struct, frozen=True):
    """Which languages a class learns (code of the subject → language), and the pupils who learn others."""

    languages: Languages
    pupils: Mapping[uuid.UUID, Languages]

    def of_class(self) -> Languages:
        """What the class learns."""
        return USUAL_LANGUAGES | dict(self.languages)

    def of(self, student_id: uuid.UUID) -> Languages:
        """What a pupil learns."""
        return {**self.of_class(), **self.pupils.get(student_id, {})}
