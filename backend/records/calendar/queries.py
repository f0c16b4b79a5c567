"""SQL of calendars."""

import uuid
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.records.calendar.models import YearCalendar
from backend.records.calendar.schemas import Calendar, Step, Year
from backend.records.roster.models import AcademicYear
from backend.records.roster.schemas import AcademicYearId


async def find_year(session: TenantSession, year_id: uuid.UUID) -> Year | None:
    """One year with its calendar."""
    query = (
        select(AcademicYear, YearCalendar)
        .outerjoin(
            YearCalendar,
            and_(
                YearCalendar.tenant_id == AcademicYear.tenant_id,
                YearCalendar.academic_year_id == AcademicYear.id,
            ),
        )
        .where(AcademicYear.tenant_id == session.tenant_id, AcademicYear.id == year_id)
        .execution_options(populate_existing=True)
    )
    found = (await session.execute(query)).one_or_none()
    return _year(*found) if found else None


async def put_calendar(session: TenantSession, year_id: uuid.UUID, calendar: Calendar) -> None:
    """Set the calendar of a year, in place of the one that it had."""
    days: dict[str, Any] = {
        "term_1_ends_on": calendar.term_1_ends_on,
        "term_2_starts_on": calendar.term_2_starts_on,
        **{f"{step}_by": calendar.last_days.get(step) for step in Step},
    }
    row = {"tenant_id": session.tenant_id, "id": new_id(), "academic_year_id": year_id}
    query = insert(YearCalendar).values(row | days)
    await session.execute(
        query.on_conflict_do_update(index_elements=["tenant_id", "academic_year_id"], set_=days)
    )


def _year(year: AcademicYear, row: YearCalendar | None) -> Year:
    return Year(
        id=AcademicYearId(year.id),
        name=year.name,
        starts_on=year.starts_on,
        ends_on=year.ends_on,
        calendar=_calendar(row) if row else None,
    )


def _calendar(row: YearCalendar) -> Calendar:
    days = {step: getattr(row, f"{step}_by") for step in Step}
    return Calendar(
        term_1_ends_on=row.term_1_ends_on,
        term_2_starts_on=row.term_2_starts_on,
        last_days={step: day for step, day in days.items() if day},
    )
