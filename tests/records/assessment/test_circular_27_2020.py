"""Worked cases of TT27/2020; the ids are those of the case table (H year level, I completion and awards)."""

from typing import Any

import pytest
from msgspec import UNSET

from backend.records.assessment.schemas import InvalidPupilYear, Promotion, Title, YearLevel
from backend.records.regulations.schemas import Policy
from tests.records.assessment.pupils import assess_primary_json, primary

ALL_H = dict.fromkeys(("TV", "TOAN", "NN1", "DD", "LSDL", "KH", "TH", "CN", "GDTC", "AN", "MT", "HDTN"), "H")
ALL_ACHIEVED = dict.fromkeys(
    "YEU_NUOC NHAN_AI CHAM_CHI TRUNG_THUC TRACH_NHIEM TU_CHU GIAO_TIEP GIAI_QUYET NGON_NGU TINH_TOAN "
    "KHOA_HOC "
    "CONG_NGHE TIN_HOC THAM_MI THE_CHAT".split(),
    "Đ",
)
FIVES = dict.fromkeys(("TV", "TOAN", "NN1", "LSDL", "KH", "TH"), ("5",))

YEAR_LEVELS = [
    pytest.param(primary(tests="9"), "HTXS", id="H01"),
    pytest.param(primary(tests={"CN": ["8"]}), "HTT", id="one 8"),
    pytest.param(primary(tests={"CN": ["7"]}), "HTT", id="one 7"),
    pytest.param(primary(tests={"CN": ["6"]}), "HT", id="H04"),
    pytest.param(primary(tests="10", levels={"MT": "H"}), "HT", id="H07"),
    pytest.param(primary(tests="10", traits={"TRUNG_THUC": "Đ"}), "HT", id="one trait Đạt"),
    pytest.param(primary(tests="10", traits={"TRUNG_THUC": "C"}), "CHT", id="H10"),
    pytest.param(primary(tests="10", levels={"MT": "C"}), "CHT", id="one subject C"),
    pytest.param(primary(tests="5", levels=ALL_H, traits=ALL_ACHIEVED), "HT", id="all at the floor"),
    pytest.param(primary(tests={**FIVES, "CN": ["4"]}, levels=ALL_H, traits=ALL_ACHIEVED), "CHT", id="H13"),
    pytest.param(
        primary(3, {"TV": ["9"], "TOAN": ["9"], "NN1": ["9"], "TH": ["9"], "CN": ["8"]}), "HTT", id="H16"
    ),
    pytest.param(primary(5, levels={"AN": None}), None, id="H19"),
    pytest.param(primary(5, traits={"TU_CHU": None}), None, id="a trait missing"),
    pytest.param(primary(4, {"KH": []}), None, id="a test missing"),
    pytest.param(primary(4, {"KH": ["4", None]}), None, id="second attempt still open"),
    pytest.param(primary(4, {"KH": ["4", "9"]}), "HTXS", id="the last attempt counts"),
    pytest.param(primary(4, {"KH": ["9", "4"]}), "CHT", id="the last attempt counts when worse"),
    pytest.param(primary(1, "9"), "HTXS", id="grade 1"),
]


@pytest.mark.parametrize(("pupil", "expected"), YEAR_LEVELS)
def test_year_level(pupil: dict[str, Any], expected: str | None) -> None:
    result = assess_primary_json(pupil)
    assert result.year_level == expected
    assert result.class_completed == (expected in {"HTXS", "HTT", "HT"})
    assert bool(result.missing) == (expected is None)
    assert result.reasons[0].rule == "TT27 Đ.9.2.a"


def test_what_is_missing_is_named() -> None:
    result = assess_primary_json(primary(5, {"KH": []}, {"AN": None}, {"TU_CHU": None}))
    assert result.missing == ("subjects.KH.tests.year_end", "subjects.AN.level", "traits.TU_CHU.level")
    assert (result.promotion, result.title) == (Promotion.PENDING, None)
    assert "Khoa học: điểm bài kiểm tra cuối năm; Âm nhạc: mức đạt được" in result.reasons[0].text


def with_test(grade: int, code: str, period: str, marks: list[str]) -> dict[str, Any]:
    pupil = primary(grade)
    subject = next(one for one in pupil["subjects"] if one["code"] == code)
    subject["tests"] = {**subject.get("tests", {}), period: marks}
    return pupil


@pytest.mark.parametrize(
    ("grade", "code", "period", "marks"),
    [
        pytest.param(3, "TOAN", "mid_s1", ["8"], id="H22"),
        pytest.param(3, "TOAN", "mid_s2", ["8"], id="H22 second term"),
        pytest.param(4, "NN1", "mid_s1", ["8"], id="only TV and Toán at mid-term"),
        pytest.param(4, "TOAN", "midterm", ["8"], id="unknown point of time"),
        pytest.param(4, "DD", "year_end", ["8"], id="no test in Đạo đức"),
        pytest.param(2, "TNXH", "year_end", ["8"], id="no test in TNXH"),
        pytest.param(4, "TOAN", "year_end", ["8.5"], id="decimal"),
        pytest.param(4, "TOAN", "year_end", ["8,0"], id="decimal comma"),
        pytest.param(4, "TOAN", "year_end", ["11"], id="eleven"),
        pytest.param(4, "TOAN", "year_end", ["-1"], id="negative"),
        pytest.param(4, "TOAN", "end_s1", ["x", "9"], id="also attempts that do not count"),
    ],
)
def test_tests_that_cannot_be(grade: int, code: str, period: str, marks: list[str]) -> None:
    with pytest.raises(InvalidPupilYear) as refused:
        assess_primary_json(with_test(grade, code, period, marks))
    assert refused.value.path == f"subjects.{code}.tests.{period}"
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("period", ["mid_s1", "mid_s2", "end_s1"])
def test_only_the_year_end_counts(period: str) -> None:
    assert assess_primary_json(with_test(4, "TOAN", period, ["2"])).year_level is YearLevel.EXCELLENT


def test_zero_is_accepted_with_a_warning_or_waits_by_policy() -> None:
    pupil = primary(4, {"TOAN": ["0"]})
    result = assess_primary_json(pupil)
    assert result.year_level is YearLevel.NOT_COMPLETED
    assert any(one.rule == "TT27 Đ.7.1.b" and "Toán có điểm 0" in one.text for one in result.reasons)
    waiting = assess_primary_json(pupil, Policy(primary_zero_allowed=False))
    assert (waiting.year_level, waiting.missing) == (None, ("subjects.TOAN.tests.year_end",))


def test_subject_that_does_not_count() -> None:
    pupil = primary(4)
    pupil["subjects"].append({"code": "TDTTS", "level": "C", "counts": False})
    assert assess_primary_json(pupil).year_level is YearLevel.EXCELLENT
    pupil["subjects"][-1].pop("counts")
    assert assess_primary_json(pupil).year_level is YearLevel.NOT_COMPLETED
    by_policy = Policy(optional_subjects_count=False)
    assert assess_primary_json(pupil, by_policy).year_level is YearLevel.EXCELLENT


def test_exempt_subject_is_left_out() -> None:
    pupil = primary(4)
    pupil["subjects"][8] = {"code": "GDTC", "exempt": True}
    assert assess_primary_json(pupil).year_level is YearLevel.EXCELLENT


def test_subject_of_the_school_itself_may_have_an_end_test() -> None:
    pupil = primary(4)
    pupil["subjects"].append({"code": "STEM", "level": "T", "tests": {"year_end": ["8"]}})
    assert assess_primary_json(pupil).year_level is YearLevel.GOOD


def test_empty_input_is_missing_not_excellent() -> None:
    empty = {"circular": "27/2020", "grade": 1, "subjects": [], "traits": []}
    result = assess_primary_json(empty)
    assert (result.year_level, result.missing) == (None, ("subjects", "traits"))


def test_absent_compulsory_subjects_and_traits_by_policy() -> None:
    pupil = primary(4)
    pupil["subjects"] = [one for one in pupil["subjects"] if one["code"] != "AN"]
    pupil["traits"].pop()
    assert assess_primary_json(pupil).year_level is YearLevel.EXCELLENT
    strict = assess_primary_json(pupil, Policy(complete_curriculum=True))
    assert strict.missing == ("subjects.AN", "traits.THE_CHAT")
    assert strict.year_level is None
    assert assess_primary_json(primary(1), Policy(complete_curriculum=True)).missing == ()


@pytest.mark.parametrize(
    ("pupil", "promotion", "programme", "words"),
    [
        pytest.param(
            primary(3, levels={"MT": "H"}),
            Promotion.PROMOTED,
            False,
            "Hoàn thành chương trình lớp 3; được lên lớp 4.",
            id="I01",
        ),
        pytest.param(
            primary(3, levels={"MT": "C"}),
            Promotion.SUPPLEMENTARY,
            False,
            "hiệu trưởng quyết định",
            id="I04",
        ),
        pytest.param(primary(5), Promotion.PROMOTED, True, "hoàn thành chương trình tiểu học", id="grade 5"),
        pytest.param(
            primary(5, levels={"MT": "C"}),
            Promotion.SUPPLEMENTARY,
            False,
            "đánh giá bổ sung",
            id="grade 5 not yet",
        ),
    ],
)
def test_completion(pupil: dict[str, Any], promotion: Promotion, programme: bool, words: str) -> None:
    result = assess_primary_json(pupil)
    assert (result.promotion, result.programme_completed) == (promotion, programme)
    assert any(one.rule.startswith("TT27 Đ.11") and words in one.text for one in result.reasons)


def recognised(outstanding: bool, progress: bool, agrees: bool) -> dict[str, bool]:
    return {"outstanding_subject": outstanding, "clear_progress": progress, "class_agrees": agrees}


@pytest.mark.parametrize(
    ("mark", "recognition", "title"),
    [
        pytest.param("9", {}, Title.EXCELLENT, id="Xuất sắc needs nothing else"),
        pytest.param("7", recognised(True, False, True), Title.EXEMPLARY, id="I07"),
        pytest.param("7", recognised(False, True, True), Title.EXEMPLARY, id="clear progress"),
        pytest.param("7", recognised(True, True, False), None, id="the class does not agree"),
        pytest.param("7", recognised(False, False, True), None, id="no achievement"),
        pytest.param("7", {}, None, id="nothing recognised"),
        pytest.param("6", recognised(True, False, True), None, id="I10"),
    ],
)
def test_title(mark: str, recognition: dict[str, bool], title: Title | None) -> None:
    result = assess_primary_json(primary(4, mark, recognition=recognition))
    assert result.title is title
    assert result.reasons[-1].rule == "TT27 Đ.13.1.a"


@pytest.mark.parametrize("grade", [0, 6])
def test_grade_outside_the_circular(grade: int) -> None:
    with pytest.raises(InvalidPupilYear) as refused:
        assess_primary_json({**primary(4), "grade": grade})
    assert refused.value.path == "grade"


def test_the_same_trait_twice_is_refused() -> None:
    pupil = primary(4)
    pupil["traits"].append({"code": "YEU_NUOC", "level": "C"})
    with pytest.raises(InvalidPupilYear, match="hai lần"):
        assess_primary_json(pupil)


WEAK = {"TOAN": ["3"], **{code: ["9"] for code in ("TV", "NN1", "LSDL", "KH", "TH", "CN")}}


@pytest.mark.parametrize(
    ("supplement", "principal", "after", "promotion"),
    [
        (None, "PROMOTED", UNSET, Promotion.SUPPLEMENTARY),
        ({"levels": {"TOAN": "H"}}, "PROMOTED", UNSET, Promotion.SUPPLEMENTARY),
        ({"levels": {"TOAN": "H"}, "test_marks": {"TOAN": "5"}}, None, "HT", Promotion.PROMOTED),
        ({"levels": {"TOAN": "H"}, "test_marks": {"TOAN": "5"}}, "RETAINED", "HT", Promotion.PROMOTED),
        ({"levels": {"TOAN": "C"}, "test_marks": {"TOAN": "9"}}, None, "CHT", Promotion.SUPPLEMENTARY),
        ({"levels": {"TOAN": "H"}, "test_marks": {"TOAN": "4"}}, "PROMOTED", "CHT", Promotion.PROMOTED),
        ({"levels": {"TOAN": "H"}, "test_marks": {"TOAN": "4"}}, "RETAINED", "CHT", Promotion.RETAINED),
        ({"levels": {"TOAN": "H", "TV": "C"}, "test_marks": {"TOAN": "5"}}, None, "HT", Promotion.PROMOTED),
    ],
)
def test_additional_assessment_and_then_the_principal(
    supplement: dict[str, Any] | None, principal: str | None, after: Any, promotion: Promotion
) -> None:
    """I04: the machine never decides; the principal only where everything was assessed again in vain."""
    pupil = primary(4, WEAK, {"TOAN": "C"}) | {"supplement": supplement, "principal": principal}
    result = assess_primary_json(pupil)
    assert (result.year_level, result.after_supplement) == (YearLevel.NOT_COMPLETED, after)
    assert (result.promotion, result.class_completed) == (promotion, after == "HT")
    assert any(one.rule == "TT27 Đ.11.1.c" for one in result.reasons) == (after == "CHT")


def test_nobody_who_completed_is_assessed_again() -> None:
    pupil = primary(4) | {"supplement": {"levels": {"TV": "C"}}, "principal": "RETAINED"}
    result = assess_primary_json(pupil)
    assert (result.promotion, result.after_supplement) == (Promotion.PROMOTED, UNSET)
    pupil["supplement"] = {"test_marks": {"TV": "4,5"}}
    with pytest.raises(InvalidPupilYear, match="số nguyên từ 0 đến 10"):
        assess_primary_json(pupil)
