"""SQL of delegations."""

import uuid
from datetime import date, datetime

from sqlalchemy import and_, exists, insert, select, update

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.tenants.delegations.models import DelegationRow
from backend.tenants.delegations.schemas import Delegation, DelegationId
from backend.tenants.people.models import StaffMember, StaffRole
from backend.tenants.permissions import Role

_IN_OFFICE = and_(
    StaffMember.left_at.is_(None),
    exists().where(
        StaffRole.tenant_id == StaffMember.tenant_id,
        StaffRole.staff_id == StaffMember.id,
        StaffRole.role == Role.DEPUTY_PRINCIPAL.value,
    ),
)


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


async def end(session: TenantSession, delegation_id: uuid.UUID, ended_on: date) -> None:
    """From that day on it counts no longer; the days for which it was made stay."""
    mine = (DelegationRow.tenant_id == session.tenant_id, DelegationRow.id == delegation_id)
    await session.execute(update(DelegationRow).where(*mine).values(ended_on=ended_on))


async def delegations(session: TenantSession) -> list[Delegation]:
    """All, the latest days first."""
    query = (
        select(DelegationRow, StaffMember.full_name, StaffMember.title, _IN_OFFICE.label("in_office"))
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
            ended_on=row.DelegationRow.ended_on,
            in_office=row.in_office,
        )
        for row in await session.execute(query)
    ]
