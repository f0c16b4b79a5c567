"""The calendar of a school year: its terms, and by when each step of the season is done."""

import uuid
from collections.abc import Mapping

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action, Deed
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.records.calendar import queries, rules
from backend.records.calendar.schemas import Notice, Step, Year


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

    Raises NotFound, Invalid with the two days that disagree.
    """
    year = await get_year(session, year_id)
    old, new = year.calendar, rules.checked(year, term_1_ends_on, term_2_starts_on, last_days)
    if new != old:
        await queries.put_calendar(session, year.id, new)
        deed = Deed(year.id, f"Năm học {year.name}", rules.differences(old, new))
        await audit.record_many(session, actor, Action.CALENDAR_CHANGED, [deed])
    return year


def notices(year: Year | None, left: Mapping[str, int]) -> tuple[Notice, ...]:
    """Last days of the year that are near or over; `left` says for each step how much of it is not done."""
    if year is None or year.calendar is None:
        return ()
    today = clock.today()
    found = (
        rules.notice(step, day, today, left.get(step, 0), "sổ điểm" if step is Step.LOCKED else "học sinh")
        for step, day in year.calendar.last_days.items()
    )
    return tuple(one for one in found if one)
