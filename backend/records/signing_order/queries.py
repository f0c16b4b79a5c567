"""SQL of decisions about the order of signing."""

from collections.abc import Sequence

from sqlalchemy import insert, select

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.records.signing_order.models import SigningOrderDecision
from backend.records.signing_order.schemas import Decision


async def decisions(session: TenantSession) -> Sequence[SigningOrderDecision]:
    """All decisions, the newest first."""
    query = (
        select(SigningOrderDecision)
        .where(SigningOrderDecision.tenant_id == session.tenant_id)
        .order_by(SigningOrderDecision.set_at.desc(), SigningOrderDecision.id.desc())
    )
    return (await session.scalars(query)).all()


async def insert_decision(session: TenantSession, made: Decision, set_by: StaffId) -> None:
    values = {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "level": made.level.value,
        "teachers_sign": made.teachers_sign,
        "starts_on": made.starts_on,
        "reason": made.reason,
        "set_by": set_by,
        "set_at": made.set_at,
    }
    await session.execute(insert(SigningOrderDecision).values(values))
