"""The assessment rules as pure functions: a pupil-year and a policy in, results with their reasons out."""

from backend.records.assessment.rules.circular_22_2021 import assess_secondary
from backend.records.assessment.rules.circular_27_2020 import assess_primary, due_for_supplement
from backend.records.assessment.rules.marks import read_mark, read_test, write_mark
from backend.records.assessment.schemas import PupilYear, Result, SecondaryYear
from backend.records.regulations.schemas import Policy

__all__ = ["DEFAULT_POLICY", "assess", "due_for_supplement", "read_mark", "read_test", "write_mark"]

DEFAULT_POLICY = Policy()


def assess(pupil_year: PupilYear, policy: Policy = DEFAULT_POLICY) -> Result:
    """Apply the circular that the pupil-year names.

    Raises InvalidPupilYear where the input is not acceptable.
    """
    if isinstance(pupil_year, SecondaryYear):
        return assess_secondary(pupil_year, policy)
    return assess_primary(pupil_year, policy)
