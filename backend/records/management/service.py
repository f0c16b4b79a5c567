"""Running a school across its slices: use, and what hangs on a person before they leave."""

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.records.duties import service as duties
from backend.records.management.schemas import SeasonUse, Unfinished
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IN_FORCE
from backend.remote_signing.requests import service as signing
from backend.tenants.api_clients import service as api_clients
from backend.tenants.people import service as people


async def unfinished_of(session: TenantSession, staff_id: StaffId) -> Unfinished:
    """What still waits for a person: whoever lets them go should know. Raises NotFound."""
    staff = await people.get_staff(session, staff_id)
    return Unfinished(
        staff=staff,
        to_sign=await signing.open_steps_of(session, staff_id),
        duties=tuple(await duties.duties_of(session, staff_id)),
        connections=tuple(await api_clients.open_clients_of(session, staff_id)),
    )


async def season_use(session: TenantSession) -> SeasonUse:
    """How many transcripts the school has issued, and how many are on their way."""
    issued = on_the_way = 0
    for states in (await transcripts.counts(session)).values():
        issued += sum(number for state, number in states.items() if state in IN_FORCE)
        on_the_way += sum(number for state, number in states.items() if state not in IN_FORCE)
    return SeasonUse(issued=issued, on_the_way=on_the_way)
