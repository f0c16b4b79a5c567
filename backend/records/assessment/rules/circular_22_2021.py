"""Thông tư 22/2021/TT-BGDĐT: one pupil-year of lower or upper secondary school → levels, promotion, title."""

from collections.abc import Callable, Iterable
from operator import attrgetter

from backend.records.assessment.rules.codes import check_codes
from backend.records.assessment.rules.explain_22 import explain
from backend.records.assessment.rules.learning import SUBJECTS_NEEDED, Outcome, learning_outcome
from backend.records.assessment.rules.subject_results import Assessed, Value, assess_subject
from backend.records.assessment.rules.year_facts import ABSENCES_ALLOWED, YearFacts, is_weak
from backend.records.assessment.schemas import (
    Absences,
    Conduct,
    ConductResult,
    InvalidPupilYear,
    Learning,
    LearningResult,
    Level,
    Promotion,
    SecondaryResult,
    SecondaryYear,
    Title,
)
from backend.records.regulations.schemas import Policy
from backend.records.roster.curriculum import ELECTIVES_CHOSEN, Kind, subjects_of

#: Đ.8.2.b: term I → term II → year.
_YEAR_CONDUCT = {
    Level.GOOD: {
        Level.GOOD: Level.GOOD,
        Level.FAIR: Level.FAIR,
        Level.PASS: Level.FAIR,
        Level.FAIL: Level.FAIL,
    },
    Level.FAIR: {
        Level.GOOD: Level.GOOD,
        Level.FAIR: Level.FAIR,
        Level.PASS: Level.PASS,
        Level.FAIL: Level.FAIL,
    },
    Level.PASS: {
        Level.GOOD: Level.FAIR,
        Level.FAIR: Level.FAIR,
        Level.PASS: Level.PASS,
        Level.FAIL: Level.FAIL,
    },
    Level.FAIL: {
        Level.GOOD: Level.FAIR,
        Level.FAIR: Level.PASS,
        Level.PASS: Level.PASS,
        Level.FAIL: Level.FAIL,
    },
}


def assess_secondary(pupil_year: SecondaryYear, policy: Policy) -> SecondaryResult:
    """Apply TT22/2021.

    Raises InvalidPupilYear; what is missing makes results None, never zero or Chưa đạt.
    """
    _check(pupil_year)
    facts = _year_facts(pupil_year, policy)
    promotion = _promotion(facts)
    title = None if promotion is Promotion.PENDING else _title(facts)
    return SecondaryResult(
        subjects={subject.code: subject.written() for subject in facts.assessed},
        learning=Learning(
            term1=_written(facts.term1), term2=_written(facts.term2), year=_written(facts.year)
        ),
        learning_after_reassessment=_written(facts.after) if facts.was_reassessed else None,
        conduct=ConductResult(year=facts.conduct, after_summer=facts.conduct_after),
        promotion=promotion,
        reassess=facts.open_subjects,
        title=title,
        missing=facts.missing,
        reasons=tuple(explain(facts, promotion, title)),
    )


def year_conduct(term1: Level | None, term2: Level | None) -> Level | None:
    """Kết quả rèn luyện of the year (Đ.8.2.b), None while a term is missing."""
    return _YEAR_CONDUCT[term1][term2] if term1 and term2 else None


def _check(pupil_year: SecondaryYear) -> None:
    if not 6 <= pupil_year.grade <= 12:
        raise InvalidPupilYear(
            "grade", "Thông tư 22/2021 áp dụng cho lớp 6 đến lớp 12; xin kiểm tra lại khối lớp."
        )
    check_codes("subjects", "Môn", (subject.code for subject in pupil_year.subjects))
    for subject in pupil_year.subjects:
        if subject.lessons_per_year is not None and subject.lessons_per_year < 1:
            raise InvalidPupilYear(
                f"subjects.{subject.code}.lessons_per_year", "Số tiết cả năm phải là số nguyên dương."
            )
    absences = pupil_year.absences or Absences()
    for name, value in (("excused", absences.excused), ("unexcused", absences.unexcused)):
        if value is not None and value < 0:
            raise InvalidPupilYear(f"absences.{name}", "Số buổi nghỉ phải là số nguyên từ 0 trở lên.")


def _year_facts(pupil_year: SecondaryYear, policy: Policy) -> YearFacts:
    assessed = tuple([assess_subject(subject, pupil_year.grade, policy) for subject in pupil_year.subjects])
    absent = _absent_subjects(pupil_year, policy)
    counted = tuple([subject for subject in assessed if subject.counted])
    judged = () if absent else counted
    given = pupil_year.conduct or Conduct()
    conduct = year_conduct(given.term1, given.term2)
    again = any(subject.reassessed for subject in counted)
    facts = YearFacts(
        grade=pupil_year.grade,
        assessed=assessed,
        counted=counted,
        term1=_outcome(judged, attrgetter("term1"), policy),
        term2=_outcome(judged, attrgetter("term2"), policy),
        year=_outcome(judged, attrgetter("year"), policy),
        after=_outcome(judged, attrgetter("final"), policy) if again else None,
        conduct_terms=(given.term1, given.term2),
        conduct=conduct,
        conduct_summer=given.after_summer,
        # Đ.13 replaces a year's Chưa đạt; nobody else trains in the summer
        conduct_after=given.after_summer if conduct is Level.FAIL else None,
        may_recover=policy.both_failed_may_recover,
        absences=_absences(pupil_year.absences),
        open_subjects=(),
        missing=absent + _missing(pupil_year, counted),
    )
    return facts._replace(open_subjects=_open_subjects(facts))


def _absent_subjects(pupil_year: SecondaryYear, policy: Policy) -> tuple[str, ...]:
    if not policy.complete_curriculum:
        return ()
    given = {subject.code for subject in pupil_year.subjects}
    compulsory = (one.code for one in subjects_of(pupil_year.grade) if one.kind is Kind.COMPULSORY)
    absent = tuple(f"subjects.{code}" for code in compulsory if code not in given)
    electives = {one.code for one in subjects_of(pupil_year.grade) if one.kind is Kind.ELECTIVE}
    if electives and len(electives & given) != ELECTIVES_CHOSEN:
        return (*absent, "electives")
    return absent


def _outcome(
    judged: Iterable[Assessed], result: Callable[[Assessed], Value | None], policy: Policy
) -> Outcome | None:
    values: dict[str, Value] = {}
    for subject in judged:
        value = result(subject)
        if value is None:
            return None
        values[subject.code] = value
    return learning_outcome(values, policy.adjustment) if values else None


def _missing(pupil_year: SecondaryYear, counted: Iterable[Assessed]) -> tuple[str, ...]:
    found = [path for subject in counted for path in subject.missing]
    if not counted:
        found.append("subjects")
    conduct = pupil_year.conduct or Conduct()
    found += [f"conduct.{term}" for term in ("term1", "term2") if getattr(conduct, term) is None]
    absences = pupil_year.absences
    if absences is None:
        found.append("absences")
    else:
        found += [f"absences.{kind}" for kind in ("excused", "unexcused") if getattr(absences, kind) is None]
    return tuple(found)


def _absences(absences: Absences | None) -> int | None:
    if absences is None or absences.excused is None or absences.unexcused is None:
        return None
    return absences.excused + absences.unexcused


def _open_subjects(facts: YearFacts) -> tuple[str, ...]:
    """Subjects in which the pupil may still be re-assessed (Đ.14): only where that can lead to promotion."""
    if facts.year is None or facts.year.level is not Level.FAIL:
        return ()
    conduct = facts.conduct_after or facts.conduct
    if facts.is_lost or conduct in (None, Level.FAIL) or (facts.absences or 0) > ABSENCES_ALLOWED:
        return ()
    if facts.learning is not Level.FAIL:
        return ()
    return tuple(
        subject.code for subject in facts.counted if is_weak(subject.year) and not subject.reassessed
    )


def _promotion(facts: YearFacts) -> Promotion:
    if facts.missing or facts.year is None or facts.conduct is None or facts.absences is None:
        return Promotion.PENDING
    learning, conduct = facts.learning, facts.conduct_after or facts.conduct
    if facts.absences > ABSENCES_ALLOWED or facts.is_lost:
        return Promotion.RETAINED
    if conduct is Level.FAIL:
        return Promotion.RETAINED if facts.conduct_after else Promotion.SUMMER_TRAINING
    if learning is Level.FAIL:
        return Promotion.REASSESSMENT if facts.open_subjects else Promotion.RETAINED
    return Promotion.PROMOTED


def _title(facts: YearFacts) -> Title | None:
    """Đ.15.1.a, from the year's own results: those of the summer count for promotion only."""
    if facts.year is None or facts.year.level is not Level.GOOD or facts.conduct is not Level.GOOD:
        return None
    return Title.EXCELLENT if facts.excellent_marks >= SUBJECTS_NEEDED else Title.VERY_GOOD


def _written(outcome: Outcome | None) -> LearningResult:
    if outcome is None:
        return LearningResult(base=None, level=None, adjusted_by=None)
    return LearningResult(base=outcome.base, level=outcome.level, adjusted_by=outcome.adjusted_by)
