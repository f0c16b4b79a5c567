"""SQL of delegations."""

import uuid
from datetime import date, datetime

from sqlalchemy import and_, func, insert, select, update

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.tenants.delegations.models import DelegationRow
from backend.tenants.delegations.schemas import Delegation, DelegationId
from backend.tenants.people.models import StaffMember


async def hold(session: TenantSession) -> None:
    """Nobody else plans who signs when, for the same school, until this transaction ends."""
    key = func.hashtextextended(f"delegations {session.tenant_id}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def insert_delegation(session: TenantSession, made: Delegation, at: datetime) -> None:
    """Add one."""
    values = {
        "tenant_id": session.tenant_id,
        "id": made.id,
        "staff_id": made.staff_id,
        "starts_on": made.starts_on,
        "ends_on": made.ends_on,
        "decision_number": made.decision_number,
        "made_at": at,
    }
    await session.execute(insert(DelegationRow).values(values))


async def end(session: TenantSession, delegation_id: uuid.UUID, ends_on: date) -> None:
    """Set the last day."""
    mine = (DelegationRow.tenant_id == session.tenant_id, DelegationRow.id == delegation_id)
    await session.execute(update(DelegationRow).where(*mine).values(ends_on=ends_on))


async def delegations(session: TenantSession) -> list[Delegation]:
    """All, the latest days first."""
    query = (
        select(DelegationRow, StaffMember.full_name, StaffMember.title)
        .join(
            StaffMember,
            and_(StaffMember.tenant_id == DelegationRow.tenant_id, StaffMember.id == DelegationRow.staff_id),
        )
        .where(DelegationRow.tenant_id == session.tenant_id)
        .order_by(DelegationRow.starts_on.desc(), DelegationRow.id.desc())
        .execution_options(populate_existing=True)
    )
    return [
        Delegation(
            id=DelegationId(row.DelegationRow.id),
            staff_id=StaffId(row.DelegationRow.staff_id),
            name=row.full_name,
            title=row.title,
            starts_on=row.DelegationRow.starts_on,
            ends_on=row.DelegationRow.ends_on,
            decision_number=row.DelegationRow.decision_number,
        )
        for row in await session.execute(query)
    ]
