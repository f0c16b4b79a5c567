"""People who work at a school: who they are and in which roles they act."""

from collections.abc import Iterable

from backend.core.actor import Actor, StaffId
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound, Unauthenticated
from backend.tenants.people import queries
from backend.tenants.people.schemas import Staff, Workplace
from backend.tenants.permissions import Role, permissions_of


async def add_staff(
    session: TenantSession, actor: Actor, name: str, email: str, title: str, roles: Iterable[Role | str]
) -> StaffId:
    """Take a person into the school with their roles; `title` is printed under signatures.

    Raises Invalid without a name, a usable address or a known role, Conflict when the address is taken.
    """
    known = _roles(name, roles)
    address = email.strip().lower()
    if not name.strip():
        raise Invalid("Chưa có họ tên của nhân sự; xin điền họ tên.")
    if "@" not in address:
        raise Invalid(f"Địa chỉ thư của {name} chưa đúng ({email}); xin sửa lại.")
    if await queries.find_staff_by_email(session, address) is not None:
        raise Conflict(f"Địa chỉ thư {address} đã thuộc về một nhân sự khác; xin dùng địa chỉ khác.")
    return await queries.insert_staff(session, name.strip(), address, title, known)


async def get_staff(session: TenantSession, staff_id: StaffId) -> Staff:
    """One person of the school. Raises NotFound."""
    staff = await queries.find_staff(session, staff_id)
    if staff is None:
        raise NotFound("Không tìm thấy nhân sự này trong trường.")
    return staff


async def list_staff(session: TenantSession, role: Role | None = None) -> list[Staff]:
    """Everybody at the school, or those in one role, in the order in which they joined."""
    return [staff for staff in await queries.all_staff(session) if role is None or role in staff.roles]


async def find_by_email(session: TenantSession, email: str) -> Staff | None:
    """The person with that address, however it is written."""
    return await queries.find_staff_by_email(session, email.strip().lower())


async def actor_of(session: TenantSession, staff_id: StaffId) -> Actor:
    """The person as somebody who asks, with the permissions of this moment. Raises NotFound."""
    return _actor(session, await get_staff(session, staff_id))


async def workplace_of(session: TenantSession, staff_id: StaffId) -> Workplace:
    """The signed-in person of a request and their school. Raises Unauthenticated when they have left it."""
    found = await queries.find_staff_at_school(session, staff_id)
    if found is None:
        raise Unauthenticated("Tài khoản này không còn làm việc ở trường; xin liên hệ nhà trường.")
    staff, school_name = found
    return Workplace(actor=_actor(session, staff), school_name=school_name, role_label=staff.role_label)


def _actor(session: TenantSession, staff: Staff) -> Actor:
    return Actor(
        tenant_id=session.tenant_id,
        staff_id=staff.id,
        name=staff.full_name,
        roles=frozenset(role.value for role in staff.roles),
        permissions=permissions_of(staff.roles),
    )


def _roles(name: str, roles: Iterable[Role | str]) -> frozenset[Role]:
    try:
        return frozenset(Role(role) for role in roles)
    except ValueError as error:
        raise Invalid(f"Vai trò của {name} không có trong danh sách ({error.args[0]}).") from None
