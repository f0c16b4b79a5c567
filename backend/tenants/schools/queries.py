"""SQL of schools."""

from sqlalchemy import insert, select, text

from backend.core import clock
from backend.core.database import TenantSession
from backend.tenants.schools.models import School
from backend.tenants.schools.schemas import SchoolLevel, SchoolProfile


async def register_tenant(session: TenantSession) -> None:
    """Make the tenant of the session known to the directory; nothing happens when it is."""
    await session.execute(text("select directory.open_tenant()"))


async def insert_school(session: TenantSession, profile: SchoolProfile) -> None:
    """Add the school of the session's tenant."""
    values = {
        "tenant_id": session.tenant_id,
        "name": profile.name,
        "code": profile.code,
        "tax_code": profile.tax_code,
        "province_code": profile.province_code,
        "province": profile.province,
        "ward": profile.ward,
        "levels": [level.value for level in profile.levels],
        "opened_at": clock.now(),
    }
    await session.execute(insert(School).values(values))


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
    )
