"""The worked cases of the two circulars and of the life of a học bạ: each id, how sure it is, and the test that holds it.

Marks: S follows from the text, M from general knowledge, U is our reading of a text that leaves room (a school or the
Sở confirms it), P is decided by the school (`regulations`). When a circular changes, this is the list to go through.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
TEMPLATES = TESTS.parent / "frontend_templates"
_HERE = "records/assessment"
_LEARNING = f"{_HERE}/test_circular_22_learning.py"
_YEAR_END = f"{_HERE}/test_circular_22_promotion.py"
_PRIMARY = f"{_HERE}/test_circular_27_2020.py"

#: test → its cases with their marks
CASES = {
    f"{_LEARNING}::test_term_average": "A01:S A04:S A07:S A10:S A13:S A19:M A22:M",
    f"{_LEARNING}::test_a16_topic_is_one_more_regular_mark": "A16:U",
    f"{_LEARNING}::test_number_of_regular_marks": "N01:S N04:S N07:S",
    f"{_LEARNING}::test_year_average": "B01:S B04:S B07:S",
    f"{_LEARNING}::test_b10_year_average_comes_from_rounded_terms": "B10:U",
    f"{_LEARNING}::test_c01_comment_term_is_passed_when_all_are": "C01:M",
    f"{_LEARNING}::test_c04_comment_year_is_its_second_term": "C04:M",
    f"{_LEARNING}::test_c07_only_d_and_cd_in_a_comment_subject": "C07:S",
    f"{_LEARNING}::test_learning": "D01:S D04:S D07:S D10:S D13:S D16:S D19:S D22:S D25:S D28:U",
    f"{_LEARNING}::test_d31_optional_subject_counts_by_plan": "D31:P",
    f"{_YEAR_END}::test_conduct_of_the_year": "E01:S E04:S E07:S E10:S E13:S E16:S",
    f"{_YEAR_END}::test_absences": "F01:S F04:S",
    f"{_YEAR_END}::test_f07_reassessment_list": "F07:S",
    f"{_YEAR_END}::test_reassessment": "F10:S",
    f"{_YEAR_END}::test_conduct_and_promotion": "F13:S",
    f"{_YEAR_END}::test_f16_no_reassessment_when_learning_is_passed": "F16:S",
    f"{_YEAR_END}::test_completion_in_words": "F19:S",
    f"{_YEAR_END}::test_title": "G01:S G04:S",
    f"{_PRIMARY}::test_year_level": "H01:S H04:S H07:S H10:S H13:S H16:S H19:M",
    f"{_PRIMARY}::test_tests_that_cannot_be": "H22:S",
    f"{_PRIMARY}::test_completion": "I01:S I04:S",
    f"{_PRIMARY}::test_title": "I07:S I10:S",
    # The life of a học bạ: nothing that is frozen is edited, so no signature is ever over other marks (J01, J07).
    "records/transcripts/test_sheets_of_the_frozen.py::test_the_sheets_of_a_frozen_class_are_final": "J01:S",
    "records/transcripts/test_sheets_of_the_frozen.py::"
    "test_who_was_left_out_can_be_completed_and_the_frozen_keep_their_marks": "J07:S",
    "remote_signing/requests/test_consent.py::test_nobody_signs_out_of_turn_or_for_somebody_else": "J04:S",
    "remote_signing/formats/test_validation.py::test_an_expired_authority_is_noticed": "J10:M",
    f"{_HERE}/test_worked_cases.py::test_j13_nobody_is_ranked": "J13:S",
}
#: Every third of the full set, as the sample has them: (letter, last number).
_SAMPLE = {"A": 22, "N": 7, "B": 10, "C": 7, "D": 31, "E": 16, "F": 19, "G": 4, "H": 22, "I": 10, "J": 13}


def test_every_case_of_the_sample_has_its_test() -> None:
    listed = [one.split(":")[0] for cases in CASES.values() for one in cases.split()]
    assert {one.split(":")[1] for cases in CASES.values() for one in cases.split()} == set("SMUP")
    expected = [
        f"{letter}{number:02}" for letter, last in _SAMPLE.items() for number in range(1, last + 1, 3)
    ]
    assert sorted(listed) == sorted(expected)


@pytest.mark.parametrize("place", CASES)
def test_the_test_of_a_case_names_it(place: str) -> None:
    file, _, name = place.partition("::")
    text = (TESTS / file).read_text(encoding="utf-8")
    assert f"def {name}(" in text
    # Tests of other parts hold more than a case and have no reason to name it.
    unnamed = [
        case
        for case in re.findall(r"(\w+):", CASES[place])
        if not case.startswith("J") and not re.search(rf"(\b|_){case}(\b|_)", text, re.I)
    ]
    assert not unnamed


def test_j13_nobody_is_ranked() -> None:
    """TT15/2026 Đ.22.2: pupils are not compared with each other, on no page, no form; some say so."""
    ranked = re.compile(r"(?<!không )(?<!không có )(?:thứ hạng|xếp hạng|xếp thứ|hạng \d)", re.I)
    pages = [path for path in TEMPLATES.rglob("*") if path.suffix in (".html", ".typ")]
    assert len(pages) > 50
    assert [path.name for path in pages if ranked.search(path.read_text(encoding="utf-8"))] == []
