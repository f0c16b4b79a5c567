"""Until when a version may be recalled and replaced: the last day of the plan of the school's province."""

from backend.core import clock
from backend.core.database import TenantSession
from backend.records.calendar import service as calendar
from backend.records.calendar.schemas import Closing
from backend.records.roster import service as roster
from backend.records.transcripts.schemas import VersionSummary


async def closing_of(session: TenantSession, version: VersionSummary) -> Closing:
    """The last day of a version, with the words of the plan."""
    school_class = await roster.get_class(session, version.class_id)
    frozen_on = version.frozen_at.astimezone(clock.VIETNAM).date()
    return await calendar.closing(session, version.academic_year, school_class.grade_level, frozen_on)
