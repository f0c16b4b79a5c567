"""A year of a received học bạ in lines, as a year at another school is kept. Pure."""

from collections.abc import Iterator

from backend.records.assessment.schemas import (
    LEVEL_NAMES,
    PROMOTION_NAMES,
    SUBJECT_LEVEL_NAMES,
    TRAIT_LEVEL_NAMES,
    YEAR_LEVEL_NAMES,
    Level,
    Promotion,
    SubjectLevel,
    TraitLevel,
    YearLevel,
)
from backend.records.transcripts.schemas import PrimaryResults, SecondaryResults, Year


def lines(year: Year) -> list[str]:
    """One line per subject, then what the year came to."""
    results = year.results
    found = _primary(results) if isinstance(results, PrimaryResults) else _secondary(results)
    return [*found, *([f"Khen thưởng: {results.award}"] if results.award else [])]


def _primary(results: PrimaryResults) -> Iterator[str]:
    for subject in results.subjects:
        level = SUBJECT_LEVEL_NAMES[SubjectLevel(subject.level.value)] if subject.level else ""
        yield _line(subject.name, level, f"kiểm tra {subject.test_mark}" if subject.test_mark else "")
    for trait in results.traits:
        yield _line(trait.name, TRAIT_LEVEL_NAMES[TraitLevel(trait.level.value)] if trait.level else "")
    if results.year_level:
        yield _line("Kết quả giáo dục", YEAR_LEVEL_NAMES[YearLevel(results.year_level.value)])
    yield _line("Kết luận", PROMOTION_NAMES[Promotion(results.promotion.value)])


def _secondary(results: SecondaryResults) -> Iterator[str]:
    for subject in results.subjects:
        marks = {
            "HKI": subject.term1,
            "HKII": subject.term2,
            "cả năm": subject.year,
            "sau đánh giá lại": subject.reassessed,
        }
        known = [f"{name} {mark.replace('.', ',')}" for name, mark in marks.items() if mark]
        yield _line(subject.name, "miễn" if subject.exempt else "", *known)
    learning = results.learning.after_reassessment or results.learning.year
    conduct = results.conduct.after_summer or results.conduct.year
    for name, level in (("Kết quả học tập", learning), ("Kết quả rèn luyện", conduct)):
        if level:
            yield _line(name, LEVEL_NAMES[Level(level.value)])
    yield _line("Kết luận", PROMOTION_NAMES[Promotion(results.promotion.value)])


def _line(name: str, *said: str) -> str:
    return f"{name}: {', '.join(one for one in said if one) or '—'}"
