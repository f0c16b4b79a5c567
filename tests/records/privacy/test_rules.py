"""The last days of requests (Luật 91/2025/QH15, Nghị định 356/2025/NĐ-CP)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Conflict
from backend.core.text import masked
from backend.records.privacy import rules
from backend.records.privacy.schemas import RequestKind, RequestState

FRIDAY, SATURDAY, MONDAY = date(2026, 11, 27), date(2026, 11, 28), date(2026, 11, 30)


@pytest.mark.parametrize(
    ("received", "by"),
    [(FRIDAY, date(2026, 12, 1)), (SATURDAY, date(2026, 12, 1)), (MONDAY, date(2026, 12, 2))],
)
def test_two_working_days(received: date, by: date) -> None:
    assert rules.deadlines(RequestKind.SEE, received).acknowledge_by == by


@pytest.mark.parametrize(("kind", "days"), rules.ANSWER_DAYS.items())
def test_each_kind_has_its_days(kind: RequestKind, days: int) -> None:
    assert rules.deadlines(kind, FRIDAY).answer_by == FRIDAY + timedelta(days=days)
    assert set(rules.ANSWER_DAYS) == set(RequestKind)


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.integers(1, 10))
def test_working_days_are_counted(start: date, count: int) -> None:
    end = rules.after_working_days(start, count)
    days = [start + timedelta(days=number + 1) for number in range((end - start).days)]
    assert sum(day.weekday() < 5 for day in days) == count
    assert end.weekday() < 5


def test_one_extension() -> None:
    assert rules.extended(FRIDAY, None) == FRIDAY + timedelta(days=15)
    with pytest.raises(Conflict, match="một lần"):
        rules.extended(FRIDAY, "chờ Sở trả lời")


@pytest.mark.parametrize("state", [RequestState.ANSWERED, RequestState.REFUSED])
def test_what_is_closed_stays_closed(state: RequestState) -> None:
    with pytest.raises(Conflict, match="đã được trả lời"):
        rules.require_open(state)


def test_numbers_show_their_end() -> None:
    assert masked("000319000123") == "••••••••0123"
    assert masked("") == ""
