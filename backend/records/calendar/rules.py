"""What a calendar may say, and when it speaks up."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import pairwise

from backend.core.errors import Invalid
from backend.core.text import read_day
from backend.records.calendar.deadlines import ALL_GRADES, DEADLINES, Deadline, deadlines_of
from backend.records.calendar.schemas import STEP_NAMES, Calendar, Due, Dues, Notice, PlanLine, Step, Year

#: So many days before a last day the home page begins to speak of it.
NEAR = 7
#: The latest day that a step of a year may have, after the year's last: re-assessment in summer comes before 15/8.
LONGEST_AFTER = timedelta(days=92)


def proposed(year: Year, province: str) -> dict[Step, date]:
    """Last days that a school is offered before it has said anything: those of most grades."""
    return {
        step: max(one.last_day(year.ends_on.year) for one in found)
        for step, found in _planned(year, province).items()
    }


def dues(year: Year, province: str) -> Dues:
    """The last days that hold, by grade. A plan without province is left to the school once it has a calendar."""
    return {grade: _dues_of(year, province, grade) for grade in ALL_GRADES}


def _dues_of(year: Year, province: str, grade_level: int) -> dict[Step, Due]:
    found = {}
    planned = deadlines_of(province, year.name, grade_level)
    for step in Step:
        own = year.calendar.last_days.get(step) if year.calendar else None
        plan = planned.get(step)
        if plan and not plan.province and year.calendar:
            plan = None
        last_day = plan.last_day(year.ends_on.year) if plan else None
        if plan and last_day and (own is None or last_day < own):
            words = plan.words(year.ends_on.year)
            found[step] = Due(step=step, day=last_day, says=words, source=plan.source)
        elif own:
            found[step] = Due(step=step, day=own)
    return found


def _planned(year: Year, province: str) -> dict[Step, list[Deadline]]:
    found: dict[Step, list[Deadline]] = {}
    for grade in sorted(ALL_GRADES):
        for step, one in deadlines_of(province, year.name, grade).items():
            found.setdefault(step, []).append(one)
    return {step: found[step] for step in Step if step in found}


def plan_lines(year: Year, province: str, grades: Iterable[int]) -> list[PlanLine]:
    """What plans say about this year for a school with these grades, those of its province first."""
    here = frozenset(grades)
    ending = year.ends_on.year
    found = [
        one
        for one in DEADLINES
        if one.province in ("", province) and one.grades & here and (not one.years or year.name in one.years)
    ]
    return [
        PlanLine(
            step=STEP_NAMES[one.step],
            whom=_whom(one, here),
            says=one.words(ending),
            day=one.last_day(ending),
            source=one.source,
            binds=bool(one.province),
        )
        for one in sorted(
            found, key=lambda one: (not one.province, list(Step).index(one.step), one.last_day(ending))
        )
    ]


def _whom(one: Deadline, here: frozenset[int]) -> str:
    grades = "mọi khối" if here <= one.grades else _grades(one.grades & here)
    return f"học sinh đánh giá bổ sung trong hè, {grades}" if one.after_summer else grades


def _grades(grades: Iterable[int]) -> str:
    return "khối " + ", ".join(str(grade) for grade in sorted(grades))


def checked(
    year: Year,
    term_1_ends_on: str,
    term_2_starts_on: str,
    last_days: Mapping[Step, str],
    province: str = "",
) -> Calendar:
    """A calendar out of what was typed; an empty last day is none.

    Raises Invalid with the two days that disagree, or for a day later than the plan of the province.
    """
    ends = read_day(term_1_ends_on, "Học kì I kết thúc")
    starts = read_day(term_2_starts_on, "Học kì II bắt đầu")
    _require_order(
        [
            ("Ngày khai giảng", year.starts_on),
            ("Học kì I kết thúc", ends),
            ("Học kì II bắt đầu", starts),
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
    _require_within_plan(year, province, days)
    return Calendar(term_1_ends_on=ends, term_2_starts_on=starts, last_days=days)


def _require_within_plan(year: Year, province: str, days: Mapping[Step, date]) -> None:
    ending = year.ends_on.year
    for step, plans in _planned(year, province).items():
        latest = max(
            (one for one in plans if one.province), key=lambda one: one.last_day(ending), default=None
        )
        day = days.get(step)
        if latest and day and day > latest.last_day(ending):
            raise Invalid(
                f"Hạn “{STEP_NAMES[step]}” ({day:%d/%m/%Y}) muộn hơn kế hoạch của tỉnh "
                f"({latest.words(ending)}: {latest.source}); xin chọn từ {latest.last_day(ending):%d/%m/%Y} trở về trước."
            )


def _require_order(days: Iterable[tuple[str, date]], *, strictly: bool) -> None:
    for (name, day), (next_name, next_day) in pairwise(days):
        if next_day < day or (strictly and next_day == day):
            raise Invalid(
                f"“{next_name}” ({next_day:%d/%m/%Y}) phải đứng sau “{name}” ({day:%d/%m/%Y}); "
                "xin sửa một trong hai ngày."
            )


def notices(dues: Dues, left: Mapping[int, Mapping[Step, int]], today: date) -> tuple[Notice, ...]:
    """Last days that are near or over while something is left; `left` says how much, by grade and step.

    Grades that share a day share a sentence, and are named where others of the school have another.
    """
    found = []
    for step in Step:
        days: dict[date, list[int]] = {}
        for grade in sorted(left):
            if step in left[grade] and (due := dues[grade].get(step)):
                days.setdefault(due.day, []).append(grade)
        for day, grades in sorted(days.items()):
            still = sum(left[grade][step] for grade in grades)
            whom = f" ({_grades(grades)})" if len(days) > 1 else ""
            found.append(notice(step, day, today, still, whom))
    return tuple(one for one in found if one)


def notice(step: Step, last_day: date, today: date, left: int, whom: str = "") -> Notice | None:
    """What to say of a last day while `left` things are not done; None where all is done, or the day is far."""
    days = (last_day - today).days
    if not left or days > NEAR:
        return None
    unit = "sổ điểm" if step in (Step.SUBMITTED, Step.LOCKED) else "học sinh"
    name, still = STEP_NAMES[step] + whom, f"còn {left} {unit} chưa xong"
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
