"""SQL of people."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.core.questions import Question
from backend.tenants.people.models import StaffMember, StaffRole
from backend.tenants.people.schemas import Newcomer, Staff
from backend.tenants.permissions import Role
from backend.tenants.schools.models import School

_ROLES = (
    select(func.array_agg(aggregate_order_by(StaffRole.role, StaffRole.role)))
    .where(StaffRole.tenant_id == StaffMember.tenant_id, StaffRole.staff_id == StaffMember.id)
    .scalar_subquery()
)
_PEOPLE = select(
    StaffMember.id,
    StaffMember.full_name,
    StaffMember.email,
    StaffMember.title,
    StaffMember.joined_at,
    StaffMember.left_at,
    _ROLES.label("roles"),
).where(StaffMember.tenant_id == bindparam("tenant"))
_SCHOOL_NAME = select(School.name).where(School.tenant_id == bindparam("tenant")).scalar_subquery()
_CLOSES_ON = select(School.closes_on).where(School.tenant_id == bindparam("tenant")).scalar_subquery()
_ONE = _PEOPLE.where(StaffMember.id == bindparam("staff"))
_BY_ID = Question(_ONE)
_BY_EMAIL = Question(_PEOPLE.where(StaffMember.email == bindparam("email")))
_AT_SCHOOL = Question(
    _ONE.where(StaffMember.left_at.is_(None)).add_columns(
        _SCHOOL_NAME.label("school_name"), _CLOSES_ON.label("closes_on")
    )
)
_WORKING = Question(_PEOPLE.where(StaffMember.left_at.is_(None)).order_by(StaffMember.id))
_GONE = Question(_PEOPLE.where(StaffMember.left_at.is_not(None)).order_by(StaffMember.left_at.desc()))


async def insert_staff(session: TenantSession, newcomer: Newcomer) -> StaffId:
    """Add a person and their roles."""
    staff_id = StaffId(new_id())
    values = {
        "tenant_id": session.tenant_id,
        "id": staff_id,
        "full_name": newcomer.full_name,
        "email": newcomer.email,
        "title": newcomer.title,
        "joined_at": clock.now(),
    }
    await session.execute(insert(StaffMember).values(values))
    await _give(session, staff_id, newcomer.roles)
    return staff_id


async def change_staff(
    session: TenantSession, staff_id: StaffId, name: str, title: str, roles: frozenset[Role]
) -> None:
    """Replace what a person is called and is; a role that they keep says since when they have had it."""
    await _update(session, staff_id, full_name=name, title=title)
    lost = StaffRole.role.not_in([role.value for role in roles])
    await session.execute(delete(StaffRole).where(*_roles_of(session, staff_id), lost))
    await _give(session, staff_id, roles)


async def set_left(session: TenantSession, staff_id: StaffId, left_at: datetime) -> None:
    """Write when a person left."""
    await _update(session, staff_id, left_at=left_at)


async def come_back(session: TenantSession, staff_id: StaffId, at: datetime) -> None:
    """A person works here again, and has their roles from that moment on."""
    await _update(session, staff_id, left_at=None)
    await session.execute(update(StaffRole).where(*_roles_of(session, staff_id)).values(given_at=at))


async def find_staff(session: TenantSession, staff_id: StaffId) -> Staff | None:
    """One person, whether they work here still or not."""
    rows = await session.ask(_BY_ID, staff=staff_id)
    return _staff(rows[0]) if rows else None


async def find_staff_by_email(session: TenantSession, email: str) -> Staff | None:
    """The person with that address, in lower case, whether they work here still or not."""
    rows = await session.ask(_BY_EMAIL, email=email)
    return _staff(rows[0]) if rows else None


async def all_staff(session: TenantSession) -> list[Staff]:
    """Everybody who works here, in the order in which they were added."""
    return [_staff(row) for row in await session.ask(_WORKING)]


async def former_staff(session: TenantSession) -> list[Staff]:
    """Everybody who has left, the last one first."""
    return [_staff(row) for row in await session.ask(_GONE)]


async def names(session: TenantSession) -> dict[StaffId, str]:
    """What everybody is called, whether they work here still or not, in the order of the alphabet."""
    query = select(StaffMember.id, StaffMember.full_name).where(StaffMember.tenant_id == session.tenant_id)
    rows = await session.execute(query.order_by(StaffMember.full_name, StaffMember.id))
    return {StaffId(row.id): row.full_name for row in rows}


async def count_staff(session: TenantSession) -> int:
    """How many people work here."""
    query = select(func.count()).where(
        StaffMember.tenant_id == session.tenant_id, StaffMember.left_at.is_(None)
    )
    return await session.scalar(query) or 0


async def find_staff_at_school(
    session: TenantSession, staff_id: StaffId
) -> tuple[Staff, str, date | None] | None:
    """A person who works here, the school's name and when it closes: every signed-in request asks this."""
    rows = await session.ask(_AT_SCHOOL, staff=staff_id)
    return (_staff(rows[0]), rows[0].school_name or "", rows[0].closes_on) if rows else None


async def _update(session: TenantSession, staff_id: StaffId, **values: object) -> None:
    query = update(StaffMember).where(StaffMember.tenant_id == session.tenant_id, StaffMember.id == staff_id)
    await session.execute(query.values(values))


async def _give(session: TenantSession, staff_id: StaffId, roles: frozenset[Role]) -> None:
    now = clock.now()
    rows = [
        {"tenant_id": session.tenant_id, "staff_id": staff_id, "role": role.value, "given_at": now}
        for role in sorted(roles)
    ]
    if rows:
        await session.execute(insert(StaffRole).on_conflict_do_nothing(), rows)


def _roles_of(session: TenantSession, staff_id: StaffId) -> tuple[ColumnElement[bool], ...]:
    return StaffRole.tenant_id == session.tenant_id, StaffRole.staff_id == staff_id


def _staff(row: Any) -> Staff:
    return Staff(
        id=StaffId(row.id),
        full_name=row.full_name,
        email=row.email,
        title=row.title,
        roles=frozenset(Role(role) for role in row.roles or ()),
        joined_at=row.joined_at,
        left_at=row.left_at,
    )
