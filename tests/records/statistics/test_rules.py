"""Figures that add up, whatever the school is like; last days that were kept or not."""

import uuid
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.actor import StaffId
from backend.core.errors import Invalid
from backend.records.calendar.schemas import Due, Step
from backend.records.departments.schemas import DepartmentId, DepartmentView
from backend.records.statistics import coverage, rules
from backend.records.statistics.schemas import Count, CoverageLine, Finished, Holding, Reported, Verdict
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Role

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
_COUNTS = st.builds(
    Count,
    grade_level=st.integers(1, 12),
    classes=st.just(1),
    classes_in=st.integers(0, 1),
    pupils=st.integers(0, 60),
    pupils_in=st.integers(0, 60),
    issued=st.integers(0, 60),
    recalled=st.integers(0, 9),
    completed=st.integers(0, 9),
    left=st.integers(0, 9),
)
_PEOPLE = st.lists(
    st.builds(
        Holding,
        staff_id=st.builds(StaffId, st.uuids()),
        name=st.just("Người thử"),
        role=st.sampled_from(["Hiệu trưởng", "Văn thư", "Giáo viên bộ môn", "Chưa có vai trò"]),
        signs=st.booleans(),
        department=st.sampled_from(["", "Tổ Toán", "Tổ Văn"]),
        provider=st.sampled_from(["", "Dịch vụ A", "Dịch vụ B"]),
        valid_until=st.dates(date(2026, 1, 1), date(2027, 1, 1)),
        has_one=st.booleans(),
        ended=st.booleans(),
    )
)


@given(st.lists(_COUNTS))
def test_grades_add_up_to_the_school_and_classes_to_their_grades(classes: list[Count]) -> None:
    found = rules.ratios(None, date(2026, 6, 25), classes)
    for name in ("classes", "classes_in", "pupils", "pupils_in", "issued", "recalled", "completed", "left"):
        total = sum(getattr(one, name) for one in classes)
        assert getattr(found.total, name) == total == sum(getattr(one, name) for one in found.grades)


@given(_PEOPLE)
def test_every_table_of_certificates_adds_up(people: list[Holding]) -> None:
    found = coverage.coverage(people, None, date(2026, 6, 29))
    for lines in (found.departments, found.roles):
        assert sum(one.total for one in lines) == found.total.total == len(people)
        assert sum(one.having for one in lines) == found.total.having
        assert sum(one.lacking for one in lines) == found.total.lacking == len(people) - found.total.having
    assert sum(one.total for one in found.providers) == found.total.having


def test_who_has_left_is_in_no_line_and_who_is_in_two_departments_in_one() -> None:
    gone, twice = (StaffId(uuid.uuid4()) for _ in range(2))
    departments = [
        DepartmentView(
            id=DepartmentId(uuid.uuid4()), name=name, head_id=None, head=None, members=(gone, twice)
        )
        for name in ("Tổ Toán", "Tổ Văn")
    ]
    roles = frozenset({Role.SUBJECT_TEACHER, Role.PRINCIPAL})
    joined = datetime(2025, 9, 1, tzinfo=UTC)
    staff = [Staff(id=twice, full_name="A", email="", title="", roles=roles, joined_at=joined)]
    [one] = coverage.holdings(staff, departments, [], datetime(2026, 6, 1, tzinfo=UTC), VIETNAM)
    assert (one.department, one.role, one.signs, one.has_one) == ("Tổ Toán", "Hiệu trưởng", True, False)
    found = coverage.coverage([one], None, None)
    assert [(line.name, line.total) for line in (*found.departments, found.total)] == [
        ("Tổ Toán", 1),
        ("Toàn trường", 1),
    ]
    assert coverage.coverage([], None, None).total.percent is None


def test_what_was_reported_before_is_held_against_itself_and_against_today() -> None:
    """The printed total of Phụ lục 2, primary schools: 38.500 ≠ 16.700 + 21.772."""
    ours = CoverageLine(name="", total=38_500, having=16_700)
    assert coverage.reported("", " ", "") is None
    before = coverage.reported("38.500", "16.700", "21.772")
    assert before == Reported(total=38_500, having=16_700, lacking=21_772)
    itself, lacking = coverage.differences(ours, before)
    assert "16700 + chưa có 21772 = 38472, nhưng tổng số ghi 38500" in itself
    assert "báo cáo trước ghi 21772, hệ thống đếm được 21800 (chênh +28)" in lacking
    assert coverage.differences(ours, Reported(total=38_500, having=16_700, lacking=21_800)) == ()
    with pytest.raises(Invalid, match="Số chưa có chữ ký số đã báo cáo"):
        coverage.reported("1", "1", "-1")


@pytest.mark.parametrize(
    ("days", "today", "verdict", "in_time"),
    [
        ([20, 20], 25, Verdict.MET, 2),
        ([20, 21], 25, Verdict.LATE, 1),
        ([20], 21, Verdict.MISSED, 1),
        ([20], 20, Verdict.RUNNING, 1),
        ([], 25, Verdict.MISSED, 0),
    ],
)
def test_a_last_day_is_kept_until_it_ends_in_vietnam(
    days: list[int], today: int, verdict: Verdict, in_time: int
) -> None:
    """At 23:59 of the last day it is in time, one minute later it is late, whatever day it is in Greenwich."""
    due = Due(step=Step.ISSUED, day=date(2026, 6, 20))
    found = [
        Finished(
            step=Step.ISSUED,
            grade_level=1,
            at=datetime(2026, 6, day, 23 if day == 20 else 0, 59 if day == 20 else 0, tzinfo=VIETNAM),
        )
        for day in days
    ]
    grades = {1: {Step.ISSUED: 2, Step.LOCKED: 0}}
    [line] = rules.deadline_lines(grades, {1: {Step.ISSUED: due}}, found, date(2026, 6, today), VIETNAM)
    assert (line.verdict, line.in_time, line.done) == (verdict, in_time, len(days))


def test_without_a_last_day_nothing_is_late() -> None:
    [line] = rules.deadline_lines({1: {Step.FROZEN: 2}}, {}, [], date(2026, 6, 25), VIETNAM)
    assert line.verdict is Verdict.OPEN
