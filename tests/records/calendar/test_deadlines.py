"""Which last day holds: the plan of the province, the reference, or the school's own."""

from datetime import date

import pytest

from backend.core.errors import Invalid
from backend.core.ids import new_id
from backend.records.calendar import rules
from backend.records.calendar.deadlines import DEADLINES
from backend.records.calendar.schemas import Calendar, Step, Year
from backend.records.roster.schemas import AcademicYearId
from backend.tenants.schools.schemas import PROVINCES

NINH_BINH, ELSEWHERE = "37", "14"


def year(name: str = "2025-2026", **last_days: date) -> Year:
    """A school year; with days, one whose calendar says them."""
    ending = int(name[-4:])
    days = {Step(step): day for step, day in last_days.items()}
    calendar = Calendar(
        term_1_ends_on=date(ending, 1, 16), term_2_starts_on=date(ending, 1, 19), last_days=days
    )
    return Year(
        id=AcademicYearId(new_id()),
        name=name,
        starts_on=date(ending - 1, 9, 5),
        ends_on=date(ending, 5, 31),
        calendar=calendar if days else None,
    )


@pytest.mark.parametrize(
    ("province", "grade", "step", "day"),
    [
        (NINH_BINH, 6, Step.SUBMITTED, date(2026, 5, 19)),
        (NINH_BINH, 6, Step.ISSUED, date(2026, 5, 30)),
        (NINH_BINH, 9, Step.ISSUED, date(2026, 5, 20)),
        (NINH_BINH, 9, Step.REPORTED, date(2026, 6, 29)),
        (ELSEWHERE, 9, Step.ISSUED, date(2026, 6, 29)),
        (ELSEWHERE, 1, Step.REPORTED, date(2026, 6, 29)),
        (ELSEWHERE, 1, Step.SUBMITTED, None),
    ],
)
def test_a_plan_holds_for_its_province_and_grades(
    province: str, grade: int, step: Step, day: date | None
) -> None:
    """“Trước ngày 20/5” is the end of 19/5."""
    found = rules.dues(year(), province)[grade].get(step)
    assert (found.day if found else None) == day


def test_a_plan_of_one_year_holds_in_that_year() -> None:
    found = [rules.dues(year(name), "92")[1].get(Step.SUBMITTED) for name in ("2023-2024", "2024-2025")]
    assert [one.day if one else None for one in found] == [date(2024, 5, 24), None]
    assert "92" in PROVINCES


def test_the_earlier_of_school_and_province_holds() -> None:
    known = rules.dues(year(issued=date(2026, 5, 25)), NINH_BINH)
    assert known[6][Step.ISSUED].day == date(2026, 5, 25)
    assert known[6][Step.ISSUED].source == ""
    assert known[9][Step.ISSUED].day == date(2026, 5, 20)
    assert "Xuân Ninh" in known[9][Step.ISSUED].source
    assert known[9][Step.ISSUED].says == "trước ngày 21/05/2026"


def test_a_reference_is_left_to_the_school_once_it_has_decided() -> None:
    assert Step.ISSUED not in rules.dues(year(locked=date(2026, 5, 20)), ELSEWHERE)[6]


def test_a_school_sets_no_day_after_that_of_its_province() -> None:
    terms = ("2026-01-16", "2026-01-19")
    late = {Step.SUBMITTED: "2026-05-20"}
    with pytest.raises(Invalid, match=r"muộn hơn kế hoạch của tỉnh \(trước ngày 20/05/2026"):
        rules.checked(year(), *terms, late, NINH_BINH)
    assert rules.checked(year(), *terms, late, ELSEWHERE).last_days == {Step.SUBMITTED: date(2026, 5, 20)}
    in_time = {Step.SUBMITTED: "2026-05-19"}
    assert rules.checked(year(), *terms, in_time, NINH_BINH).last_days[Step.SUBMITTED] == date(2026, 5, 19)


def test_grades_with_another_day_are_named() -> None:
    known = rules.dues(year(), NINH_BINH)
    left = {6: {Step.ISSUED: 3}, 9: {Step.ISSUED: 2}}
    ninth, others = rules.notices(known, left, date(2026, 5, 24))
    assert (ninth.is_over, others.is_over) == (True, False)
    assert "Ký và phát hành (khối 9): đã quá hạn" in ninth.text
    assert "Ký và phát hành (khối 6): hạn là hết ngày 30/05/2026, còn 6 ngày; còn 3 học sinh" in others.text
    [alone] = rules.notices(known, {9: {Step.ISSUED: 2}}, date(2026, 5, 20))
    assert alone.text.startswith("Ký và phát hành: hôm nay là ngày cuối")


def test_lines_for_people_name_source_and_reading() -> None:
    lines = rules.plan_lines(year(), NINH_BINH, range(6, 10))
    assert [(one.step, one.whom, one.binds) for one in lines] == [
        ("Nộp sổ điểm", "mọi khối", True),
        ("Ký và phát hành", "khối 9", True),
        ("Ký và phát hành", "mọi khối", True),
        ("Ký và phát hành", "mọi khối", False),
        ("Báo cáo về Sở", "mọi khối", False),
    ]
    primary = rules.plan_lines(year(), ELSEWHERE, range(1, 6))
    assert primary[-1].whom == "học sinh đánh giá bổ sung trong hè, khối 1, 2, 3, 4"
    assert primary[-1].day == date(2026, 8, 14)
    assert all(one.source for one in DEADLINES)
