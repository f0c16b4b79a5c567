"""Which rules a pupil-year is judged by: editions of the circulars, chosen by school year and grade.

An edition is never changed once results stand on it: when a circular is amended, another edition is added with the
school year from which it holds, and the one before gets its last year. A stored result names its edition.
"""

from collections.abc import Mapping
from typing import NamedTuple

from backend.records.assessment.schemas import Circular, InvalidPupilYear


class RuleSet(NamedTuple):
    """One edition of a circular. Years are those in which a school year starts: 2025 for 2025-2026."""

    name: str
    circular: Circular
    title: str
    #: grade → first school year; a circular brings its grades in one after another
    first_years: Mapping[int, int]
    last_year: int | None = None

    def holds(self, start_year: int, grade: int) -> bool:
        """Whether a grade is judged by this edition in a school year."""
        first = self.first_years.get(grade)
        return (
            first is not None
            and first <= start_year
            and (self.last_year is None or start_year <= self.last_year)
        )


#: All editions that were ever used. TT27 Đ.20 and TT22 Đ.21 say from which year each grade follows.
RULE_SETS = (
    RuleSet(
        name="TT27/2020-1",
        circular=Circular.PRIMARY,
        title="Thông tư 27/2020/TT-BGDĐT",
        first_years={1: 2020, 2: 2021, 3: 2022, 4: 2023, 5: 2024},
    ),
    RuleSet(
        name="TT22/2021-1",
        circular=Circular.SECONDARY,
        title="Thông tư 22/2021/TT-BGDĐT",
        first_years={6: 2021, 7: 2022, 8: 2023, 9: 2024, 10: 2022, 11: 2023, 12: 2024},
    ),
)
_BY_NAME = {one.name: one for one in RULE_SETS}


def rule_set_for(start_year: int, grade: int) -> RuleSet:
    """The rules of a grade in a school year.

    Raises InvalidPupilYear for school years before them and for grades outside 1–12.
    """
    for one in RULE_SETS:
        if one.holds(start_year, grade):
            return one
    raise InvalidPupilYear(
        "grade",
        f"Chưa có quy định đánh giá cho lớp {grade} năm học {start_year}-{start_year + 1} trong hệ thống.",
    )


def rule_set_named(name: str) -> RuleSet | None:
    """The edition that a stored result names; None for one that is not known."""
    return _BY_NAME.get(name)
