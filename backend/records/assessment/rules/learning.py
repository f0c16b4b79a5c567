"""TT22/2021 Đ.9.2 and Đ.9.3: results of all subjects → kết quả học tập of a term or of the year."""

from collections.abc import Mapping
from typing import NamedTuple

from backend.records.assessment.rules.subject_results import Value
from backend.records.assessment.schemas import Level
from backend.records.regulations.schemas import AdjustmentReading

#: "ít nhất 06 môn học": the number does not depend on how many subjects the pupil has.
SUBJECTS_NEEDED = 6


class Floor(NamedTuple):
    """Conditions of one level: every mark at least `every`, six of them at least `six` (tenths), few CĐ."""

    level: Level
    every: int
    six: int
    failed_allowed: int


#: Đ.9.2 points a, b, c; what fits none of them is Chưa đạt (point d).
FLOORS = (Floor(Level.GOOD, 65, 80, 0), Floor(Level.FAIR, 50, 65, 0), Floor(Level.PASS, 35, 50, 1))

_RANK = {Level.FAIL: 0, Level.PASS: 1, Level.FAIR: 2, Level.GOOD: 3}
_BY_RANK = tuple(_RANK)


class Outcome(NamedTuple):
    """The level by Đ.9.2, the level after Đ.9.3, and the one subject that caused an adjustment."""

    base: Level
    level: Level
    adjusted_by: str | None = None
    #: the level seen when that one subject is left out
    without: Level | None = None


def learning_outcome(values: Mapping[str, Value], reading: AdjustmentReading) -> Outcome:
    """Kết quả học tập from the counted subjects' results (code → tenths, PASS or FAIL)."""
    scores = {code: value for code, value in values.items() if isinstance(value, int)}
    failed = [code for code, value in values.items() if value is Level.FAIL]
    ordered = sorted(scores.values(), reverse=True)
    base = _base(ordered, len(failed))
    if _RANK[base] > _RANK[Level.PASS]:
        return Outcome(base, base)
    for code, without in _without_one(scores, ordered, failed, reading):
        if _RANK[without] - _RANK[base] >= 2:
            return Outcome(base, _BY_RANK[_RANK[base] + 1], code, without)
    return Outcome(base, base)


def _base(ordered: list[int], failed: int, needed: int = SUBJECTS_NEEDED) -> Level:
    """Đ.9.2 for marks sorted from the best, with `failed` comment subjects at CĐ."""
    lowest = ordered[-1] if ordered else 0
    nth_best = ordered[needed - 1] if len(ordered) >= needed else -1
    for floor in FLOORS:
        if lowest >= floor.every and nth_best >= floor.six and failed <= floor.failed_allowed:
            return floor.level
    return Level.FAIL


def _without_one(
    scores: Mapping[str, int], ordered: list[int], failed: list[str], reading: AdjustmentReading
) -> list[tuple[str, Level]]:
    """The level without each subject that could be the only cause: the weakest mark, or the only CĐ.

    Any other subject left out leaves the weakest mark in place, and so cannot lift the level further.
    """
    found = []
    if scores:
        weakest = min(code for code, score in scores.items() if score == ordered[-1])
        imagined = reading is AdjustmentReading.IMAGINE_PASSED
        found.append((weakest, _base(ordered[:-1], len(failed), SUBJECTS_NEEDED - imagined)))
    if len(failed) == 1:
        found.append((failed[0], _base(ordered, 0)))
    return found
