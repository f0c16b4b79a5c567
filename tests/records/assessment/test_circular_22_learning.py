"""Worked cases of TT22/2021, marks to learning levels; the ids are those of the case table.

A marks, N numbers of marks, B year, C comments, D learning.
"""

import pytest

from backend.records.assessment.schemas import InvalidPupilYear
from backend.records.regulations.schemas import AdjustmentReading, Policy
from backend.records.roster.curriculum import AssessedBy, regular_marks
from tests.records.assessment.pupils import (
    assess_json,
    averages,
    comment,
    marked,
    scored,
    secondary,
)

GOOD = ["8"] * 8


@pytest.mark.parametrize(
    ("lessons", "regular", "midterm", "final", "expected"),
    [
        pytest.param(35, ["8", "9"], "7", "8", "7.9", id="A01"),
        pytest.param(70, ["4.4", "4.4", "4.4"], "4.2", "4.4", "4.4", id="A04"),
        pytest.param(70, ["8", "8", "7.6"], "8", "8", "8.0", id="A07"),
        pytest.param(105, ["7", "8", "8", "9"], "8", "8", "8.0", id="A10"),
        pytest.param(52, ["3", "4", "3"], "4", "3.4", "3.5", id="A13"),
        pytest.param(70, ["8", "9", None], "7", "8", None, id="A19"),
        pytest.param(35, ["7,5", "7,5"], "7,5", "7,5", "7.5", id="A22"),
        pytest.param(35, ["0", "0"], "0", "0", "0.0", id="zero"),
        pytest.param(35, ["10", "10,0"], "10.0", "10", "10.0", id="ten"),
        pytest.param(70, ["8.2", "8.2", "8.4"], "8.2", "8.2", "8.2", id="8.225 down"),
        pytest.param(70, ["8", "8", "8"], "9", "8", "8.3", id="8.25 half up"),
    ],
)
def test_term_average(
    lessons: int, regular: list[str | None], midterm: str, final: str, expected: str | None
) -> None:
    result = assess_json(secondary([marked(regular, midterm, final, lessons)]))
    assert result.subjects["TOAN"].term1 == expected
    assert ("subjects.TOAN.term1.regular" in result.missing) == (expected is None)


def test_a16_topic_is_one_more_regular_mark() -> None:
    with_topic = marked(["7", "7", "8", "8"], "8", "8", topic="9")
    assert assess_json(secondary([with_topic])).subjects["TOAN"].term1 == "7.9"


def test_topic_may_take_a_place_by_policy() -> None:
    subject = marked(["7", "7", "8"], "8", "8", topic="9")
    result = assess_json(secondary([subject]), Policy(topic_is_extra_mark=False))
    assert result.subjects["TOAN"].term1 == "7.9"  # 71/9
    assert "subjects.TOAN.term1.regular" in assess_json(secondary([subject])).missing


def test_topic_counts_only_in_the_terms_of_the_policy() -> None:
    subject = marked(["7", "7", "7", "7"], "7", "7", topic="10")
    result = assess_json(secondary([subject]), Policy(topic_terms=(2,)))
    assert (result.subjects["TOAN"].term1, result.subjects["TOAN"].term2) == ("7.0", "7.3")


@pytest.mark.parametrize(
    ("lessons", "expected"),
    [
        pytest.param(35, 2, id="N01"),
        pytest.param(52, 3, id="52 lessons"),
        pytest.param(70, 3, id="N04"),
        pytest.param(71, 4, id="71 lessons"),
        pytest.param(140, 4, id="N07"),
    ],
)
def test_number_of_regular_marks(lessons: int, expected: int) -> None:
    assert regular_marks(AssessedBy.SCORE, lessons) == expected
    assert regular_marks(AssessedBy.COMMENT, lessons) == 2
    full = marked(["8"] * expected, "8", "8", lessons)
    assert assess_json(secondary([full])).subjects["TOAN"].term1 == "8.0"
    with pytest.raises(InvalidPupilYear) as refused:
        assess_json(secondary([marked(["8"] * (expected + 1), "8", "8", lessons)]))
    assert refused.value.path == "subjects.TOAN.term1.regular"


@pytest.mark.parametrize(
    ("term1", "term2", "expected"),
    [
        pytest.param("6.4", "6.5", "6.5", id="B01"),
        pytest.param("7.8", "8.0", "7.9", id="B04"),
        pytest.param("3.2", "3.6", "3.5", id="B07"),
    ],
)
def test_year_average(term1: str, term2: str, expected: str) -> None:
    subjects = assess_json(secondary([scored("TOAN", term2, term1)])).subjects
    assert (subjects["TOAN"].year, subjects["TOAN"].final) == (expected, expected)


def test_b10_year_average_comes_from_rounded_terms() -> None:
    subject = marked(["6.4"] * 4, "6.4", "6.4")
    subject["term2"] = {"regular": ["6.4", "6.4", "6.4", "6.4"], "midterm": "6.5", "final": "6.5"}
    assert assess_json(secondary([subject])).subjects["TOAN"].term2 == "6.5"  # 58.1/9 = 6.4556
    assert assess_json(secondary([subject])).subjects["TOAN"].year == "6.5"


def test_c01_comment_term_is_passed_when_all_are() -> None:
    term = {"regular": ["Đ", "Đ"], "midterm": "Đ", "final": "Đ"}
    subject = {"code": "GDTC", "assessed_by": "comment", "term1": term, "term2": {**term, "midterm": "CĐ"}}
    result = assess_json(secondary([subject])).subjects["GDTC"]
    assert (result.term1, result.term2, result.year) == ("Đ", "CĐ", "CĐ")


def test_c04_comment_year_is_its_second_term() -> None:
    assert assess_json(secondary([comment("GDTC", "Đ", term1="CĐ")])).subjects["GDTC"].year == "Đ"


@pytest.mark.parametrize("wrong", ["8", "T", "K", "đ", "Ð", ""])
def test_c07_only_d_and_cd_in_a_comment_subject(wrong: str) -> None:
    term = {"regular": ["Đ", wrong], "midterm": "Đ", "final": "Đ"}
    subject = {"code": "GDTC", "assessed_by": "comment", "term1": term}
    with pytest.raises(InvalidPupilYear, match="Giáo dục thể chất") as refused:
        assess_json(secondary([subject]))
    assert refused.value.path == "subjects.GDTC.term1.regular"


LEARNING = [
    pytest.param("8 8 8 8 8 8 6.5 6.5", 0, "T", "T", id="D01"),
    pytest.param("8 8 8 8 8 8 6.5 6.4", 0, "K", "K", id="one at 6.4"),
    pytest.param("8 8 8 8 8 7.9 7.9 7.9", 0, "K", "K", id="five at 8.0"),
    pytest.param("6.5 6.5 6.5 6.5 6.5 6.5 5.0 5.0", 0, "K", "K", id="D04"),
    pytest.param("5.0 5.0 5.0 5.0 5.0 5.0 3.5 3.5", 0, "Đ", "Đ", id="D07"),
    pytest.param("5.0 5.0 5.0 5.0 5.0 4.9 4.9 4.9", 0, "CĐ", "CĐ", id="five at 5.0"),
    pytest.param("5 5 5 5 5 5 5 5", 1, "Đ", "Đ", id="D10"),
    pytest.param("5 5 5 5 5 5 5 5", 2, "CĐ", "CĐ", id="two failed comments"),
    pytest.param("7 7 7 7 7 7 7 7", 1, "Đ", "Đ", id="D13"),
    pytest.param("8 8 8 8 8 8 8 8", 1, "Đ", "K", id="failed comment under Tốt"),
    pytest.param("8.5 8.5 8.5 8.5 8.5 8.5 8.5 4.9", 0, "Đ", "K", id="D16"),
    pytest.param("8.5 8.5 8.5 8.5 8.5 8.5 8.5 5.0", 0, "K", "K", id="D16 at 5.0"),
    pytest.param("8.5 8.5 8.5 8.5 8.5 8.5 8.5 3.4", 0, "CĐ", "Đ", id="Tốt to Chưa đạt"),
    pytest.param("7 7 7 7 7 7 7 3.4", 0, "CĐ", "Đ", id="D19"),
    pytest.param("8.5 8.5 8.5 8.5 8.5 8.5 3.4 4.0", 0, "CĐ", "CĐ", id="D22"),
    pytest.param("7 7 7 7 7 7 7 3.4", 1, "CĐ", "CĐ", id="two causes"),
    pytest.param("9 9 9 9 9 9 6.5 6.5 6.5", 0, "T", "T", id="D25"),
    pytest.param("8 8 8 8 8 7.9 4.0", 0, "Đ", "Đ", id="D28"),
    pytest.param("8 8 8 8 8 8 4.0", 0, "Đ", "K", id="seven scored"),
    pytest.param("8 8 8 8 8", 0, "CĐ", "CĐ", id="five scored"),
]


@pytest.mark.parametrize(("scores", "failed", "base", "level"), LEARNING)
def test_learning(scores: str, failed: int, base: str, level: str) -> None:
    result = assess_json(secondary(averages(scores.split(), failed)))
    for period in (result.learning.term1, result.learning.term2, result.learning.year):
        assert (period.base, period.level) == (base, level)
        assert (period.adjusted_by is not None) == (base != level)
    assert result.learning_after_reassessment is None


def test_adjustment_names_its_cause() -> None:
    weak = assess_json(secondary(averages("8.5 8.5 4.9 8.5 8.5 8.5 8.5 8.5".split())))
    assert weak.learning.year.adjusted_by == "NN1"
    assert any(one.rule == "TT22 Đ.9.3" and "Ngoại ngữ 1 (4,9)" in one.text for one in weak.reasons)
    assert assess_json(secondary(averages(GOOD, failed=1))).learning.year.adjusted_by == "GDTC"


def test_d28_reading_b_imagines_the_subject_passed_well() -> None:
    policy = Policy(adjustment=AdjustmentReading.IMAGINE_PASSED)
    year = assess_json(secondary(averages("8 8 8 8 8 7.9 4.0".split())), policy).learning.year
    assert (year.base, year.level, year.adjusted_by) == ("Đ", "K", "TIN")
    four_others = assess_json(secondary(averages("8 8 8 8 7.9 7.9 4.0".split())), policy).learning.year
    assert (four_others.base, four_others.level) == ("Đ", "Đ")


def test_d31_optional_subject_counts_by_plan() -> None:
    subjects = [*averages("8 8 8 8 8 8 6.5 6.5".split()), scored("NN2", "4.0")]
    counted = assess_json(secondary(subjects)).learning.year
    assert (counted.base, counted.level) == ("Đ", "K")
    by_policy = assess_json(secondary(subjects), Policy(optional_subjects_count=False))
    assert by_policy.learning.year.level == "T"
    subjects[-1] = scored("NN2", "4.0", counts=False)
    by_input = assess_json(secondary(subjects))
    assert by_input.learning.year.level == "T"
    assert by_input.subjects["NN2"].year == "4.0"
    subjects[-1] = scored("NN2", "4.0", counts=True)
    assert assess_json(secondary(subjects), Policy(optional_subjects_count=False)).learning.year.level == "K"
