"""Thông tư 27/2020/TT-BGDĐT: one pupil-year of primary school → year level, completion, promotion, award."""

from typing import NamedTuple

import msgspec

from backend.records.assessment.rules.codes import check_codes
from backend.records.assessment.rules.counting import counts
from backend.records.assessment.rules.explain_27 import explain
from backend.records.assessment.rules.marks import read_test
from backend.records.assessment.rules.year_level_27 import (
    LAST_GRADE,
    PrimaryFacts,
    Supplemented,
    supplemented,
    year_level,
)
from backend.records.assessment.schemas import (
    InvalidPupilYear,
    PrimaryResult,
    PrimarySubject,
    PrimaryYear,
    Promotion,
    Recognition,
    Title,
    YearLevel,
)
from backend.records.regulations.schemas import Policy
from backend.records.roster.curriculum import (
    GradeSubject,
    Kind,
    find_subject,
    subjects_of,
    traits_of,
)

_MID_TERM = ("mid_s1", "mid_s2")
_END_TERM = ("end_s1", "year_end")


class _Tested(NamedTuple):
    """One subject with the mark of its year-end test, if it has one."""

    subject: PrimarySubject
    test: int | None
    missing: tuple[str, ...]


def assess_primary(pupil_year: PrimaryYear, policy: Policy) -> PrimaryResult:
    """Apply TT27/2020.

    Raises InvalidPupilYear; what is missing leaves the year level None, never Chưa hoàn thành.
    """
    _check(pupil_year)
    facts = _facts(pupil_year, policy)
    level = _level(facts)
    later = supplemented(facts, pupil_year, level)
    reached = later.level or level
    completed = reached not in (None, YearLevel.NOT_COMPLETED)
    title = _title(level, facts.recognition)
    return PrimaryResult(
        year_level=level,
        class_completed=completed,
        programme_completed=completed and pupil_year.grade == LAST_GRADE,
        promotion=_promotion(reached, later),
        title=title,
        missing=facts.missing,
        reasons=tuple(explain(facts, level, title, later)),
        after_supplement=later.level or msgspec.UNSET,
    )


def due_for_supplement(pupil_year: PrimaryYear, policy: Policy) -> tuple[str, ...]:
    """What keeps a pupil from Hoàn thành and is assessed again (Đ.11.1.b), as paths; nothing while the year is open."""
    facts = _facts(pupil_year, policy)
    return supplemented(facts, pupil_year, _level(facts)).items


def _level(facts: PrimaryFacts) -> YearLevel | None:
    if facts.missing:
        return None
    return year_level(facts.subjects.values(), facts.traits.values(), facts.tests.values())


def _check(pupil_year: PrimaryYear) -> None:
    if not 1 <= pupil_year.grade <= LAST_GRADE:
        raise InvalidPupilYear(
            "grade", "Thông tư 27/2020 áp dụng cho lớp 1 đến lớp 5; xin kiểm tra lại khối lớp."
        )
    check_codes("subjects", "Môn", (subject.code for subject in pupil_year.subjects))
    check_codes("traits", "Phẩm chất, năng lực", (trait.code for trait in pupil_year.traits))


def _facts(pupil_year: PrimaryYear, policy: Policy) -> PrimaryFacts:
    # What does not count is checked all the same.
    checked = [_tested(subject, pupil_year.grade, policy) for subject in pupil_year.subjects]
    tested = [
        one
        for one in checked
        if not one.subject.exempt
        and counts(one.subject, find_subject(pupil_year.grade, one.subject.code), policy)
    ]
    missing = [path for one in tested for path in one.missing]
    missing += [f"traits.{trait.code}.level" for trait in pupil_year.traits if trait.level is None]
    missing += ["subjects"] if not tested else []
    missing += ["traits"] if not pupil_year.traits else []
    missing += _absent(pupil_year) if policy.complete_curriculum else []
    return PrimaryFacts(
        grade=pupil_year.grade,
        subjects={one.subject.code: one.subject.level for one in tested if one.subject.level},
        traits={trait.code: trait.level for trait in pupil_year.traits if trait.level},
        tests={one.subject.code: one.test for one in tested if one.test is not None},
        recognition=pupil_year.recognition or Recognition(),
        missing=tuple(missing),
    )


def _tested(subject: PrimarySubject, grade: int, policy: Policy) -> _Tested:
    found = find_subject(grade, subject.code)
    missing = [f"subjects.{subject.code}.level"] if subject.level is None else []
    marks = _read_tests(subject, found, grade, policy)
    test = marks.get("year_end")
    if found and found.year_end_test and test is None:
        missing.append(f"subjects.{subject.code}.tests.year_end")
    return _Tested(subject, test, tuple(missing))


def _read_tests(
    subject: PrimarySubject, found: GradeSubject | None, grade: int, policy: Policy
) -> dict[str, int | None]:
    """The mark that counts of every periodic test (Đ.7.1.b): of the last attempt, None while it is open."""
    marks = {}
    name = found.name if found else subject.code
    for period, attempts in (subject.tests or {}).items():
        path = f"subjects.{subject.code}.tests.{period}"
        _refuse_test(period, found, bool(attempts), grade, path, name)
        read = [None if mark is None else read_test(mark, path, name) for mark in attempts]
        last = read[-1] if read else None
        marks[period] = None if last == 0 and not policy.primary_zero_allowed else last
    return marks


def _refuse_test(
    period: str, found: GradeSubject | None, has_attempts: bool, grade: int, path: str, name: str
) -> None:
    """Đ.7.1.b lists all periodic tests; others do not exist.

    A subject that we do not know may have end-term tests.
    """
    if period not in _MID_TERM + _END_TERM:
        raise InvalidPupilYear(
            path, f"{name}: không có kì kiểm tra “{period[:20]}”; xin dùng end_s1 hoặc year_end."
        )
    if not has_attempts:
        return
    if period in _MID_TERM and not (found and found.mid_term_test):
        raise InvalidPupilYear(
            path,
            f"{name} lớp {grade} không có bài kiểm tra giữa học kì: chỉ Tiếng Việt và Toán lớp 4, lớp "
            "5 có bài này.",
        )
    if period in _END_TERM and found and not found.year_end_test:
        raise InvalidPupilYear(path, f"{name} lớp {grade} không có bài kiểm tra định kì; xin bỏ điểm này.")


def _absent(pupil_year: PrimaryYear) -> list[str]:
    given = {subject.code for subject in pupil_year.subjects}
    compulsory = (one.code for one in subjects_of(pupil_year.grade) if one.kind is Kind.COMPULSORY)
    absent = [f"subjects.{code}" for code in compulsory if code not in given]
    traits = {trait.code for trait in pupil_year.traits}
    return absent + [
        f"traits.{trait.code}" for trait in traits_of(pupil_year.grade) if trait.code not in traits
    ]


def _promotion(reached: YearLevel | None, later: Supplemented) -> Promotion:
    """Đ.11: Chưa hoàn thành leads to guidance and additional assessment; after that the principal decides."""
    if reached is None:
        return Promotion.PENDING
    if reached is not YearLevel.NOT_COMPLETED:
        return Promotion.PROMOTED
    return Promotion(later.decided.value) if later.decided else Promotion.SUPPLEMENTARY


def _title(level: YearLevel | None, recognition: Recognition) -> Title | None:
    """Đ.13.1.a."""
    if level is YearLevel.EXCELLENT:
        return Title.EXCELLENT
    achieved = recognition.outstanding_subject or recognition.clear_progress
    return Title.EXEMPLARY if level is YearLevel.GOOD and achieved and recognition.class_agrees else None
