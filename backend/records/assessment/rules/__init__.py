"""The assessment rules as pure functions: a pupil-year and a policy in, results with their reasons out."""

from backend.records.assessment.rules.circular_22_2021 import assess_secondary
from backend.records.assessment.rules.circular_27_2020 import assess_primary
from backend.records.assessment.schemas import (
    Circular,
    InvalidPupilYear,
    Policy,
    PupilYear,
    Result,
    SecondaryYear,
)

DEFAULT_POLICY = Policy()

#: First school year (by the year in which it starts) in which each grade follows its circular.
_IN_FORCE = {
    Circular.PRIMARY: {1: 2020, 2: 2021, 3: 2022, 4: 2023, 5: 2024},
    Circular.SECONDARY: {6: 2021, 7: 2022, 8: 2023, 9: 2024, 10: 2022, 11: 2023, 12: 2024},
}


def circular_for(start_year: int, grade: int) -> Circular:
    """The circular of a grade in the school year that starts in `start_year` (2025 for 2025-2026).

    Both circulars bring the grades in one after another. Raises InvalidPupilYear for older school years and
    for grades outside 1–12.
    """
    for circular, first_years in _IN_FORCE.items():
        if grade in first_years and start_year >= first_years[grade]:
            return circular
    raise InvalidPupilYear(
        "grade",
        f"Chưa có quy định đánh giá cho lớp {grade} năm học {start_year}-{start_year + 1} trong hệ thống.",
    )


def assess(pupil_year: PupilYear, policy: Policy = DEFAULT_POLICY) -> Result:
    """Apply the circular that the pupil-year names.

    Raises InvalidPupilYear where the input is not acceptable.
    """
    if isinstance(pupil_year, SecondaryYear):
        return assess_secondary(pupil_year, policy)
    return assess_primary(pupil_year, policy)
