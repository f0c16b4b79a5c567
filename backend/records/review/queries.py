"""SQL of what was said about oddities."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession
from backend.records.review.models import FindingWord


async def words_of(session: TenantSession, sheet_ids: Sequence[uuid.UUID]) -> Sequence[FindingWord]:
    """What was said about some sheets."""
    query = select(FindingWord).where(
        FindingWord.tenant_id == session.tenant_id, FindingWord.sheet_id.in_(sheet_ids)
    )
    return (await session.scalars(query)).all()


async def insert_word(session: TenantSession, row: dict[str, Any]) -> bool:
    """Whether it was written: False where somebody has said something about it already."""
    query = insert(FindingWord).values(row).on_conflict_do_nothing()
    return (await session.scalar(query.returning(FindingWord.id))) is not None
