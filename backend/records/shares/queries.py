"""SQL of shares."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import insert, select, text, update

from backend.core import lookups
from backend.core.database import TenantSession
from backend.core.questions import Question
from backend.records.shares.models import Share, ShareRequest, ShareVisit

_PUBLISH = text("select directory.publish_address(:kind, :digest, :subject)")
_FIND = Question(text("select tenant_id, subject_id from directory.find_address(:kind, :digest)"))


async def insert_share(session: TenantSession, row: dict[str, Any]) -> None:
    """Add a share."""
    await session.execute(insert(Share).values(tenant_id=session.tenant_id, **row))


async def insert_request(session: TenantSession, row: dict[str, Any]) -> None:
    """Add what an organisation asks."""
    await session.execute(insert(ShareRequest).values(tenant_id=session.tenant_id, **row))


async def publish(session: TenantSession, subject: uuid.UUID, addresses: dict[str, str]) -> None:
    """Let digests of tokens lead to a share or a request: digest → kind."""
    for digest, kind in addresses.items():
        await session.execute(_PUBLISH, {"kind": kind, "digest": digest, "subject": subject})


async def request(
    session: TenantSession, request_id: uuid.UUID, *, hold: bool = False
) -> ShareRequest | None:
    """One request; `hold` keeps others from it until the transaction ends."""
    query = select(ShareRequest).where(
        ShareRequest.tenant_id == session.tenant_id, ShareRequest.id == request_id
    )
    found: ShareRequest | None = await session.scalar(query.with_for_update() if hold else query)
    return found


async def requests(
    session: TenantSession, state: str, transcript_id: uuid.UUID | None = None
) -> Sequence[ShareRequest]:
    """Requests in a state, oldest first; of one transcript, or of all."""
    query = select(ShareRequest).where(
        ShareRequest.tenant_id == session.tenant_id, ShareRequest.state == state
    )
    if transcript_id is not None:
        query = query.where(ShareRequest.transcript_id == transcript_id)
    return (await session.scalars(query.order_by(ShareRequest.asked_at, ShareRequest.id))).all()


async def answer(session: TenantSession, request_id: uuid.UUID, values: dict[str, Any]) -> None:
    """Set the answer to a request."""
    mine = (ShareRequest.tenant_id == session.tenant_id, ShareRequest.id == request_id)
    await session.execute(update(ShareRequest).where(*mine).values(values))


async def find(kind: str, digest: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """(tenant, share) of a token; asked before a school is known."""
    rows = await lookups.ask(_FIND, kind=kind, digest=digest)
    return (rows[0].tenant_id, rows[0].subject_id) if rows else None


async def share(session: TenantSession, share_id: uuid.UUID, *, hold: bool = False) -> Share | None:
    """One share; `hold` keeps others from it until the transaction ends."""
    query = select(Share).where(Share.tenant_id == session.tenant_id, Share.id == share_id)
    found: Share | None = await session.scalar(query.with_for_update() if hold else query)
    return found


async def of_transcript(session: TenantSession, transcript_id: uuid.UUID) -> Sequence[Share]:
    """The shares of a transcript, newest first."""
    query = (
        select(Share)
        .where(Share.tenant_id == session.tenant_id, Share.transcript_id == transcript_id)
        .order_by(Share.made_at.desc(), Share.id)
    )
    return (await session.scalars(query)).all()


async def visits(session: TenantSession, share_ids: Collection[uuid.UUID]) -> Sequence[ShareVisit]:
    """What was done with some shares, newest first."""
    query = (
        select(ShareVisit)
        .where(ShareVisit.tenant_id == session.tenant_id, ShareVisit.share_id.in_(share_ids))
        .order_by(ShareVisit.at.desc(), ShareVisit.id.desc())
    )
    return (await session.scalars(query)).all()


async def add_visit(session: TenantSession, row: dict[str, Any]) -> None:
    """Write down one use."""
    await session.execute(insert(ShareVisit).values(tenant_id=session.tenant_id, **row))


async def change(session: TenantSession, share_id: uuid.UUID, values: dict[str, Any]) -> None:
    """Set what may change of a share: wrong PINs, the revocation."""
    mine = (Share.tenant_id == session.tenant_id, Share.id == share_id)
    await session.execute(update(Share).where(*mine).values(values))
