"""The programme tables against the sums that the programme prints, and the roll-out of the circulars."""

import pytest

from backend.records.assessment.rules.rule_sets import rule_set_for
from backend.records.assessment.schemas import Circular, InvalidPupilYear
from backend.records.roster.curriculum import (
    ELECTIVES_CHOSEN,
    TRAITS,
    AssessedBy,
    Kind,
    TraitGroup,
    find_subject,
    subject_name,
    subjects_of,
    traits_of,
)
from backend.tenants.schools.schemas import SchoolLevel, level_of

LESSONS = {1: 875, 2: 875, 3: 980, 4: 1050, 5: 1050, 6: 1015, 7: 1015, 8: 1032, 9: 1032}
TOPIC_LESSONS = 105


@pytest.mark.parametrize(("grade", "lessons"), LESSONS.items())
def test_compulsory_lessons_add_up(grade: int, lessons: int) -> None:
    assert sum(one.lessons_per_year for one in subjects_of(grade) if one.kind is Kind.COMPULSORY) == lessons


@pytest.mark.parametrize("grade", [10, 11, 12])
def test_upper_secondary_lessons_add_up(grade: int) -> None:
    compulsory = sum(one.lessons_per_year for one in subjects_of(grade) if one.kind is Kind.COMPULSORY)
    electives = {one.lessons_per_year for one in subjects_of(grade) if one.kind is Kind.ELECTIVE}
    assert electives == {70}
    assert compulsory + ELECTIVES_CHOSEN * 70 + TOPIC_LESSONS == 997


@pytest.mark.parametrize("grade", [6, 7, 8, 9])
def test_lower_secondary_has_eight_scored_and_four_comment_subjects(grade: int) -> None:
    modes = [one.assessed_by for one in subjects_of(grade) if one.kind is Kind.COMPULSORY]
    assert (modes.count(AssessedBy.SCORE), modes.count(AssessedBy.COMMENT)) == (8, 4)


@pytest.mark.parametrize(
    ("grade", "year_end", "mid_term"),
    [
        (1, "TV TOAN", ""),
        (2, "TV TOAN", ""),
        (3, "TV TOAN NN1 TH CN", ""),
        (4, "TV TOAN NN1 LSDL KH TH CN", "TV TOAN"),
        (5, "TV TOAN NN1 LSDL KH TH CN", "TV TOAN"),
    ],
)
def test_periodic_tests_of_primary_grades(grade: int, year_end: str, mid_term: str) -> None:
    assert [one.code for one in subjects_of(grade) if one.year_end_test] == year_end.split()
    assert [one.code for one in subjects_of(grade) if one.mid_term_test] == mid_term.split()


def test_regular_marks_follow_the_lessons() -> None:
    numbers = {one.code: one.regular_marks for one in subjects_of(8)}
    assert numbers["TOAN"] == 4
    assert numbers["CN"] == 3
    assert numbers["GDCD"] == 2
    assert numbers["GDTC"] == 2
    assert {one.regular_marks for one in subjects_of(4)} == {0}


def test_codes_are_unique_in_a_grade() -> None:
    for grade in range(1, 13):
        codes = [one.code for one in subjects_of(grade)]
        assert len(codes) == len(set(codes))


def test_traits() -> None:
    groups = [one.group for one in TRAITS]
    assert [groups.count(group) for group in TraitGroup] == [5, 3, 7]
    assert len({one.code for one in TRAITS}) == 15
    assert [len(traits_of(grade)) for grade in (1, 2, 3, 4, 5)] == [13, 13, 15, 15, 15]


def test_look_ups() -> None:
    found = find_subject(4, "TH")
    assert found is not None
    assert (found.name, found.group) == ("Tin học", "Tin học và Công nghệ")
    assert find_subject(4, "VAN") is None
    assert subject_name(8, "STEM") == "STEM"
    assert [level_of(grade) for grade in (1, 5, 6, 9, 10, 12)] == [
        SchoolLevel.PRIMARY,
        SchoolLevel.PRIMARY,
        SchoolLevel.LOWER_SECONDARY,
        SchoolLevel.LOWER_SECONDARY,
        SchoolLevel.UPPER_SECONDARY,
        SchoolLevel.UPPER_SECONDARY,
    ]
    with pytest.raises(ValueError, match="no school level"):
        subjects_of(13)


@pytest.mark.parametrize(
    ("start_year", "grade", "circular"),
    [
        (2020, 1, Circular.PRIMARY),
        (2025, 5, Circular.PRIMARY),
        (2021, 6, Circular.SECONDARY),
        (2024, 9, Circular.SECONDARY),
        (2025, 12, Circular.SECONDARY),
    ],
)
def test_circular_of_a_school_year(start_year: int, grade: int, circular: Circular) -> None:
    assert rule_set_for(start_year, grade).circular is circular


@pytest.mark.parametrize(("start_year", "grade"), [(2019, 1), (2023, 5), (2022, 8), (2023, 12), (2025, 13)])
def test_no_circular_known(start_year: int, grade: int) -> None:
    with pytest.raises(InvalidPupilYear, match="Chưa có quy định"):
        rule_set_for(start_year, grade)
