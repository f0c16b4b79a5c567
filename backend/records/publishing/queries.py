"""All SQL of publishing."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from backend.core.database import TenantSession
from backend.records.publishing.models import Publication


async def in_force(session: TenantSession, sheet_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """What is published of some sheets."""
    query = select(Publication).where(
        Publication.tenant_id == session.tenant_id,
        Publication.sheet_id.in_(sheet_ids),
        Publication.withdrawn_at.is_(None),
    )
    return (await session.scalars(query)).all()


async def withdraw(session: TenantSession, ids: Sequence[uuid.UUID], values: dict[str, Any]) -> int:
    """How many of them were in force until now."""
    query = update(Publication).where(
        Publication.tenant_id == session.tenant_id,
        Publication.id.in_(ids),
        Publication.withdrawn_at.is_(None),
    )
    return len((await session.scalars(query.values(values).returning(Publication.id))).all())


async def insert_all(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    await session.execute(insert(Publication), rows)
