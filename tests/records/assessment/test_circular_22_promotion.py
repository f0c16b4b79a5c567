"""Worked cases of TT22/2021, levels to promotion and titles; the ids are those of the case table.

E conduct, F promotion, G titles.
"""

from typing import Any

import pytest

from backend.records.assessment.schemas import Promotion, Title
from backend.records.regulations.schemas import Policy
from tests.records.assessment.pupils import (
    assess_json,
    averages,
    comment,
    scored,
    secondary,
)

GOOD = ["8"] * 8

CONDUCT = {
    "T": {"T": "T", "K": "K", "Đ": "K", "CĐ": "CĐ"},
    "K": {"T": "T", "K": "K", "Đ": "Đ", "CĐ": "CĐ"},
    "Đ": {"T": "K", "K": "K", "Đ": "Đ", "CĐ": "CĐ"},
    "CĐ": {"T": "K", "K": "Đ", "Đ": "Đ", "CĐ": "CĐ"},
}
NAMED = {("T", "T"): "E01", ("CĐ", "T"): "E04", ("Đ", "K"): "E07", ("K", "Đ"): "E10", ("T", "CĐ"): "E13"}
NAMED[("CĐ", "CĐ")] = "E16"


@pytest.mark.parametrize(
    ("term1", "term2", "expected"),
    [
        pytest.param(first, second, year, id=NAMED.get((first, second), f"{first}-{second}"))
        for first, row in CONDUCT.items()
        for second, year in row.items()
    ],
)
def test_conduct_of_the_year(term1: str, term2: str, expected: str) -> None:
    assert assess_json(secondary([], (term1, term2, None))).conduct.year == expected


@pytest.mark.parametrize(
    ("excused", "unexcused", "expected"),
    [
        pytest.param(45, 0, Promotion.PROMOTED, id="F01"),
        pytest.param(40, 6, Promotion.RETAINED, id="46"),
        pytest.param(3 + 1, 0, Promotion.PROMOTED, id="F04"),
        pytest.param(None, 0, Promotion.PENDING, id="not entered"),
        pytest.param(50, None, Promotion.PENDING, id="half entered"),
    ],
)
def test_absences(excused: int | None, unexcused: int | None, expected: Promotion) -> None:
    pupil = secondary(averages(["5"] * 8), ("Đ", "Đ", None), {"excused": excused, "unexcused": unexcused})
    assert assess_json(pupil).promotion is expected


def test_absences_that_were_never_entered_are_not_zero() -> None:
    pupil = secondary(averages(GOOD))
    pupil["absences"] = None
    result = assess_json(pupil)
    assert (result.promotion, result.missing, result.title) == (
        Promotion.PENDING,
        ("absences",),
        None,
    )
    del pupil["absences"]
    assert assess_json(pupil) == result


def test_f07_reassessment_list() -> None:
    subjects = averages(["6", "4.9", "5.0", "3.0", "6", "6", "6", "6"], failed=1)
    result = assess_json(secondary(subjects, ("Đ", "Đ", None)))
    assert (result.promotion, result.reassess) == (Promotion.REASSESSMENT, ("TOAN", "KHTN", "GDTC"))
    assert any(
        one.rule == "TT22 Đ.14" and "Toán, Khoa học tự nhiên, Giáo dục thể chất" in one.text
        for one in result.reasons
    )


def retested(first: str | None, second: str | None) -> list[dict[str, Any]]:
    subjects = averages(["3.0", "4.0", "5", "5", "5", "5", "5", "5"])
    subjects[0]["reassessed"], subjects[1]["reassessed"] = first, second
    return subjects


@pytest.mark.parametrize(
    ("first", "second", "level", "promotion", "still_open"),
    [
        pytest.param("3.4", "4.0", "CĐ", Promotion.RETAINED, (), id="F10"),
        pytest.param("3,5", "4.0", "Đ", Promotion.PROMOTED, (), id="just enough"),
        pytest.param("5.0", None, "Đ", Promotion.PROMOTED, (), id="one is enough"),
        pytest.param(None, "5.0", "CĐ", Promotion.REASSESSMENT, ("VAN",), id="the other is still open"),
    ],
)
def test_reassessment(
    first: str | None, second: str | None, level: str, promotion: Promotion, still_open: tuple[str, ...]
) -> None:
    result = assess_json(secondary(retested(first, second)))
    assert result.learning_after_reassessment is not None
    assert result.learning_after_reassessment.level == level
    assert result.learning.year.level == "CĐ"
    assert (result.promotion, result.reassess) == (promotion, still_open)


def test_reassessed_result_never_changes_the_year() -> None:
    result = assess_json(secondary([scored("TOAN", "3.0", reassessed="9")]))
    assert (result.subjects["TOAN"].year, result.subjects["TOAN"].final) == ("3.0", "9.0")


def test_adjustment_applies_after_reassessment_too() -> None:
    subjects = averages(["7", "7", "7", "7", "7", "7", "3.0", "3.0"])
    subjects[7]["reassessed"] = "7"
    after = assess_json(secondary(subjects)).learning_after_reassessment
    assert after is not None
    assert (after.base, after.level, after.adjusted_by) == ("CĐ", "Đ", "TIN")


@pytest.mark.parametrize(
    ("conduct", "scores", "expected"),
    [
        pytest.param(("Đ", "CĐ", "Đ"), "5", Promotion.PROMOTED, id="F13"),
        pytest.param(("Đ", "CĐ", None), "5", Promotion.SUMMER_TRAINING, id="trains in the summer"),
        pytest.param(("Đ", "CĐ", "CĐ"), "5", Promotion.RETAINED, id="failed after the summer"),
        pytest.param(("Đ", "CĐ", None), "4", Promotion.RETAINED, id="both failed"),
        pytest.param(("Đ", "CĐ", "T"), "4", Promotion.RETAINED, id="both failed, conduct recovered"),
        pytest.param((None, "CĐ", None), "5", Promotion.PENDING, id="term I missing"),
        pytest.param(("Đ", "Đ", "CĐ"), "5", Promotion.PROMOTED, id="no summer where none was due"),
    ],
)
def test_conduct_and_promotion(
    conduct: tuple[str | None, str | None, str | None], scores: str, expected: Promotion
) -> None:
    result = assess_json(secondary(averages([scores] * 8), conduct))
    assert result.promotion is expected
    assert result.reassess == ()


def test_reassessment_that_was_not_due_never_retains() -> None:
    subjects = averages(["5"] * 8)
    subjects[0]["reassessed"] = "3"
    result = assess_json(secondary(subjects))
    assert result.learning_after_reassessment is not None
    assert (result.learning_after_reassessment.level, result.promotion) == ("CĐ", Promotion.PROMOTED)


@pytest.mark.parametrize(("again", "replaced", "better"), [("3.0", "3.0", "4.0"), ("6", "6.0", "6.0")])
def test_better_of_two_results_by_policy(again: str, replaced: str, better: str) -> None:
    pupil = secondary([scored("TOAN", "4.0", reassessed=again), comment("GDTC", "Đ", reassessed="CĐ")])
    plain, kind = assess_json(pupil), assess_json(pupil, Policy(better_of_reassessment=True))
    assert (plain.subjects["TOAN"].final, plain.subjects["GDTC"].final) == (replaced, "CĐ")
    assert (kind.subjects["TOAN"].final, kind.subjects["GDTC"].final) == (better, "Đ")


@pytest.mark.parametrize(
    ("after_summer", "again", "promotion", "still_open", "words"),
    [
        pytest.param(
            None, None, Promotion.SUMMER_TRAINING, (), "rèn luyện trong kì nghỉ hè", id="the summer decides"
        ),
        pytest.param("CĐ", None, Promotion.RETAINED, (), "Chưa đạt sau rèn luyện", id="not trained"),
        pytest.param(
            "Đ", None, Promotion.REASSESSMENT, ("VAN",), "được đánh giá lại môn Ngữ văn", id="trained"
        ),
        pytest.param(
            "Đ", "3.0", Promotion.RETAINED, (), "học tập Chưa đạt sau đánh giá lại", id="not enough"
        ),
        pytest.param("Đ", "5.0", Promotion.PROMOTED, (), "được lên lớp", id="both recovered"),
    ],
)
def test_who_failed_both_waits_for_the_summer_by_policy(
    after_summer: str | None,
    again: str | None,
    promotion: Promotion,
    still_open: tuple[str, ...],
    words: str,
) -> None:
    """Training first (Đ.13), re-assessment then (Đ.14): nobody is retained before the summer is over."""
    subjects = averages(["3.0", *["5"] * 7])
    subjects[0]["reassessed"] = again
    policy = Policy(both_failed_may_recover=True)
    result = assess_json(secondary(subjects, ("Đ", "CĐ", after_summer)), policy)
    assert (result.promotion, result.reassess) == (promotion, still_open)
    assert words in " ".join(one.text for one in result.reasons)
    absent = {"excused": 46, "unexcused": 0}
    late = assess_json(secondary(subjects, ("Đ", "CĐ", after_summer), absent), policy)
    assert (late.promotion, late.reassess) == (Promotion.RETAINED, ())


def test_both_failed_may_recover_by_policy() -> None:
    subjects = averages(["3.0", *["5"] * 7])
    pupil = secondary(subjects, ("Đ", "CĐ", "Đ"))
    policy = Policy(both_failed_may_recover=True)
    assert assess_json(pupil, policy).reassess == ("VAN",)
    subjects[0]["reassessed"] = "5"
    assert assess_json(pupil, policy).promotion is Promotion.PROMOTED
    assert assess_json(pupil).promotion is Promotion.RETAINED


def test_too_many_absences_leave_nothing_to_reassess() -> None:
    result = assess_json(secondary(retested(None, None), absences={"excused": 46, "unexcused": 0}))
    assert (result.promotion, result.reassess) == (Promotion.RETAINED, ())


def test_f16_no_reassessment_when_learning_is_passed() -> None:
    result = assess_json(secondary(averages(["4.2", *["5"] * 7])))
    assert (result.learning.year.level, result.promotion, result.reassess) == ("Đ", Promotion.PROMOTED, ())


@pytest.mark.parametrize(
    ("grade", "words"),
    [
        pytest.param(8, "được lên lớp 9", id="F16"),
        pytest.param(9, "hoàn thành chương trình trung học cơ sở", id="grade 9"),
        pytest.param(12, "hoàn thành chương trình trung học phổ thông", id="F19"),
    ],
)
def test_completion_in_words(grade: int, words: str) -> None:
    result = assess_json(secondary(averages(GOOD), grade=grade))
    assert result.promotion is Promotion.PROMOTED
    assert any(one.rule == "TT22 Đ.12.1" and words in one.text for one in result.reasons)


@pytest.mark.parametrize(
    ("scores", "conduct", "title"),
    [
        pytest.param("9 9 9 9 9 9 6.5 6.5", "T", Title.EXCELLENT, id="G01"),
        pytest.param("9 9 9 9 9 8.9 8.9 8.9", "T", Title.VERY_GOOD, id="five at 9.0"),
        pytest.param("9 9 9 9 9 9 6.5 6.5", "K", None, id="conduct Khá"),
        pytest.param("9 9 9 9 9 9 9 4.9", "T", None, id="G04"),
    ],
)
def test_title(scores: str, conduct: str, title: Title | None) -> None:
    assert assess_json(secondary(averages(scores.split()), (conduct, conduct, None))).title is title


def test_title_does_not_come_from_the_summer() -> None:
    subjects = averages(["9", "9", "9", "9", "9", "9", "9", "4.9"])
    subjects[-5]["reassessed"] = "9"
    assert assess_json(secondary(subjects)).title is None
