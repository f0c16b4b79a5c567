"""TT22/2021 Đ.9.1: marks of one subject → its results in each term and in the year."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from backend.records.assessment.rules.counting import counts
from backend.records.assessment.rules.marks import (
    USUAL_COMMENTS,
    USUAL_MARKS,
    read_comment,
    read_mark,
    term_average,
    write_mark,
    year_average,
)
from backend.records.assessment.schemas import (
    InvalidPupilYear,
    Level,
    SecondarySubject,
    SubjectResult,
    TermMarks,
)
from backend.records.regulations.schemas import Policy
from backend.records.roster.curriculum import AssessedBy, find_subject, regular_marks

#: A subject's result: tenths where it has marks, PASS or FAIL where it is assessed by comment.
Value = int | Level


class Assessed(NamedTuple):
    """One subject with its results; None where something is missing."""

    code: str
    name: str
    scored: bool
    counted: bool
    term1: Value | None = None
    term2: Value | None = None
    year: Value | None = None
    final: Value | None = None
    reassessed: bool = False
    missing: tuple[str, ...] = ()

    def written(self) -> SubjectResult:
        """The subject's part of the contract's output."""
        return SubjectResult(
            term1=_written(self.term1),
            term2=_written(self.term2),
            year=_written(self.year),
            final=_written(self.final),
        )


class _Mode(NamedTuple):
    """One of the two ways of assessing (TT22 Đ.5)."""

    read: Callable[[str, str, str], Value]
    #: usual spelling → value; whatever is not in it goes through `read`
    usual: Mapping[str | None, Value]
    combine: Callable[[Sequence[Any], Any, Any], Value]
    #: the field of a recorded result, and the one that belongs to the other mode
    recorded: str
    foreign: str
    refusal: str


def _all_passed(regular: Sequence[Level], midterm: Level, final: Level) -> Level:
    """Đ.9.1.a: Đạt when every required assessment is there and is Đạt."""
    return Level.FAIL if Level.FAIL in (*regular, midterm, final) else Level.PASS


_SCORE = _Mode(
    read_mark,
    USUAL_MARKS,
    term_average,
    "average",
    "result",
    "môn đánh giá bằng điểm số ghi điểm trung bình, không ghi Đ hay CĐ.",
)
_COMMENT = _Mode(
    read_comment,
    USUAL_COMMENTS,
    _all_passed,
    "result",
    "average",
    "môn đánh giá bằng nhận xét ghi Đ hoặc CĐ, không có điểm trung bình.",
)


def assess_subject(subject: SecondarySubject, grade: int, policy: Policy) -> Assessed:
    """Results of one subject.

    An exempt subject has none, though what is entered for it is checked. Raises InvalidPupilYear for marks that
    cannot be.
    """
    found = find_subject(grade, subject.code)
    name = found.name if found else subject.code
    scored = subject.assessed_by is AssessedBy.SCORE
    mode = _SCORE if scored else _COMMENT
    if subject.topic is not None:
        mode.read(subject.topic, f"subjects.{subject.code}.topic", name)
    if subject.exempt:
        _check_marks(subject, mode, name)
        return Assessed(subject.code, name, scored, counted=False)
    missing: list[str] = []
    places = _usual_places(subject)
    term1 = _complete(subject.term1, places, mode)
    if term1 is None:
        term1 = _look_closer(subject, subject.term1, 1, mode, name, policy, missing)
    term2 = _complete(subject.term2, places, mode)
    if term2 is None:
        term2 = _look_closer(subject, subject.term2, 2, mode, name, policy, missing)
    year = final = _year(term1, term2)
    if subject.reassessed is not None:
        final = mode.read(subject.reassessed, f"subjects.{subject.code}.reassessed", name)
        final = _better(year, final) if policy.better_of_reassessment else final
    counted = counts(subject, found, policy)
    again = subject.reassessed is not None
    return Assessed(subject.code, name, scored, counted, term1, term2, year, final, again, tuple(missing))


def _check_marks(subject: SecondarySubject, mode: _Mode, name: str) -> None:
    """Raise InvalidPupilYear for a mark or result that cannot be."""
    for number, term in ((1, subject.term1), (2, subject.term2)):
        if term is not None:
            path = f"subjects.{subject.code}.term{number}"
            _refuse_foreign(term, path, mode, name)
            given = [("regular", mark) for mark in term.regular]
            given += [(field, getattr(term, field)) for field in ("midterm", "final", mode.recorded)]
            for field, mark in given:
                if isinstance(mark, str):
                    mode.read(mark, f"{path}.{field}", name)
    if subject.reassessed is not None:
        mode.read(subject.reassessed, f"subjects.{subject.code}.reassessed", name)


def _refuse_foreign(term: TermMarks, path: str, mode: _Mode, name: str) -> None:
    if getattr(term, mode.foreign) not in (None, msgspec.UNSET):
        raise InvalidPupilYear(f"{path}.{mode.foreign}", f"{name}: {mode.refusal}")


def _year(term1: Value | None, term2: Value | None) -> Value | None:
    """Đ.9.1: a comment subject's year is its second term; a scored one's is ĐTBmcn."""
    if isinstance(term2, Level):
        return term2
    if isinstance(term1, int) and isinstance(term2, int):
        return year_average(term1, term2)
    return None


def _better(year: Value | None, again: Value) -> Value:
    if isinstance(year, int) and isinstance(again, int):
        return max(year, again)
    return Level.PASS if Level.PASS in (year, again) else again


def _usual_places(subject: SecondarySubject) -> int:
    """The number of regular assessments, or -1 where a chuyên đề or missing lessons need a closer look."""
    if subject.topic is not None or subject.lessons_per_year is None:
        return -1
    return regular_marks(subject.assessed_by, subject.lessons_per_year)


def _complete(term: TermMarks | None, places: int, mode: _Mode) -> Value | None:
    """The result of a term that has all its marks in their usual spelling, as nearly all have; else None."""
    if term is None or len(term.regular) != places:
        return None
    if term.average is not msgspec.UNSET or term.result is not msgspec.UNSET:
        return None
    usual = mode.usual
    try:
        return mode.combine([usual[mark] for mark in term.regular], usual[term.midterm], usual[term.final])
    except KeyError:
        return None


def _look_closer(
    subject: SecondarySubject,
    term: TermMarks | None,
    number: int,
    mode: _Mode,
    name: str,
    policy: Policy,
    missing: list[str],
) -> Value | None:
    """Any other term: recorded elsewhere, with a chuyên đề, incomplete, oddly spelt or wrong."""
    path = f"subjects.{subject.code}.term{number}"
    if term is None:
        missing += (f"{path}.regular", f"{path}.midterm", f"{path}.final")
        return None
    _refuse_foreign(term, path, mode, name)
    recorded = getattr(term, mode.recorded)
    if recorded is not msgspec.UNSET and (recorded is not None or not _has_marks(term)):
        return _recorded(recorded, term, f"{path}.{mode.recorded}", mode, name, missing)
    topic = subject.topic if number in policy.topic_terms else None
    places = _places(subject, name) - (topic is not None and not policy.topic_is_extra_mark)
    return _from_marks(term, topic, places, path, mode, name, missing)


def _has_marks(term: TermMarks) -> bool:
    return any(mark is not None for mark in (*term.regular, term.midterm, term.final))


def _recorded(
    recorded: str | None, term: TermMarks, path: str, mode: _Mode, name: str, missing: list[str]
) -> Value | None:
    """The result that another school recorded."""
    if recorded is None:
        missing.append(path)
        return None
    if _has_marks(term):
        raise InvalidPupilYear(
            path, f"{name}: chỉ ghi các điểm thành phần hoặc kết quả học kì đã có, không ghi cả hai."
        )
    return mode.read(recorded, path, name)


def _places(subject: SecondarySubject, name: str) -> int:
    """How many regular assessments the term has (Đ.6.2.b)."""
    if subject.assessed_by is AssessedBy.SCORE and subject.lessons_per_year is None:
        raise InvalidPupilYear(
            f"subjects.{subject.code}.lessons_per_year",
            f"{name}: thiếu số tiết cả năm nên chưa biết số lần đánh giá thường xuyên; xin bổ sung.",
        )
    return regular_marks(subject.assessed_by, subject.lessons_per_year or 0)


def _from_marks(
    term: TermMarks, topic: str | None, places: int, path: str, mode: _Mode, name: str, missing: list[str]
) -> Value | None:
    """The term's result from its marks, or None with the missing ones noted.

    Every mark is checked either way.
    """
    if len(term.regular) > places:
        raise InvalidPupilYear(
            f"{path}.regular",
            f"{name}: có {len(term.regular)} lần đánh giá thường xuyên, nhiều hơn {places} lần theo "
            "quy định.",
        )
    regular_path, known = f"{path}.regular", len(missing)
    regular = [mode.read(mark, regular_path, name) for mark in term.regular if mark is not None]
    if len(regular) < places:
        missing.append(regular_path)
    if topic is not None:
        regular.append(mode.read(topic, f"{path.rpartition('.')[0]}.topic", name))
    midterm = _read_one(term.midterm, f"{path}.midterm", mode, name, missing)
    final = _read_one(term.final, f"{path}.final", mode, name, missing)
    return mode.combine(regular, midterm, final) if len(missing) == known else None


def _read_one(mark: str | None, path: str, mode: _Mode, name: str, missing: list[str]) -> Value | None:
    if mark is None:
        missing.append(path)
        return None
    return mode.read(mark, path, name)


def _written(value: Value | None) -> str | None:
    return write_mark(value) if isinstance(value, int) else value
