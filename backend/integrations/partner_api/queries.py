"""SQL of what other systems have done here."""

import uuid
from datetime import datetime

from sqlalchemy import delete, func, insert, select

from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.integrations.partner_api.models import ApiAnswer


async def hold_key(session: TenantSession, client_id: uuid.UUID, key: str) -> bool:
    """Whether nobody else works on this key of the connection; nobody else will until the transaction ends."""
    named = func.hashtextextended(f"api answer {client_id} {key} {session.tenant_id}", 0)
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(named))))


async def find_answer(session: TenantSession, client_id: uuid.UUID, key: str) -> ApiAnswer | None:
    """What the deed of that key was answered."""
    own = (ApiAnswer.tenant_id == session.tenant_id, ApiAnswer.client_id == client_id)
    found: ApiAnswer | None = await session.scalar(select(ApiAnswer).where(*own, ApiAnswer.key == key))
    return found


async def insert_answer(
    session: TenantSession,
    client_id: uuid.UUID,
    key: str,
    request_sha256: str,
    answer: str,
    made_at: datetime,
) -> None:
    """Keep an answer."""
    row = {"tenant_id": session.tenant_id, "id": new_id(), "client_id": client_id, "key": key}
    said = {"request_sha256": request_sha256, "answer": answer, "made_at": made_at}
    await session.execute(insert(ApiAnswer).values(**row, **said))


async def forget_answers(session: TenantSession, client_id: uuid.UUID, before: datetime) -> None:
    """Answers of a connection that are older than any retry."""
    own = (ApiAnswer.tenant_id == session.tenant_id, ApiAnswer.client_id == client_id)
    await session.execute(delete(ApiAnswer).where(*own, ApiAnswer.made_at < before))
