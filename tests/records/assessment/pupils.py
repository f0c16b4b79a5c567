"""Pupil-years to assess, written as the contract's JSON objects."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from backend.records.assessment.rules import assess
from backend.records.assessment.schemas import PrimaryResult, PrimaryYear, SecondaryResult, SecondaryYear
from backend.records.regulations.schemas import Policy
from backend.records.roster.curriculum import TRAITS, Kind, subjects_of

Json = dict[str, Any]

SCORED = ("VAN", "TOAN", "NN1", "KHTN", "LSDL", "GDCD", "TIN", "CN", "NN2")
COMMENT = ("GDTC", "NT", "HDTNHN", "GDDP")


def scored(code: str, average: str, term1: str | None = None, **more: Any) -> Json:
    """A scored subject with recorded averages; without `term1` the year's average equals them."""
    return {
        "code": code,
        "assessed_by": "score",
        "lessons_per_year": 105,
        "term1": {"average": term1 or average},
        "term2": {"average": average},
        **more,
    }


def comment(code: str, result: str = "Đ", term1: str | None = None, **more: Any) -> Json:
    """A comment subject with recorded results."""
    return {
        "code": code,
        "assessed_by": "comment",
        "lessons_per_year": 70,
        "term1": {"result": term1 or result},
        "term2": {"result": result},
        **more,
    }


def marked(
    regular: Sequence[str | None], midterm: str | None, final: str | None, lessons: int = 140, **more: Any
) -> Json:
    """Toán with these marks in both terms."""
    term = {"regular": regular, "midterm": midterm, "final": final}
    return {
        "code": "TOAN",
        "assessed_by": "score",
        "lessons_per_year": lessons,
        "term1": term,
        "term2": term,
        **more,
    }


def secondary(
    subjects: Iterable[Json],
    conduct: tuple[str | None, str | None, str | None] = ("T", "T", None),
    absences: Mapping[str, int | None] | None = None,
    grade: int = 8,
) -> Json:
    """A pupil-year of TT22/2021."""
    return {
        "circular": "22/2021",
        "grade": grade,
        "subjects": list(subjects),
        "conduct": dict(zip(("term1", "term2", "after_summer"), conduct, strict=True)),
        "absences": {"excused": 3, "unexcused": 0} if absences is None else dict(absences),
    }


def averages(scores: Sequence[str], failed: int = 0) -> list[Json]:
    """Subjects with these averages, and four comment subjects of which the first `failed` are CĐ."""
    marks = [scored(code, score) for code, score in zip(SCORED, scores, strict=False)]
    return marks + [comment(code, "CĐ" if index < failed else "Đ") for index, code in enumerate(COMMENT)]


def primary(
    grade: int = 4,
    tests: str | Mapping[str, Sequence[str | None]] = "9",
    levels: Mapping[str, str | None] | None = None,
    traits: Mapping[str, str | None] | None = None,
    recognition: Mapping[str, bool] | None = None,
) -> Json:
    """A pupil-year of TT27/2020: all compulsory subjects and traits, T everywhere unless said otherwise."""
    subjects = []
    for one in subjects_of(grade):
        if one.kind is Kind.COMPULSORY:
            subject: Json = {"code": one.code, "level": (levels or {}).get(one.code, "T")}
            if one.year_end_test:
                attempts = [tests] if isinstance(tests, str) else tests.get(one.code, ["10"])
                subject["tests"] = {"year_end": list(attempts)}
            subjects.append(subject)
    return {
        "circular": "27/2020",
        "grade": grade,
        "subjects": subjects,
        "traits": [{"code": one.code, "level": (traits or {}).get(one.code, "T")} for one in TRAITS],
        "recognition": dict(recognition or {}),
    }


def assess_json(pupil_year: Json, policy: Policy | None = None) -> SecondaryResult:
    """Apply the rules to a TT22 pupil-year."""
    result = assess(msgspec.convert(pupil_year, SecondaryYear), policy or Policy())
    assert isinstance(result, SecondaryResult)
    return result


def assess_primary_json(pupil_year: Json, policy: Policy | None = None) -> PrimaryResult:
    """Apply the rules to a TT27 pupil-year."""
    result = assess(msgspec.convert(pupil_year, PrimaryYear), policy or Policy())
    assert isinstance(result, PrimaryResult)
    return result
