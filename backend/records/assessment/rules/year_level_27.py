"""TT27/2020 Đ.9.2.a and Đ.11.1: levels and tests of a year → its level, and what additional assessment makes of it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from backend.records.assessment.rules.marks import read_test
from backend.records.assessment.schemas import (
    PrimaryYear,
    PrincipalDecision,
    Recognition,
    SubjectLevel,
    Supplement,
    TraitLevel,
    YearLevel,
)
from backend.records.roster.curriculum import subject_name

#: The last grade of primary school.
LAST_GRADE = 5
#: The lowest test mark of the level Hoàn thành.
LOWEST_COMPLETED = 5
#: Đ.9.2.a: (level, subjects allowed, traits allowed, lowest test mark).
_CONDITIONS = (
    (YearLevel.EXCELLENT, {SubjectLevel.COMPLETED_WELL}, {TraitLevel.GOOD}, 9),
    (YearLevel.GOOD, {SubjectLevel.COMPLETED_WELL}, {TraitLevel.GOOD}, 7),
    (
        YearLevel.COMPLETED,
        {SubjectLevel.COMPLETED_WELL, SubjectLevel.COMPLETED},
        {TraitLevel.GOOD, TraitLevel.ACHIEVED},
        LOWEST_COMPLETED,
    ),
)


class PrimaryFacts(NamedTuple):
    """One pupil-year of grades 1–5, worked out: code → level or mark of what counts and is there."""

    grade: int
    subjects: Mapping[str, SubjectLevel]
    traits: Mapping[str, TraitLevel]
    tests: Mapping[str, int]
    recognition: Recognition
    missing: tuple[str, ...]


class Supplemented(NamedTuple):
    """Additional assessment of a year that is Chưa hoàn thành. Paths as in `missing`."""

    #: what keeps the pupil from Hoàn thành
    items: tuple[str, ...] = ()
    #: what has been assessed again
    changed: Mapping[str, SubjectLevel | TraitLevel | int] = {}
    #: the level with it; None before everything in `items` has been assessed again
    level: YearLevel | None = None
    #: what the principal decided, where that is theirs to decide: still Chưa hoàn thành
    decided: PrincipalDecision | None = None


def year_level(
    subjects: Iterable[SubjectLevel], traits: Iterable[TraitLevel], tests: Iterable[int]
) -> YearLevel:
    """Đ.9.2.a: the first level whose conditions hold for all subjects, traits and year-end tests."""
    subject_levels, trait_levels, lowest = set(subjects), set(traits), min(tests, default=10)
    for level, subjects_allowed, traits_allowed, lowest_allowed in _CONDITIONS:
        if subject_levels <= subjects_allowed and trait_levels <= traits_allowed and lowest >= lowest_allowed:
            return level
    return YearLevel.NOT_COMPLETED


def supplemented(facts: PrimaryFacts, pupil_year: PrimaryYear, level: YearLevel | None) -> Supplemented:
    """What additional assessment makes of a year. What was never Chưa hoàn thành is not assessed again.

    Raises InvalidPupilYear for a mark that cannot be.
    """
    given = pupil_year.supplement or Supplement()
    tests = {
        code: read_test(mark, f"supplement.test_marks.{code}", subject_name(facts.grade, code))
        for code, mark in given.test_marks.items()
    }
    if level is not YearLevel.NOT_COMPLETED:
        return Supplemented()
    subjects = [code for code, one in facts.subjects.items() if one is SubjectLevel.NOT_COMPLETED]
    traits = [code for code, one in facts.traits.items() if one is TraitLevel.NEEDS_EFFORT]
    weak_tests = [code for code, mark in facts.tests.items() if mark < LOWEST_COMPLETED]
    items = (
        *(f"subjects.{code}.level" for code in subjects),
        *(f"subjects.{code}.tests.year_end" for code in weak_tests),
        *(f"traits.{code}.level" for code in traits),
    )
    new_levels = {code: given.levels[code] for code in subjects if code in given.levels}
    new_tests = {code: tests[code] for code in weak_tests if code in tests}
    new_traits = {code: given.trait_levels[code] for code in traits if code in given.trait_levels}
    changed: dict[str, SubjectLevel | TraitLevel | int] = {
        **{f"subjects.{code}.level": one for code, one in new_levels.items()},
        **{f"subjects.{code}.tests.year_end": mark for code, mark in new_tests.items()},
        **{f"traits.{code}.level": one for code, one in new_traits.items()},
    }
    if len(changed) < len(items):
        return Supplemented(items, changed)
    after = year_level(
        {**facts.subjects, **new_levels}.values(),
        {**facts.traits, **new_traits}.values(),
        {**facts.tests, **new_tests}.values(),
    )
    decided = pupil_year.principal if after is YearLevel.NOT_COMPLETED else None
    return Supplemented(items, changed, after, decided)
