"""What TT22/2021 does with exempt, missing, odd and wrong input."""

from typing import Any

import pytest

from backend.records.assessment.schemas import InvalidPupilYear, Promotion
from backend.records.regulations.schemas import Policy
from tests.records.assessment.pupils import (
    COMMENT,
    assess_json,
    averages,
    comment,
    marked,
    scored,
    secondary,
)

GOOD = ["8"] * 8


def test_exempt_subject_is_left_out_of_everything() -> None:
    subjects = averages(GOOD)
    subjects[-1] = {"code": COMMENT[-1], "assessed_by": "comment", "exempt": True}
    result = assess_json(secondary(subjects))
    assert (result.learning.year.level, result.missing) == ("T", ())
    assert result.subjects[COMMENT[-1]].year is None


def test_missing_marks_are_named_and_never_zero() -> None:
    subjects = [*averages(GOOD), marked(["8", "8", "8", "8"], "8", "8")]
    subjects[1] = subjects.pop()
    subjects[1]["term2"] = {"regular": ["8", None, "8", "8"], "midterm": "8"}
    result = assess_json(secondary(subjects))
    assert result.missing == ("subjects.TOAN.term2.regular", "subjects.TOAN.term2.final")
    assert (result.learning.term1.level, result.learning.term2.level) == ("T", None)
    assert (result.learning.year.level, result.promotion, result.title) == (None, Promotion.PENDING, None)
    pending = next(one.text for one in result.reasons if one.rule == "TT22 Đ.12")
    assert "Toán học kì II: đánh giá thường xuyên; Toán học kì II: đánh giá cuối kì" in pending


def test_missing_elective_that_does_not_count_holds_nobody_up() -> None:
    subjects = [*averages(GOOD), {"code": "NN2", "assessed_by": "score", "counts": False}]
    assert assess_json(secondary(subjects)).promotion is Promotion.PROMOTED


def test_absent_compulsory_subject_is_missing_by_policy() -> None:
    subjects = averages(GOOD)[1:]
    strict = assess_json(secondary(subjects), Policy(complete_curriculum=True))
    assert (strict.missing, strict.promotion) == (("subjects.VAN",), Promotion.PENDING)
    assert strict.learning.year.level is None
    assert assess_json(secondary(subjects)).missing == ()


def test_no_subject_at_all_is_not_failure() -> None:
    result = assess_json(secondary([]))
    assert (result.learning.year.level, result.promotion) == (None, Promotion.PENDING)
    assert "subjects" in result.missing


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        (marked(["11"], "8", "8"), "subjects.TOAN.term1.regular"),
        (marked(["8"] * 4, "-1", "8"), "subjects.TOAN.term1.midterm"),
        (marked(["8"] * 4, "8", "10.1"), "subjects.TOAN.term1.final"),
        (marked(["8"] * 4, "8", "7.25"), "subjects.TOAN.term1.final"),
        (marked(["8"] * 4, "8", "Đ"), "subjects.TOAN.term1.final"),
        (marked(["8"] * 4, "8", "1e1"), "subjects.TOAN.term1.final"),
        (marked(["8"] * 4, "8", "٨"), "subjects.TOAN.term1.final"),
        (marked(["8"] * 4, "8", ""), "subjects.TOAN.term1.final"),
        (marked(["8"] * 4, "8", "8", topic="11"), "subjects.TOAN.topic"),
        (scored("TOAN", "8", reassessed="Đ"), "subjects.TOAN.reassessed"),
        (comment("GDTC", reassessed="8"), "subjects.GDTC.reassessed"),
        (scored("TOAN", "10,5"), "subjects.TOAN.term1.average"),
        ({**scored("TOAN", "8"), "term2": {"result": "Đ"}}, "subjects.TOAN.term2.result"),
        ({**comment("GDTC"), "term2": {"average": "8"}}, "subjects.GDTC.term2.average"),
        ({**scored("TOAN", "8"), "term2": {"average": "8", "final": "8"}}, "subjects.TOAN.term2.average"),
        ({**marked([], None, "8"), "lessons_per_year": None}, "subjects.TOAN.lessons_per_year"),
        ({**marked([], None, "8"), "lessons_per_year": 0}, "subjects.TOAN.lessons_per_year"),
        (marked(["99"], "8", "8", exempt=True), "subjects.TOAN.term1.regular"),
        (marked(["8"] * 4, "8", "99", counts=False), "subjects.TOAN.term1.final"),
        (scored("TOAN", "99", exempt=True), "subjects.TOAN.term1.average"),
        (scored("TOAN", "8", exempt=True, topic="99"), "subjects.TOAN.topic"),
        (scored("TOAN", "8", exempt=True, reassessed="99"), "subjects.TOAN.reassessed"),
        ({**comment("GDTC", exempt=True), "term2": {"average": "8"}}, "subjects.GDTC.term2.average"),
        (scored("TOAN", "8", topic="99"), "subjects.TOAN.topic"),
        (scored("A.B", "8"), "subjects.0.code"),
        (scored("", "8"), "subjects.0.code"),
    ],
)
def test_input_that_is_not_acceptable(subject: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidPupilYear) as refused:
        assess_json(secondary([subject]))
    assert refused.value.path == path
    assert refused.value.message.endswith(".")


def test_the_same_subject_twice_is_refused() -> None:
    with pytest.raises(InvalidPupilYear, match="hai lần"):
        assess_json(secondary([scored("TOAN", "8"), scored("TOAN", "9")]))


@pytest.mark.parametrize("absences", [{"excused": -1, "unexcused": 0}, {"excused": 0, "unexcused": -3}])
def test_negative_absences_are_refused(absences: dict[str, int]) -> None:
    with pytest.raises(InvalidPupilYear, match="Số buổi nghỉ"):
        assess_json(secondary(averages(GOOD), absences=absences))


@pytest.mark.parametrize("grade", [0, 5, 13])
def test_grade_outside_the_circular(grade: int) -> None:
    with pytest.raises(InvalidPupilYear) as refused:
        assess_json(secondary([], grade=grade))
    assert refused.value.path == "grade"


@pytest.mark.parametrize("spelling", [" 8 ", "8.00", "8,0", "08"])
def test_odd_spellings_of_a_mark(spelling: str) -> None:
    assert assess_json(secondary([marked([spelling] * 4, "8", "8")])).subjects["TOAN"].year == "8.0"


@pytest.mark.parametrize("recorded", [{"average": None}, {}])
def test_a_recorded_average_that_is_not_there(recorded: dict[str, None]) -> None:
    subject = {**scored("TOAN", "8"), "term2": recorded}
    result = assess_json(secondary([subject]))
    assert all(path.startswith("subjects.TOAN.term2.") for path in result.missing)
    assert result.missing


def test_null_average_beside_marks_is_no_average() -> None:
    subject = marked(["8"] * 4, "8", "8")
    subject["term1"] = {**subject["term1"], "average": None, "result": None}
    assert assess_json(secondary([subject])).subjects["TOAN"].term1 == "8.0"


def test_reassessment_of_a_subject_that_was_not_due_is_questioned() -> None:
    subjects = averages(["3.0", *["5"] * 7])
    subjects[0]["reassessed"], subjects[2]["reassessed"] = "5.0", "6"
    texts = [one.text for one in assess_json(secondary(subjects)).reasons if one.rule == "TT22 Đ.14"]
    assert any("Ngoại ngữ 1 không thuộc diện" in text for text in texts)


@pytest.mark.parametrize(("field", "value"), [("average", "8.0"), ("average", ""), ("result", "Đ")])
def test_all_marks_and_a_recorded_result_are_one_too_many(field: str, value: str) -> None:
    subject = marked(["8"] * 4, "8", "8")
    subject["term2"] = {**subject["term2"], field: value}
    with pytest.raises(InvalidPupilYear) as refused:
        assess_json(secondary([subject]))
    assert refused.value.path == f"subjects.TOAN.term2.{field}"


def test_a_level_after_the_summer_that_does_not_apply_is_explained() -> None:
    result = assess_json(secondary(averages(GOOD), ("T", "K", "T")))
    assert (result.conduct.year, result.conduct.after_summer) == ("K", None)
    [text] = [one.text for one in result.reasons if one.rule == "TT22 Đ.13"]
    assert "(Tốt) không được dùng" in text
    open_year = assess_json(secondary(averages(GOOD), ("T", None, "T")))
    assert "chưa được dùng" in " ".join(one.text for one in open_year.reasons if one.rule == "TT22 Đ.13")


def test_no_title_while_the_year_is_open() -> None:
    result = assess_json({**secondary(averages(GOOD)), "absences": None})
    assert (result.promotion, result.title) == (Promotion.PENDING, None)
    [text] = [one.text for one in result.reasons if one.rule == "TT22 Đ.15.1.a"]
    assert text == "Chưa xét danh hiệu vì còn thiếu dữ liệu của năm học."


def test_exactly_four_electives_are_a_complete_year_of_upper_secondary() -> None:
    """TT32/2018, TT13/2022; a school's plan is asked strictly, a single call of `hocba assess` is not."""
    compulsory = [scored("VAN", "8"), scored("TOAN", "8"), scored("NN1", "8"), scored("LICHSU", "8")]
    compulsory += [scored("QPAN", "8"), comment("GDTC"), comment("HDTNHN"), comment("GDDP")]
    electives = [scored(code, "8") for code in ("DIA", "LY", "HOA", "SINH", "TIN")]
    strict = Policy(complete_curriculum=True)
    for number, missing in ((3, ("electives",)), (4, ()), (5, ("electives",))):
        asked = secondary(compulsory + electives[:number]) | {"grade": 10}
        assert assess_json(asked, strict).missing == missing
        assert assess_json(asked).missing == ()
