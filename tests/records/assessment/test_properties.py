"""Laws for every pupil: raising a mark never hurts, Đ.9.3 lifts by one and never to Tốt, order is nothing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.records.assessment.rules.learning import learning_outcome
from backend.records.assessment.rules.marks import term_average, year_average
from backend.records.assessment.rules.subject_results import Value
from backend.records.assessment.rules.year_level_27 import year_level
from backend.records.assessment.schemas import Level, SubjectLevel, TraitLevel, YearLevel
from backend.records.regulations.schemas import AdjustmentReading
from tests.records.assessment.pupils import SCORED, assess_json, averages, secondary

RANK = [Level.FAIL, Level.PASS, Level.FAIR, Level.GOOD]
EDGES = st.sampled_from([0, 34, 35, 49, 50, 64, 65, 79, 80, 90, 100])
SCORES = st.lists(EDGES | st.integers(0, 100), min_size=1, max_size=10)
COMMENTS = st.lists(st.sampled_from([Level.PASS, Level.PASS, Level.PASS, Level.FAIL]), max_size=4)
READINGS = st.sampled_from(AdjustmentReading)


def values(scores: list[int], comments: list[Level]) -> dict[str, Value]:
    found: dict[str, Value] = {f"S{index}": score for index, score in enumerate(scores)}
    return found | {f"C{index}": level for index, level in enumerate(comments)}


@given(SCORES, COMMENTS, READINGS, st.data())
def test_raising_one_mark_never_lowers_a_level(
    scores: list[int], comments: list[Level], reading: AdjustmentReading, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(scores) - 1))
    raised = [*scores]
    raised[index] = data.draw(st.integers(scores[index], 100))
    before = learning_outcome(values(scores, comments), reading)
    after = learning_outcome(values(raised, comments), reading)
    assert RANK.index(after.base) >= RANK.index(before.base)
    assert RANK.index(after.level) >= RANK.index(before.level)


@given(SCORES, COMMENTS, READINGS)
def test_adjustment_lifts_by_one_level_and_never_to_the_top(
    scores: list[int], comments: list[Level], reading: AdjustmentReading
) -> None:
    outcome = learning_outcome(values(scores, comments), reading)
    lift = RANK.index(outcome.level) - RANK.index(outcome.base)
    assert lift in (0, 1)
    assert (outcome.adjusted_by is not None) == (lift == 1)
    assert lift == 0 or outcome.level is not Level.GOOD


@given(SCORES, COMMENTS, READINGS, st.randoms(use_true_random=False))
def test_order_of_subjects_never_matters(
    scores: list[int], comments: list[Level], reading: AdjustmentReading, chance: Any
) -> None:
    in_order = values(scores, comments)
    shuffled = list(in_order.items())
    chance.shuffle(shuffled)
    assert learning_outcome(dict(shuffled), reading) == learning_outcome(in_order, reading)


@given(st.permutations(range(12)))
def test_order_of_subjects_in_the_input_never_matters(order: list[int]) -> None:
    subjects = averages("9 8.1 8 8 8 8 6.5 4.9".split(), failed=0)
    first = assess_json(secondary(subjects))
    second = assess_json(secondary([subjects[index] for index in order]))
    assert (first.learning, first.promotion, first.title) == (second.learning, second.promotion, second.title)
    assert first.learning.year.adjusted_by == SCORED[7]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=5), st.integers(0, 100), st.integers(0, 100))
def test_averages_stay_between_the_marks_and_round_to_the_nearest_tenth(
    regular: list[int], midterm: int, final: int
) -> None:
    average = term_average(regular, midterm, final)
    assert min(*regular, midterm, final) <= average <= max(*regular, midterm, final)
    total, divisor = sum(regular) + 2 * midterm + 3 * final, len(regular) + 5
    assert -divisor < 2 * (total - average * divisor) < divisor or 2 * (average * divisor - total) == divisor
    assert year_average(average, average) == average


@given(
    st.lists(st.sampled_from(SubjectLevel), min_size=1, max_size=13),
    st.lists(st.sampled_from(TraitLevel), min_size=1, max_size=15),
    st.lists(st.integers(0, 10), min_size=1, max_size=7),
)
def test_primary_level_depends_on_all_any_and_the_lowest_test_only(
    subjects: list[SubjectLevel], traits: list[TraitLevel], tests: list[int]
) -> None:
    all_best = set(subjects) == {SubjectLevel.COMPLETED_WELL} and set(traits) == {TraitLevel.GOOD}
    any_worst = SubjectLevel.NOT_COMPLETED in subjects or TraitLevel.NEEDS_EFFORT in traits
    lowest = min(tests)
    expected = YearLevel.COMPLETED
    if any_worst or lowest < 5:
        expected = YearLevel.NOT_COMPLETED
    elif all_best and lowest >= 7:
        expected = YearLevel.EXCELLENT if lowest >= 9 else YearLevel.GOOD
    assert year_level(subjects, traits, tests) is expected
