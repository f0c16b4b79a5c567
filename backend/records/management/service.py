"""Running a school across its slices: what hangs on a person before they leave."""

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.records.management.schemas import Unfinished
from backend.records.roster import service as roster
from backend.remote_signing.requests import service as signing
from backend.tenants.people import service as people


async def unfinished_of(session: TenantSession, staff_id: StaffId) -> Unfinished:
    """What still waits for a person: whoever lets them go should know. Raises NotFound."""
    staff = await people.get_staff(session, staff_id)
    own = await roster.classes_of_staff(session, staff_id)
    classes = await roster.list_classes(session)
    newest = max((one.academic_year for one in classes), default="")
    mine = [one for one in classes if one.id in own and one.academic_year == newest]
    return Unfinished(
        staff=staff,
        to_sign=await signing.open_steps_of(session, staff_id),
        leads=tuple(one.name for one in mine if one.homeroom_teacher_id == staff_id),
        teaches=tuple(one.name for one in mine if one.homeroom_teacher_id != staff_id),
    )
