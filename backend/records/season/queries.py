"""SQL of reminders."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.records.season.models import SeasonNudge


async def insert_nudge(session: TenantSession, values: dict[str, Any]) -> None:
    row = {"tenant_id": session.tenant_id, "id": new_id()} | values
    await session.execute(insert(SeasonNudge).values(row))


async def newest_nudges(
    session: TenantSession, year_id: uuid.UUID | None, staff_id: uuid.UUID | None = None
) -> Sequence[Any]:
    """The newest reminder of each person and stage in a year, or of one person; none without a year."""
    query = select(
        SeasonNudge.staff_id, SeasonNudge.stage, SeasonNudge.words, SeasonNudge.sent_by, SeasonNudge.sent_at
    ).where(SeasonNudge.tenant_id == session.tenant_id, SeasonNudge.academic_year_id == year_id)
    if staff_id is not None:
        query = query.where(SeasonNudge.staff_id == staff_id)
    query = query.ext(distinct_on(SeasonNudge.staff_id, SeasonNudge.stage))
    order = (SeasonNudge.staff_id, SeasonNudge.stage, SeasonNudge.sent_at.desc(), SeasonNudge.id.desc())
    return (await session.execute(query.order_by(*order))).all()
