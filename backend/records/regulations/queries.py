"""SQL of regulations."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession
from backend.records.regulations.models import AssessmentRegulation


async def versions(
    session: TenantSession, year_id: uuid.UUID, limit: int | None = None
) -> Sequence[AssessmentRegulation]:
    """Decisions about a year, the newest first."""
    query = (
        select(AssessmentRegulation)
        .where(
            AssessmentRegulation.tenant_id == session.tenant_id,
            AssessmentRegulation.academic_year_id == year_id,
        )
        .order_by(AssessmentRegulation.revision.desc())
        .limit(limit)
    )
    return (await session.scalars(query)).all()


async def insert_version(session: TenantSession, row: dict[str, Any]) -> bool:
    """Whether it was written: False where somebody else has decided the same revision."""
    query = insert(AssessmentRegulation).values(row).on_conflict_do_nothing()
    return (await session.scalar(query.returning(AssessmentRegulation.id))) is not None
