"""Schools: open one, look at it."""

import uuid

from backend.core.database import TenantSession, tenant_session
from backend.core.errors import Conflict, NotFound
from backend.tenants.schools import queries
from backend.tenants.schools.schemas import SchoolProfile


async def open_school(tenant_id: uuid.UUID, profile: SchoolProfile) -> None:
    """Make a new tenant and its school, in a transaction of its own: nobody works there yet.

    Raises Conflict when the tenant has a school already.
    """
    async with tenant_session(tenant_id) as session:
        if await queries.find_school(session) is not None:
            raise Conflict(f"Đơn vị này đã có trường; không mở thêm được {profile.name}.")
        await queries.register_tenant(session)
        await queries.insert_school(session, profile)


async def get_school(session: TenantSession) -> SchoolProfile:
    """The school of this transaction. Raises NotFound when the tenant has none."""
    school = await queries.find_school(session)
    if school is None:
        raise NotFound("Đơn vị này chưa có trường nào được mở.")
    return school
