"""The time stamps of a turn's signatures and of the whole document, for the page of its history."""

import uuid

from backend.core import storage
from backend.core.database import TenantSession
from backend.remote_signing.archiving import queries
from backend.remote_signing.archiving.schemas import StampedForm, StampedPart
from backend.remote_signing.formats import stamps
from backend.remote_signing.requests.schemas import TurnHistory


async def stamped_forms(session: TenantSession, request_id: uuid.UUID) -> list[StampedForm]:
    """Every stamping of a document for the archive, oldest first."""
    return [
        StampedForm(
            number=row.number,
            stamped_at=row.stamped_at,
            expires_at=row.expires_at,
            document_sha256=row.document_sha256,
        )
        for row in await queries.stamps_of(session, [request_id])
    ]


async def stamped_parts(tenant_id: uuid.UUID, turn: TurnHistory) -> list[StampedPart]:
    """Each hash of a turn with its time stamp, read from what is signed."""
    found = []
    for part in turn.parts:
        stamp = None
        if part.signature is not None:
            stamp = stamps.on_part(part.signature)
        elif part.signed_sha256 is not None:
            stamp = stamps.on_page(await storage.get(tenant_id, part.signed_sha256), turn.role)
        found.append(StampedPart(part=part, stamp=stamp))
    return found
