"""All SQL of the phrase bank."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, or_, select

from backend.core.database import TenantSession
from backend.records.phrases.models import CommentPhrase


async def phrases(session: TenantSession, owner_id: uuid.UUID | None) -> Sequence[Any]:
    """The school's phrases and those of one person, oldest first."""
    query = (
        select(CommentPhrase)
        .where(
            CommentPhrase.tenant_id == session.tenant_id,
            or_(CommentPhrase.owner_id.is_(None), CommentPhrase.owner_id == owner_id),
        )
        .order_by(CommentPhrase.id)
    )
    return (await session.scalars(query)).all()


async def insert_phrase(session: TenantSession, values: dict[str, Any]) -> None:
    await session.execute(insert(CommentPhrase).values(values))


async def delete_phrase(session: TenantSession, phrase_id: uuid.UUID) -> None:
    await session.execute(
        delete(CommentPhrase).where(
            CommentPhrase.tenant_id == session.tenant_id, CommentPhrase.id == phrase_id
        )
    )
