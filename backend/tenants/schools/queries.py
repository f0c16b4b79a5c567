"""SQL of schools."""

from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Uuid, bindparam, insert, select, text, update

from backend.core import clock
from backend.core.database import TenantSession
from backend.core.questions import Question
from backend.tenants.schools.models import School
from backend.tenants.schools.schemas import Closing, SchoolLevel, SchoolProfile


async def register_tenant(session: TenantSession) -> None:
    """Make the tenant of the session known to the directory; nothing happens when it is."""
    await session.execute(text("select directory.open_tenant()"))


async def insert_school(session: TenantSession, profile: SchoolProfile) -> None:
    """Add the school of the session's tenant."""
    query = insert(School).values(
        tenant_id=session.tenant_id, opened_at=clock.now(), successor="", **_values(profile)
    )
    await session.execute(query)


async def change_school(session: TenantSession, profile: SchoolProfile) -> None:
    """Replace what the school is called and where it is."""
    mine = School.tenant_id == session.tenant_id
    await session.execute(update(School).where(mine).values(_values(profile)))


_NAME = Question(select(School.name).where(School.tenant_id == bindparam("tenant", type_=Uuid())))


async def find_name(session: TenantSession) -> str | None:
    """What the school is called."""
    rows = await session.ask(_NAME)
    return str(rows[0].name) if rows else None


async def find_closing(session: TenantSession) -> Closing | None:
    """When the school closes, if that is planned or past."""
    school = await session.scalar(select(School).where(School.tenant_id == session.tenant_id))
    if school is None or school.closes_on is None:
        return None
    return Closing(closes_on=school.closes_on, successor=school.successor)


async def set_closing(session: TenantSession, closes_on: date | None, successor: str) -> None:
    """Write when the school closes; None: it stays open."""
    mine = School.tenant_id == session.tenant_id
    await session.execute(update(School).where(mine).values(closes_on=closes_on, successor=successor))


async def find_school(session: TenantSession) -> SchoolProfile | None:
    """The school of the session's tenant."""
    school = await session.scalar(select(School).where(School.tenant_id == session.tenant_id))
    if school is None:
        return None
    return SchoolProfile(
        name=school.name,
        code=school.code,
        tax_code=school.tax_code,
        province_code=school.province_code,
        province=school.province,
        ward=school.ward,
        levels=tuple(SchoolLevel(level) for level in school.levels),
        address=school.address,
        phone=school.phone,
    )


def _values(profile: SchoolProfile) -> dict[str, Any]:
    return msgspec.structs.asdict(profile) | {"levels": [level.value for level in profile.levels]}
