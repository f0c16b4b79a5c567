"""SQL of requests that two people decide."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, insert, select, update
from sqlalchemy.orm import aliased

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.tenants.approvals.models import ApprovalRequestRow
from backend.tenants.approvals.schemas import ApprovalRequest, Kind, RequestId, State
from backend.tenants.people.models import StaffMember, StaffRole
from backend.tenants.permissions import ROLE_PERMISSIONS, Permission
from backend.tenants.schools.models import School

_Row = ApprovalRequestRow
_ASKER, _DECIDER = aliased(StaffMember), aliased(StaffMember)


async def insert_request(session: TenantSession, values: dict[str, Any]) -> None:
    """Add one."""
    await session.execute(insert(_Row).values(tenant_id=session.tenant_id, **values))


async def decide(session: TenantSession, request_id: uuid.UUID, **values: Any) -> None:
    """Write how a request ended."""
    mine = (_Row.tenant_id == session.tenant_id, _Row.id == request_id)
    await session.execute(update(_Row).where(*mine).values(values))


async def opened_at(session: TenantSession) -> datetime:
    """When the school was opened."""
    return (
        await session.execute(select(School.opened_at).where(School.tenant_id == session.tenant_id))
    ).scalar_one()


async def approving_since(session: TenantSession) -> dict[StaffId, datetime]:
    """Who has the right to approve, and since when without a break."""
    roles = [role.value for role, rights in ROLE_PERMISSIONS.items() if Permission.APPROVE in rights]
    query = (
        select(StaffRole.staff_id, func.min(StaffRole.given_at).label("since"))
        .where(StaffRole.tenant_id == session.tenant_id, StaffRole.role.in_(roles))
        .group_by(StaffRole.staff_id)
    )
    return {StaffId(row.staff_id): row.since for row in await session.execute(query)}


async def find(session: TenantSession, request_id: uuid.UUID) -> ApprovalRequest | None:
    """One request."""
    found = (await session.execute(_all(session).where(_Row.id == request_id))).one_or_none()
    return _request(found) if found else None


async def requests(session: TenantSession, limit: int) -> list[ApprovalRequest]:
    """The newest of all requests, the newest first."""
    query = _all(session).order_by(_Row.asked_at.desc(), _Row.id.desc()).limit(limit)
    return [_request(row) for row in await session.execute(query)]


async def requests_about(session: TenantSession, fact: str, value: str) -> list[ApprovalRequest]:
    """All whose facts say so, oldest first."""
    query = _all(session).where(_Row.facts[fact].astext == value).order_by(_Row.asked_at, _Row.id)
    return [_request(row) for row in await session.execute(query)]


def _all(session: TenantSession) -> Select[ApprovalRequestRow, str, str]:
    return (
        select(_Row, _ASKER.full_name.label("asker"), _DECIDER.full_name.label("decider"))
        .join(_ASKER, and_(_ASKER.tenant_id == _Row.tenant_id, _ASKER.id == _Row.asked_by))
        .outerjoin(_DECIDER, and_(_DECIDER.tenant_id == _Row.tenant_id, _DECIDER.id == _Row.decided_by))
        .where(_Row.tenant_id == session.tenant_id)
        .execution_options(populate_existing=True)
    )


def _request(found: Any) -> ApprovalRequest:
    row: ApprovalRequestRow = found[0]
    return ApprovalRequest(
        id=RequestId(row.id),
        kind=Kind(row.kind),
        facts=row.facts,
        told=row.told,
        reason=row.reason,
        asked_by=StaffId(row.asked_by),
        asked_by_name=found.asker,
        asked_account=row.asked_account,
        asked_at=row.asked_at,
        # Sentences name this moment, and people read Vietnamese time.
        ends_at=row.ends_at.astimezone(clock.VIETNAM),
        state=State(row.state),
        decided_by_name=found.decider,
        decided_at=row.decided_at,
        answer=row.answer,
    )
