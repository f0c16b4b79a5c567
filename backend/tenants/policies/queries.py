"""SQL of policies. The directory knows how long a session may rest, because it is asked before the school is known."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, insert, select, text

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.core.questions import Question
from backend.tenants.people.models import StaffMember
from backend.tenants.permissions import Role
from backend.tenants.policies.models import SchoolPolicy
from backend.tenants.policies.schemas import Policies

#: Asked by every request of whoever has shown nothing but a password.
_CURRENT = Question(
    text(
        "select second_factor_roles, password_alone, idle_minutes, trial_password from school_policy "
        "where tenant_id = :tenant order by set_at desc, id desc limit 1"
    )
)
_SET_IDLE = text("select directory.set_idle(:minutes)")


async def current(session: TenantSession) -> Policies | None:
    """What holds now."""
    rows = await session.ask(_CURRENT)
    return _policies(rows[0]) if rows else None


async def versions(session: TenantSession) -> list[tuple[datetime, str, Policies]]:
    """All decisions, the newest first: when, by whom, what."""
    query = (
        select(SchoolPolicy, StaffMember.full_name)
        .join(
            StaffMember,
            and_(StaffMember.tenant_id == SchoolPolicy.tenant_id, StaffMember.id == SchoolPolicy.set_by),
        )
        .where(SchoolPolicy.tenant_id == session.tenant_id)
        .order_by(SchoolPolicy.set_at.desc(), SchoolPolicy.id.desc())
    )
    return [(row.set_at, name, _policies(row)) for row, name in await session.execute(query)]


async def insert_version(session: TenantSession, policies: Policies, set_by: StaffId, at: datetime) -> None:
    """From now on these hold."""
    values = {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "set_at": at,
        "set_by": set_by,
        "second_factor_roles": sorted(policies.second_factor_roles),
        "password_alone": policies.password_alone,
        "idle_minutes": policies.idle_minutes,
        "trial_password": policies.trial_password,
    }
    await session.execute(insert(SchoolPolicy).values(values))
    await session.execute(_SET_IDLE, {"minutes": policies.idle_minutes})


def _policies(row: Any) -> Policies:
    return Policies(
        second_factor_roles=frozenset(Role(role) for role in row.second_factor_roles),
        password_alone=row.password_alone,
        idle_minutes=row.idle_minutes,
        trial_password=row.trial_password,
    )
