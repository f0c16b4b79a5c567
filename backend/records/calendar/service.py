"""The calendar of a school year: its terms, and by when each step of the season is done."""

import uuid
from collections.abc import Mapping
from datetime import date

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action, Deed
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.records.calendar import deadlines, queries, rules
from backend.records.calendar.schemas import Closing, Dues, Notice, PlanLine, Step, Year
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import GRADES


async def get_year(session: TenantSession, year_id: uuid.UUID) -> Year:
    """A school year with its calendar. Raises NotFound."""
    year = await queries.find_year(session, year_id)
    if year is None:
        raise NotFound("Không tìm thấy năm học này.")
    return year


async def change(
    session: TenantSession,
    actor: Actor,
    year_id: uuid.UUID,
    term_1_ends_on: str,
    term_2_starts_on: str,
    last_days: Mapping[Step, str],
) -> Year:
    """Set the calendar of a year, as it was typed; an empty last day is none.

    Raises NotFound, Invalid with the two days that disagree, or for a day later than the plan of the province.
    """
    year = await get_year(session, year_id)
    province = (await schools.get_school(session)).province_code
    old, new = year.calendar, rules.checked(year, term_1_ends_on, term_2_starts_on, last_days, province)
    if new != old:
        await queries.put_calendar(session, year.id, new)
        deed = Deed(year.id, f"Năm học {year.name}", rules.differences(old, new))
        await audit.record_many(session, actor, Action.CALENDAR_CHANGED, [deed])
    return year


async def dues(session: TenantSession, year: Year) -> Dues:
    """The last days that hold for each grade: the earlier of the school's and of what its province's plan says."""
    return rules.dues(year, (await schools.get_school(session)).province_code)


async def proposed(session: TenantSession, year: Year) -> dict[Step, date]:
    """Last days that the school is offered before it has said anything."""
    return rules.proposed(year, (await schools.get_school(session)).province_code)


async def plan_lines(session: TenantSession, year: Year) -> list[PlanLine]:
    """What plans say about the year, for a school of this province and these levels."""
    school = await schools.get_school(session)
    grades = [grade for level in school.levels for grade in GRADES[level]]
    return rules.plan_lines(year, school.province_code, grades)


def summer_ends(year_name: str) -> date:
    """The last day for transcripts that wait for a result after the summer of a year, "2025-2026" (PL1 §2.1)."""
    return deadlines.summer_ends(int(year_name[-4:]))


async def closing(session: TenantSession, year_name: str, grade_level: int, frozen_on: date) -> Closing:
    """Until when a transcript of a year that was frozen on a day may be changed, by the plan of the school's province.

    Days that the school sets itself are earlier aims and close nothing.
    """
    province = (await schools.get_school(session)).province_code
    found = deadlines.closing_of(province, year_name, grade_level, frozen_on)
    ending = int(year_name[-4:])
    return Closing(last_day=found.last_day(ending), says=found.words(ending), source=found.source)


def notices(dues: Dues, left: Mapping[int, Mapping[Step, int]]) -> tuple[Notice, ...]:
    """Last days that are near or over; `left` says for each grade and step how much of it is not done."""
    return rules.notices(dues, left, clock.today())
