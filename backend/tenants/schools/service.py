"""Schools: open one, look at it."""

import uuid
from collections.abc import Iterable

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action, Deed
from backend.core.database import TenantSession, tenant_session
from backend.core.errors import Conflict, NotFound
from backend.core.text import read_day
from backend.tenants.schools import queries, rules
from backend.tenants.schools.schemas import Closing, SchoolLevel, SchoolProfile


async def open_school(tenant_id: uuid.UUID, profile: SchoolProfile) -> None:
    """Make a new tenant and its school, in a transaction of its own: nobody works there yet.

    Raises Conflict when the tenant has a school already.
    """
    async with tenant_session(tenant_id) as session:
        if await queries.find_school(session) is not None:
            raise Conflict(f"Đơn vị này đã có trường; không mở thêm được {profile.name}.")
        await queries.register_tenant(session)
        await queries.insert_school(session, profile)


async def is_open(tenant_id: uuid.UUID) -> bool:
    """Whether the tenant has its school."""
    async with tenant_session(tenant_id, read_only=True) as session:
        return await queries.find_school(session) is not None


def describe_school(
    *,
    name: str,
    code: str,
    tax_code: str,
    province_code: str,
    ward: str,
    levels: Iterable[SchoolLevel | str],
) -> SchoolProfile:
    """The profile of a school that wants to be opened. Raises Invalid with the field to mend."""
    return rules.new_profile(
        name=name, code=code, tax_code=tax_code, province_code=province_code, ward=ward, levels=levels
    )


async def get_school(session: TenantSession) -> SchoolProfile:
    """The school of this transaction. Raises NotFound when the tenant has none."""
    school = await queries.find_school(session)
    if school is None:
        raise NotFound("Đơn vị này chưa có trường nào được mở.")
    return school


async def name_of(session: TenantSession) -> str:
    """What the school of this transaction is called; asked at every public look-up. Raises NotFound."""
    name = await queries.find_name(session)
    if name is None:
        raise NotFound("Đơn vị này chưa có trường nào được mở.")
    return name


async def change_school(
    session: TenantSession,
    actor: Actor,
    *,
    name: str,
    tax_code: str,
    ward: str,
    address: str,
    phone: str,
    levels: Iterable[SchoolLevel | str],
) -> SchoolProfile:
    """Say what the school is called and where it is; documents that are frozen keep what they say.

    Its Ministry code and province are what Authorities know it by, and stay. Raises Invalid with the field to mend.
    """
    old = await get_school(session)
    new = rules.changed(
        old, name=name, tax_code=tax_code, ward=ward, address=address, phone=phone, levels=levels
    )
    if new != old:
        await queries.change_school(session, new)
        deed = Deed(None, new.name, rules.differences(old, new))
        await audit.record_many(session, actor, Action.SCHOOL_CHANGED, [deed])
    return new


async def is_closed(tenant_id: uuid.UUID) -> bool:
    """Whether the day of closing has come for a school."""
    async with tenant_session(tenant_id, read_only=True) as session:
        planned = await queries.find_closing(session)
    return planned is not None and planned.closes_on <= clock.today()


async def closing(session: TenantSession) -> Closing | None:
    """When the school closes, if that is planned or past."""
    return await queries.find_closing(session)


async def check_closing(session: TenantSession, closes_on: str, successor: str) -> Closing:
    """A closing as it may be planned today, out of what was typed.

    Raises Invalid for a day that cannot be, or without who takes the records over, Conflict when one is planned.
    """
    rules.require_open(await queries.find_closing(session))
    return rules.planned_closing(read_day(closes_on, "Ngày đóng trường"), successor, clock.today())


async def plan_closing(session: TenantSession, actor: Actor, planned: Closing) -> None:
    """From that day on nobody works at the school; its owner may still take the data away. Nothing is removed.

    Raises Conflict when a closing is planned already.
    """
    rules.require_open(await queries.find_closing(session))
    await queries.set_closing(session, planned.closes_on, planned.successor)
    await audit.record(
        session,
        actor,
        Action.CLOSING_PLANNED,
        None,
        planned.successor,
        closes_on=planned.closes_on.isoformat(),
    )


async def cancel_closing(session: TenantSession, actor: Actor) -> None:
    """The school stays open. Raises Conflict when no closing is planned, or the day has come."""
    planned = await queries.find_closing(session)
    if planned is None or planned.closes_on <= clock.today():
        raise Conflict("Không có lịch đóng trường nào để hủy, hoặc trường đã đóng.")
    await queries.set_closing(session, None, "")
    await audit.record(session, actor, Action.CLOSING_CANCELLED, None, planned.successor)
