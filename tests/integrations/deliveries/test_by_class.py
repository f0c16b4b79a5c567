"""What of a class has reached the Authority: counted by the state of each delivery."""

from datetime import date

from backend.core.ids import new_id
from backend.integrations.deliveries import rules
from backend.integrations.deliveries.schemas import DeliveryState
from backend.records.calendar.schemas import Due, Step
from backend.records.roster.schemas import AcademicYearId, ClassId, ClassSummary

CLASS = ClassSummary(
    id=ClassId(new_id()),
    name="1A",
    grade_level=1,
    academic_year="2025-2026",
    academic_year_id=AcademicYearId(new_id()),
    homeroom_teacher_id=None,
    homeroom_teacher=None,
    students=9,
)


def test_each_state_counts_where_it_belongs() -> None:
    states = dict.fromkeys((state.value for state in DeliveryState), 1)
    due = Due(step=Step.REPORTED, day=date(2026, 6, 29))
    found = rules.class_progress(CLASS, 8, states, {Step.REPORTED: due}, date(2026, 6, 30))
    assert (found.issued, found.sent, found.accepted, found.troubled) == (8, 3, 1, 2)
    assert (found.due, found.days) == (date(2026, 6, 29), -1)
    assert rules.class_progress(CLASS, 8, {}, {}, date(2026, 6, 30)).due is None
