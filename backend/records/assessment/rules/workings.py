"""The arithmetic of one subject as a teacher writes it: "(8 + 9 + 2 × 7 + 3 × 8) : 7 = 7,9"."""

from typing import NamedTuple

import msgspec

from backend.records.assessment.rules.marks import show_mark, term_average, usual_mark
from backend.records.assessment.schemas import (
    LEVEL_NAMES,
    Level,
    SecondarySubject,
    SubjectResult,
    TermMarks,
)
from backend.records.regulations.schemas import Policy
from backend.records.roster.curriculum import AssessedBy


class Workings(NamedTuple):
    """How each result of a subject came about; empty where it is not there yet."""

    term1: str = ""
    term2: str = ""
    year: str = ""


def workings(subject: SecondarySubject, result: SubjectResult, policy: Policy) -> Workings:
    """The arithmetic behind a subject's results (TT22 Đ.9.1)."""
    if subject.exempt:
        return Workings()
    return Workings(
        _term(subject, subject.term1, 1, result.term1, policy),
        _term(subject, subject.term2, 2, result.term2, policy),
        _year(subject, result),
    )


def shown(value: str | None) -> str:
    """A result of the contract as people read it: "7.9" → "7,9", "CĐ" → "Chưa đạt"."""
    if value is None:
        return "—"
    return LEVEL_NAMES[Level(value)] if value in LEVEL_NAMES else value.replace(".", ",")


def _term(
    subject: SecondarySubject, term: TermMarks | None, number: int, result: str | None, policy: Policy
) -> str:
    if term is None or result is None:
        return ""
    recorded = [one for one in (term.average, term.result) if one not in (None, msgspec.UNSET)]
    if recorded:
        return "kết quả đã ghi ở học bạ trường cũ"
    regular = [mark for mark in term.regular if mark is not None]
    if subject.topic is not None and number in policy.topic_terms:
        regular.append(subject.topic)
    if term.midterm is None or term.final is None:
        return ""
    if subject.assessed_by is AssessedBy.COMMENT:
        return f"{', '.join([*regular, term.midterm, term.final])}: {shown(result)}"
    tenths = [usual_mark(mark) for mark in regular]
    midterm, final = usual_mark(term.midterm), usual_mark(term.final)
    added = " + ".join(_short(mark) for mark in tenths)
    average = show_mark(term_average(tenths, midterm, final))
    return f"({added} + 2 × {_short(midterm)} + 3 × {_short(final)}) : {len(tenths) + 5} = {average}"


def _year(subject: SecondarySubject, result: SubjectResult) -> str:
    if result.year is None:
        return ""
    if subject.assessed_by is AssessedBy.COMMENT:
        return "lấy kết quả học kì II"
    return f"({shown(result.term1)} + 2 × {shown(result.term2)}) : 3 = {shown(result.year)}"


def _short(tenths: int) -> str:
    return show_mark(tenths).removesuffix(",0")
