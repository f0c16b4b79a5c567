"""Codes of subjects and traits: there, usable in a path, and each only once."""

from collections.abc import Iterable

from backend.records.assessment.schemas import InvalidPupilYear

#: Longer codes are somebody's mistake.
LONGEST = 40


def check_codes(area: str, what: str, codes: Iterable[str]) -> None:
    """Raise InvalidPupilYear for an empty, odd or repeated code. `what` opens the Vietnamese sentence."""
    seen: set[str] = set()
    for index, code in enumerate(codes):
        if len(code) > LONGEST or not code.replace("_", "").replace("-", "").isalnum():
            raise InvalidPupilYear(
                f"{area}.{index}.code",
                f"{what} thứ {index + 1}: mã phải gồm chữ cái, chữ số hoặc dấu gạch dưới.",
            )
        if code in seen:
            raise InvalidPupilYear(f"{area}.{code}", f"{what} {code} được ghi hai lần; xin bỏ bớt một.")
        seen.add(code)
