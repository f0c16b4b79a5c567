"""SQL of decisions."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession
from backend.records.decisions.models import YearDecision


async def of_classes(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> Sequence[YearDecision]:
    """All decisions about the pupils of some classes, oldest first."""
    query = (
        select(YearDecision)
        .where(YearDecision.tenant_id == session.tenant_id, YearDecision.class_id.in_(class_ids))
        .order_by(YearDecision.revision)
    )
    return (await session.scalars(query)).all()


async def insert_decision(session: TenantSession, row: dict[str, Any]) -> bool:
    """Whether it was written: False where somebody else has decided the same revision."""
    query = insert(YearDecision).values(row).on_conflict_do_nothing()
    return (await session.scalar(query.returning(YearDecision.id))) is not None
