"""All SQL of credentials."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update

from backend.core.database import TenantSession
from backend.remote_signing.credentials.models import Credential
from backend.remote_signing.credentials.schemas import CredentialStatus


async def insert_credential(session: TenantSession, values: dict[str, Any]) -> None:
    """Store a credential."""
    await session.execute(insert(Credential).values(tenant_id=session.tenant_id, **values))


async def active(session: TenantSession, staff_id: uuid.UUID | None) -> Credential | None:
    """The credential that a person, or the seal (`staff_id` None), signs with; there is at most one."""
    return await session.scalar(
        select(Credential).where(*_of(session, staff_id), Credential.status == CredentialStatus.ACTIVE)
    )


async def by_id(session: TenantSession, credential_id: uuid.UUID) -> Credential | None:
    """One credential as it is now, whatever this transaction has seen of it before."""
    return await session.get(Credential, (session.tenant_id, credential_id), populate_existing=True)


async def by_fingerprint(session: TenantSession, fingerprint: str) -> Credential | None:
    """The credential with exactly this certificate."""
    own = (Credential.tenant_id == session.tenant_id, Credential.fingerprint == fingerprint)
    return await session.scalar(select(Credential).where(*own))


async def all_credentials(session: TenantSession) -> Sequence[Credential]:
    """Those of the whole school, newest first."""
    query = select(Credential).where(Credential.tenant_id == session.tenant_id)
    return (await session.scalars(query.order_by(Credential.enrolled_at.desc(), Credential.id.desc()))).all()


async def credentials_of(session: TenantSession, staff_id: uuid.UUID | None) -> Sequence[Credential]:
    """Those of a person, or of the seal, newest first."""
    query = select(Credential).where(*_of(session, staff_id))
    return (await session.scalars(query.order_by(Credential.enrolled_at.desc(), Credential.id.desc()))).all()


async def change(
    session: TenantSession, credential_id: uuid.UUID, revision: int, status: CredentialStatus, at: datetime
) -> bool:
    """Change the status; False when somebody else has changed it since that revision."""
    done = await session.scalar(
        update(Credential)
        .where(
            Credential.tenant_id == session.tenant_id,
            Credential.id == credential_id,
            Credential.revision == revision,
        )
        .values(status=status, revision=revision + 1, changed_at=at)
        .returning(Credential.id)
    )
    return done is not None


def _of(session: TenantSession, staff_id: uuid.UUID | None) -> tuple[ColumnElement[bool], ...]:
    holder = Credential.staff_id.is_(None) if staff_id is None else Credential.staff_id == staff_id
    return (Credential.tenant_id == session.tenant_id, holder)
