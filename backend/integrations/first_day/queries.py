"""SQL of the first day."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.integrations.first_day.models import HiddenTour


async def hidden_at(session: TenantSession, staff_id: StaffId) -> datetime | None:
    """Since when the person does not want to see the steps."""
    query = select(HiddenTour.hidden_at).where(
        HiddenTour.tenant_id == session.tenant_id, HiddenTour.staff_id == staff_id
    )
    found: datetime | None = await session.scalar(query)
    return found


async def hide(session: TenantSession, staff_id: StaffId, at: datetime) -> None:
    row = {"tenant_id": session.tenant_id, "id": new_id(), "staff_id": staff_id, "hidden_at": at}
    await session.execute(upsert(HiddenTour).values(row).on_conflict_do_nothing())


async def show(session: TenantSession, staff_id: StaffId) -> None:
    await session.execute(
        delete(HiddenTour).where(HiddenTour.tenant_id == session.tenant_id, HiddenTour.staff_id == staff_id)
    )
