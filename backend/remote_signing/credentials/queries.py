"""All SQL of credentials."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession
from backend.remote_signing.credentials.models import Credential
from backend.remote_signing.credentials.schemas import CredentialStatus, Purpose


async def insert_credential(session: TenantSession, values: dict[str, Any]) -> None:
    """Store a credential; the same one enrolled again changes nothing."""
    await session.execute(insert(Credential).values(values).on_conflict_do_nothing())


async def active(session: TenantSession, purpose: Purpose, staff_id: uuid.UUID | None) -> Credential | None:
    """The newest active credential of a person, or of the seal (`staff_id` None)."""
    owner = Credential.staff_id.is_(None) if staff_id is None else Credential.staff_id == staff_id
    query = (
        select(Credential)
        .where(
            Credential.tenant_id == session.tenant_id,
            Credential.purpose == purpose,
            Credential.status == CredentialStatus.ACTIVE,
            owner,
        )
        .order_by(Credential.not_after.desc())
        .limit(1)
    )
    return await session.scalar(query)


async def by_id(session: TenantSession, credential_id: uuid.UUID) -> Credential | None:
    return await session.get(Credential, (session.tenant_id, credential_id))


async def all_credentials(session: TenantSession) -> Sequence[Credential]:
    found = await session.scalars(
        select(Credential).where(Credential.tenant_id == session.tenant_id).order_by(Credential.subject_name)
    )
    return found.all()
