"""SQL of the archive."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, or_, select
from sqlalchemy.orm import aliased

from backend.core.database import TenantSession
from backend.remote_signing.archiving.models import ArchiveStamp
from backend.remote_signing.requests.models import SigningRequest


def _newest() -> Any:
    """Completed requests, each with its newest stamp or none."""
    later = aliased(ArchiveStamp)
    is_newest = ~(
        select(later.id)
        .where(
            later.tenant_id == ArchiveStamp.tenant_id,
            later.request_id == ArchiveStamp.request_id,
            later.number > ArchiveStamp.number,
        )
        .exists()
    )
    return (
        select(SigningRequest, ArchiveStamp)
        .outerjoin(
            ArchiveStamp,
            and_(
                ArchiveStamp.tenant_id == SigningRequest.tenant_id,
                ArchiveStamp.request_id == SigningRequest.id,
                is_newest,
            ),
        )
        .where(SigningRequest.completed_at.is_not(None))
    )


def _due(before: datetime) -> Any:
    return or_(ArchiveStamp.id.is_(None), ArchiveStamp.expires_at < before)


async def due_ids(session: TenantSession, before: datetime, limit: int) -> Sequence[uuid.UUID]:
    """Requests without a stamp, or whose newest ends before then; the oldest first."""
    query = _newest().where(SigningRequest.tenant_id == session.tenant_id, _due(before))
    query = query.with_only_columns(SigningRequest.id).order_by(SigningRequest.completed_at).limit(limit)
    return (await session.scalars(query)).all()


async def known(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Which of these requests are the school's."""
    query = select(SigningRequest.id).where(
        SigningRequest.tenant_id == session.tenant_id, SigningRequest.id.in_(request_ids)
    )
    return (await session.scalars(query)).all()


async def due(session: TenantSession, request_ids: Sequence[uuid.UUID], before: datetime) -> Sequence[Any]:
    """Of these requests, those that are due, with their newest stamp or None."""
    query = _newest().where(
        SigningRequest.tenant_id == session.tenant_id, SigningRequest.id.in_(request_ids), _due(before)
    )
    return (await session.execute(query)).all()


async def stamps_of(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> Sequence[ArchiveStamp]:
    """All stamps of these requests, oldest first."""
    found = await session.scalars(
        select(ArchiveStamp)
        .where(ArchiveStamp.tenant_id == session.tenant_id, ArchiveStamp.request_id.in_(request_ids))
        .order_by(ArchiveStamp.request_id, ArchiveStamp.number)
    )
    return found.all()


async def insert_stamps(session: TenantSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert(ArchiveStamp), rows)


async def issued_form(session: TenantSession, sha256: str) -> str | None:
    """The document as it was completed, whose stamped form has this digest."""
    return await session.scalar(
        select(SigningRequest.current_sha256)
        .join(
            ArchiveStamp,
            and_(
                ArchiveStamp.tenant_id == SigningRequest.tenant_id,
                ArchiveStamp.request_id == SigningRequest.id,
            ),
        )
        .where(SigningRequest.tenant_id == session.tenant_id, ArchiveStamp.document_sha256 == sha256)
    )


async def standing(session: TenantSession, before: datetime) -> Any:
    """Counts of documents with a stamp, without one, with one that ends before then; and the first end of all."""
    newest = _newest().where(SigningRequest.tenant_id == session.tenant_id)
    query = newest.with_only_columns(
        func.count(ArchiveStamp.id).label("stamped"),
        func.count().filter(ArchiveStamp.id.is_(None)).label("waiting"),
        func.count().filter(ArchiveStamp.expires_at < before).label("ageing"),
        func.min(ArchiveStamp.expires_at).label("first_end"),
    )
    return (await session.execute(query)).one()
