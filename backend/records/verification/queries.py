"""SQL of slips."""

import uuid
from typing import Any

from sqlalchemy import insert, select, text

from backend.core import lookups
from backend.core.database import TenantSession
from backend.core.questions import Question
from backend.records.verification.models import VerificationSlip

_PUBLISH = text("select directory.publish_address(:kind, :digest, :subject)")
_FIND = Question(text("select tenant_id, subject_id from directory.find_address(:kind, :digest)"))
_KIND = "slip"


async def insert_slip(session: TenantSession, row: dict[str, Any], digest: str) -> None:
    """Keep an answer, and let the digest of its reference lead to it."""
    await session.execute(insert(VerificationSlip).values(tenant_id=session.tenant_id, **row))
    await session.execute(_PUBLISH, {"kind": _KIND, "digest": digest, "subject": row["id"]})


async def find_slip(digest: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """(tenant, slip) of a reference; asked before a school is known."""
    rows = await lookups.ask(_FIND, kind=_KIND, digest=digest)
    return (rows[0].tenant_id, rows[0].subject_id) if rows else None


async def slip(session: TenantSession, slip_id: uuid.UUID) -> VerificationSlip | None:
    """One slip."""
    query = select(VerificationSlip).where(
        VerificationSlip.tenant_id == session.tenant_id, VerificationSlip.id == slip_id
    )
    found: VerificationSlip | None = await session.scalar(query)
    return found
