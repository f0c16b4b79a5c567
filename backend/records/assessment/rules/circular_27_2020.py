"""Thông tư 27/2020/TT-BGDĐT: one pupil-year of primary school → year level, completion, promotion, award."""

from collections.abc import Iterable
from typing import NamedTuple

from backend.records.assessment.rules.codes import check_codes
from backend.records.assessment.rules.explain_27 import LAST_GRADE, PrimaryFacts, explain
from backend.records.assessment.rules.marks import read_test
from backend.records.assessment.schemas import (
    InvalidPupilYear,
    Policy,
    PrimaryResult,
    PrimarySubject,
    PrimaryYear,
    Promotion,
    Recognition,
    SubjectLevel,
    Title,
    TraitLevel,
    YearLevel,
)
from backend.records.roster.curriculum import (
    GradeSubject,
    Kind,
    find_subject,
    subjects_of,
    traits_of,
)

#: Đ.9.2.a: (level, subjects allowed, traits allowed, lowest test mark).
_CONDITIONS = (
    (YearLevel.EXCELLENT, {SubjectLevel.COMPLETED_WELL}, {TraitLevel.GOOD}, 9),
    (YearLevel.GOOD, {SubjectLevel.COMPLETED_WELL}, {TraitLevel.GOOD}, 7),
    (
        YearLevel.COMPLETED,
        {SubjectLevel.COMPLETED_WELL, SubjectLevel.COMPLETED},
        {TraitLevel.GOOD, TraitLevel.ACHIEVED},
        5,
    ),
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
    level = (
        None
        if facts.missing
        else year_level(facts.subjects.values(), facts.traits.values(), facts.tests.values())
    )
    completed = level not in (None, YearLevel.NOT_COMPLETED)
    promotion = _promotion(level)
    title = _title(level, facts.recognition)
    return PrimaryResult(
        year_level=level,
        class_completed=completed,
        programme_completed=completed and pupil_year.grade == LAST_GRADE,
        promotion=promotion,
        title=title,
        missing=facts.missing,
        reasons=tuple(explain(facts, level, title)),
    )


def year_level(
    subjects: Iterable[SubjectLevel], traits: Iterable[TraitLevel], tests: Iterable[int]
) -> YearLevel:
    """Đ.9.2.a: the first level whose conditions hold for all subjects, traits and year-end tests."""
    subject_levels, trait_levels, lowest = set(subjects), set(traits), min(tests, default=10)
    for level, subjects_allowed, traits_allowed, lowest_allowed in _CONDITIONS:
        if subject_levels <= subjects_allowed and trait_levels <= traits_allowed and lowest >= lowest_allowed:
            return level
    return YearLevel.NOT_COMPLETED


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
        one for one in checked if not one.subject.exempt and _counts(one.subject, pupil_year.grade, policy)
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


def _counts(subject: PrimarySubject, grade: int, policy: Policy) -> bool:
    if subject.counts is not None:
        return subject.counts
    found = find_subject(grade, subject.code)
    return policy.optional_subjects_count or found is None or found.kind is not Kind.OPTIONAL


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
        read = [None if mark is None else _read_one(mark, path, name, policy) for mark in attempts]
        marks[period] = read[-1] if read else None
    return marks


def _read_one(text: str, path: str, name: str, policy: Policy) -> int:
    mark = read_test(text, path, name)
    if mark == 0 and not policy.primary_zero_allowed:
        raise InvalidPupilYear(
            path, f"{name}: nhà trường không cho điểm 0 ở bài kiểm tra định kì; xin nhập từ 1 đến 10."
        )
    return mark


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


def _promotion(level: YearLevel | None) -> Promotion:
    """Đ.11: Chưa hoàn thành leads to guidance and additional assessment; after that the principal decides."""
    if level is None:
        return Promotion.PENDING
    return Promotion.SUPPLEMENTARY if level is YearLevel.NOT_COMPLETED else Promotion.PROMOTED


def _title(level: YearLevel | None, recognition: Recognition) -> Title | None:
    """Đ.13.1.a."""
    if level is YearLevel.EXCELLENT:
        return Title.EXCELLENT
    achieved = recognition.outstanding_subject or recognition.clear_progress
    return Title.EXEMPLARY if level is YearLevel.GOOD and achieved and recognition.class_agrees else None
