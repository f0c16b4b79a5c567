"""What a calendar may say, and when it speaks up."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import pairwise

from backend.core.errors import Invalid
from backend.core.text import read_day
from backend.records.calendar.schemas import STEP_NAMES, Calendar, Notice, Step, Year

#: So many days before a last day the home page begins to speak of it.
NEAR = 7
#: The latest day that a step of a year may have, after the year's last: re-assessment in summer comes before 15/8.
LONGEST_AFTER = timedelta(days=92)
#: “Trước ngày 30/6” (Hà Nội's plan of 2024, PL1 2.1). Whether that day itself counts is not known, so the day before.
ISSUED_BY = (6, 29)


def proposed(year: Year) -> dict[Step, date]:
    """Last days that a school is offered before it has said anything."""
    return {Step.ISSUED: date(year.ends_on.year, *ISSUED_BY)}


def checked(
    year: Year, term_1_ends_on: str, term_2_starts_on: str, last_days: Mapping[Step, str]
) -> Calendar:
    """A calendar out of what was typed; an empty last day is none. Raises Invalid with the two days that disagree."""
    ends = read_day(term_1_ends_on, "Học kì 1 kết thúc")
    starts = read_day(term_2_starts_on, "Học kì 2 bắt đầu")
    _require_order(
        [
            ("Ngày khai giảng", year.starts_on),
            ("Học kì 1 kết thúc", ends),
            ("Học kì 2 bắt đầu", starts),
            ("Ngày kết thúc năm học", year.ends_on),
        ],
        strictly=True,
    )
    typed = {step: last_days.get(step, "").strip() for step in Step}
    days = {step: read_day(day, STEP_NAMES[step]) for step, day in typed.items() if day}
    _require_order([(STEP_NAMES[step], day) for step, day in days.items()], strictly=False)
    for step, day in days.items():
        if not year.starts_on <= day <= year.ends_on + LONGEST_AFTER:
            raise Invalid(
                f"Hạn “{STEP_NAMES[step]}” ({day:%d/%m/%Y}) nằm ngoài năm học {year.name}; xin chọn từ "
                f"{year.starts_on:%d/%m/%Y} đến {year.ends_on + LONGEST_AFTER:%d/%m/%Y}."
            )
    return Calendar(term_1_ends_on=ends, term_2_starts_on=starts, last_days=days)


def _require_order(days: Iterable[tuple[str, date]], *, strictly: bool) -> None:
    for (name, day), (next_name, next_day) in pairwise(days):
        if next_day < day or (strictly and next_day == day):
            raise Invalid(
                f"“{next_name}” ({next_day:%d/%m/%Y}) phải đứng sau “{name}” ({day:%d/%m/%Y}); "
                "xin sửa một trong hai ngày."
            )


def notice(step: Step, last_day: date, today: date, left: int, unit: str) -> Notice | None:
    """What to say of a last day while `left` things are not done; None where all is done, or the day is far."""
    days = (last_day - today).days
    if not left or days > NEAR:
        return None
    name, still = STEP_NAMES[step], f"còn {left} {unit} chưa xong"
    if days < 0:
        return Notice(
            text=f"{name}: đã quá hạn (hạn là hết ngày {last_day:%d/%m/%Y}); {still}.", is_over=True
        )
    when = "hôm nay là ngày cuối" if days == 0 else f"hạn là hết ngày {last_day:%d/%m/%Y}, còn {days} ngày"
    return Notice(text=f"{name}: {when}; {still}.", is_over=False)


def differences(old: Calendar | None, new: Calendar) -> dict[str, str | int | None]:
    """What the audit keeps of a change: each day that is another, as it is from now on; None where it is gone."""
    before, after = _days(old), _days(new)
    return {name: after.get(name) for name in before | after if before.get(name) != after.get(name)}


def _days(calendar: Calendar | None) -> dict[str, str]:
    if calendar is None:
        return {}
    days = {"term_1_ends_on": calendar.term_1_ends_on, "term_2_starts_on": calendar.term_2_starts_on}
    days |= {f"{step}_by": day for step, day in calendar.last_days.items()}
    return {name: day.isoformat() for name, day in days.items()}
