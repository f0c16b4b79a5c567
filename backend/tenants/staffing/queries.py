"""SQL of invitations, and the directory's functions about one token."""

import uuid

import msgspec
from sqlalchemy import insert, select, text, update

from backend.core.actor import StaffId
from backend.core.database import PublicSession, TenantId, TenantSession
from backend.tenants.permissions import Role
from backend.tenants.staffing.models import InvitationRow
from backend.tenants.staffing.schemas import Invitation, InvitationId

_PUBLISH = text("select directory.publish_invitation(:digest, :invitation)")
_FIND = text("select tenant_id, invitation_id from directory.find_invitation(:digest)")


async def insert_invitation(
    session: TenantSession, invitation: Invitation, invited_by: StaffId | None, digest: str
) -> None:
    """Write an invitation and make its token's digest lead to it."""
    values = msgspec.structs.asdict(invitation) | {
        "tenant_id": session.tenant_id,
        "roles": sorted(invitation.roles),
        "invited_by": invited_by,
    }
    await session.execute(insert(InvitationRow).values(values))
    await session.execute(_PUBLISH, {"digest": digest, "invitation": invitation.id})


async def find_token(session: PublicSession, digest: str) -> tuple[TenantId, InvitationId] | None:
    """The school and the invitation that a token belongs to."""
    row = (await session.execute(_FIND, {"digest": digest})).first()
    return row and (TenantId(row.tenant_id), InvitationId(row.invitation_id))


async def find(
    session: TenantSession, invitation_id: uuid.UUID, *, lock: bool = False
) -> InvitationRow | None:
    """One invitation; with `lock` nobody else takes it up until this transaction ends."""
    query = select(InvitationRow).where(
        InvitationRow.tenant_id == session.tenant_id, InvitationRow.id == invitation_id
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(query)


async def not_taken_up(session: TenantSession) -> list[Invitation]:
    """Invitations that were neither accepted nor withdrawn, the newest first: open and expired ones."""
    query = (
        select(InvitationRow)
        .where(
            InvitationRow.tenant_id == session.tenant_id,
            InvitationRow.accepted_at.is_(None),
            InvitationRow.withdrawn_at.is_(None),
        )
        .order_by(InvitationRow.invited_at.desc(), InvitationRow.id.desc())
    )
    return [view(row) for row in await session.scalars(query)]


async def change(session: TenantSession, invitation_id: uuid.UUID, **values: object) -> None:
    """Write what became of an invitation."""
    mine = (InvitationRow.tenant_id == session.tenant_id, InvitationRow.id == invitation_id)
    await session.execute(update(InvitationRow).where(*mine).values(values))


def view(row: InvitationRow) -> Invitation:
    """The row in the words of the slice."""
    return Invitation(
        id=InvitationId(row.id),
        email=row.email,
        full_name=row.full_name,
        title=row.title,
        roles=frozenset(Role(role) for role in row.roles),
        invited_at=row.invited_at,
        expires_at=row.expires_at,
        withdrawn_at=row.withdrawn_at,
        accepted_at=row.accepted_at,
    )
