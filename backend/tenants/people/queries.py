"""SQL of people."""

from typing import Any

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.core.questions import Question
from backend.tenants.people.models import StaffMember, StaffRole
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Role
from backend.tenants.schools.models import School

_ROLES = (
    select(func.array_agg(aggregate_order_by(StaffRole.role, StaffRole.role)))
    .where(StaffRole.tenant_id == StaffMember.tenant_id, StaffRole.staff_id == StaffMember.id)
    .scalar_subquery()
)
_PEOPLE = select(
    StaffMember.id, StaffMember.full_name, StaffMember.email, StaffMember.title, _ROLES.label("roles")
).where(StaffMember.tenant_id == bindparam("tenant"))
_SCHOOL_NAME = select(School.name).where(School.tenant_id == bindparam("tenant")).scalar_subquery()
_ONE = _PEOPLE.where(StaffMember.id == bindparam("staff"))
_BY_ID = Question(_ONE)
_BY_EMAIL = Question(_PEOPLE.where(StaffMember.email == bindparam("email")))
_AT_SCHOOL = Question(_ONE.add_columns(_SCHOOL_NAME.label("school_name")))
_IN_ORDER = Question(_PEOPLE.order_by(StaffMember.id))


async def insert_staff(
    session: TenantSession, name: str, email: str, title: str, roles: frozenset[Role]
) -> StaffId:
    """Add a person and their roles."""
    staff_id = StaffId(new_id())
    tenant = session.tenant_id
    person = insert(StaffMember).values(
        tenant_id=tenant, id=staff_id, full_name=name, email=email, title=title
    )
    await session.execute(person.values(joined_at=clock.now()))
    rows = [{"tenant_id": tenant, "staff_id": staff_id, "role": role.value} for role in sorted(roles)]
    if rows:
        await session.execute(insert(StaffRole), rows)
    return staff_id


async def find_staff(session: TenantSession, staff_id: StaffId) -> Staff | None:
    """One person."""
    rows = await session.ask(_BY_ID, staff=staff_id)
    return _staff(rows[0]) if rows else None


async def find_staff_by_email(session: TenantSession, email: str) -> Staff | None:
    """The person with that address, in lower case."""
    rows = await session.ask(_BY_EMAIL, email=email)
    return _staff(rows[0]) if rows else None


async def all_staff(session: TenantSession) -> list[Staff]:
    """Everybody, in the order in which they were added."""
    return [_staff(row) for row in await session.ask(_IN_ORDER)]


async def find_staff_at_school(session: TenantSession, staff_id: StaffId) -> tuple[Staff, str] | None:
    """One person and the name of the school, in one round trip: every signed-in request asks this."""
    rows = await session.ask(_AT_SCHOOL, staff=staff_id)
    return (_staff(rows[0]), rows[0].school_name or "") if rows else None


def _staff(row: Any) -> Staff:
    return Staff(
        id=StaffId(row.id),
        full_name=row.full_name,
        email=row.email,
        title=row.title,
        roles=frozenset(Role(role) for role in row.roles or ()),
    )
