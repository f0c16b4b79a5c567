"""When an e-mail may go, and what stands in it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.integrations.notifications import rules
from backend.integrations.notifications.schemas import Kind, Notice, Rhythm, Setting

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
_HOURS = st.integers(0, 23)
_SETTINGS = st.builds(Setting, hour=_HOURS, quiet_from=_HOURS, quiet_until=_HOURS)


def at(hour: int, minute: int = 0, day: int = 20) -> datetime:
    return datetime(2026, 5, day, hour, minute, tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("quiet", "wanted", "goes"),
    [
        ((20, 6), at(19, 59), at(19, 59)),
        ((20, 6), at(20), at(6, day=21)),
        ((20, 6), at(3), at(6)),
        ((20, 6), at(6), at(6)),
        ((12, 13), at(12, 30), at(13)),
        ((9, 9), at(9, 30), at(9, 30)),
    ],
)
def test_nothing_goes_in_quiet_hours(quiet: tuple[int, int], wanted: datetime, goes: datetime) -> None:
    setting = Setting(quiet_from=quiet[0], quiet_until=quiet[1])
    assert rules.goes_at(setting, wanted.astimezone(UTC), VIETNAM) == goes


@given(_SETTINGS, st.datetimes(datetime(2026, 5, 1), datetime(2026, 5, 31)))  # noqa: DTZ001
def test_a_digest_goes_within_a_day_and_never_in_quiet_hours(setting: Setting, now: datetime) -> None:
    moment = now.replace(tzinfo=VIETNAM)
    goes = rules.digest_at(setting, moment, VIETNAM)
    assert moment <= goes < moment + timedelta(days=2)
    assert rules.goes_at(setting, goes, VIETNAM) == goes


def test_a_weekly_digest_is_due_on_mondays() -> None:
    weekly = Setting(rhythm=Rhythm.WEEKLY)
    assert [day for day in range(18, 25) if rules.is_due(weekly, date(2026, 5, day))] == [18]
    assert not rules.is_due(Setting(rhythm=Rhythm.NEVER), date(2026, 5, 18))
    assert rules.is_due(Setting(), date(2026, 5, 19))


def test_what_is_late_stands_first_and_the_subject_counts() -> None:
    late = Notice(
        kind=Kind.WORK, text="12 sổ điểm của bạn chưa nộp", url="/x", due=date(2026, 5, 20), days=-2
    )
    soon = Notice(kind=Kind.REJECTED, text="3 học bạ bị Sở từ chối", url="/gui?trang_thai=rejected")
    found = rules.in_order([soon, late])
    assert found == (late, soon)
    assert rules.subject_of(found) == "Học bạ số: 2 việc đang chờ bạn, 1 việc quá hạn"
    text = rules.text_of(found, "Trường Hoa Mai", "https://hocba.example")
    assert (
        "- 12 sổ điểm của bạn chưa nộp (hạn: hết ngày 20/05/2026, quá 2 ngày)\n  https://hocba.example/x\n"
        in text
    )
    assert "https://hocba.example/thong-bao/cai-dat" in text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("hourly", "7", "20", "6"), "Thư tóm tắt"),
        (("daily", "24", "20", "6"), "Giờ gửi"),
        (("daily", "7", "-1", "6"), "Im lặng từ"),
        (("daily", "7", "20", "sáu"), "Im lặng đến"),
    ],
)
def test_what_is_typed_wrongly_is_named(typed: tuple[str, str, str, str], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        rules.checked(*typed, urgent=True)
