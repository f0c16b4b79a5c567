"""People who work at a school: who they are, in which roles they act, and the seats that they take."""

from collections.abc import Iterable

from backend.core import audit, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound, Unauthenticated
from backend.tenants.people import queries, rules
from backend.tenants.people.schemas import Newcomer, Staff, Workplace, role_label
from backend.tenants.permissions import Role, permissions_of
from backend.tenants.subscriptions import service as subscriptions
from backend.tenants.subscriptions.schemas import Seats


async def add_staff(
    session: TenantSession, actor: Actor, name: str, email: str, title: str, roles: Iterable[Role | str]
) -> StaffId:
    """Take a person into the school with their roles; `title` is printed under signatures.

    Raises Invalid without a name, a usable address or a known role, Conflict when the address is taken or no seat is
    free.
    """
    newcomer = rules.newcomer(name, email, title, roles)
    seats = await hold_seats(session)
    rules.require_stranger(await queries.find_staff_by_email(session, newcomer.email), newcomer)
    rules.require_seat(seats, newcomer.full_name)
    staff_id = await queries.insert_staff(session, newcomer)
    roles_given = role_label(newcomer.roles)
    await audit.record(session, actor, Action.STAFF_ADDED, staff_id, newcomer.full_name, roles=roles_given)
    return staff_id


def describe(name: str, email: str, title: str, roles: Iterable[Role | str]) -> Newcomer:
    """A person out of what was typed about them. Raises Invalid with the field to mend."""
    return rules.newcomer(name, email, title, roles)


async def check_newcomer(
    session: TenantSession, actor: Actor, name: str, email: str, title: str, roles: Iterable[Role | str]
) -> Newcomer:
    """Whether the actor may ask this person to join, before they are asked.

    Raises Invalid, Forbidden for roles that the actor may not give, Conflict when the address is known here or no seat
    is free.
    """
    newcomer = rules.newcomer(name, email, title, roles)
    rules.require_some_role(newcomer.roles, newcomer.full_name)
    rules.require_grant(actor, newcomer.full_name, newcomer.roles)
    rules.require_stranger(await queries.find_staff_by_email(session, newcomer.email), newcomer)
    rules.require_seat(await seats_of(session), newcomer.full_name)
    return newcomer


def require_grant(actor: Actor, name: str, roles: frozenset[Role]) -> None:
    """Raises Forbidden where the actor may not give these roles to somebody of that name, or take them."""
    rules.require_grant(actor, name, roles)


async def change_staff(
    session: TenantSession,
    actor: Actor,
    staff_id: StaffId,
    name: str,
    title: str,
    roles: Iterable[Role | str],
) -> None:
    """Give a person another name, title or other roles, from their next request on; documents keep what they say.

    Raises NotFound, Invalid, Forbidden for roles that the actor may not give or take, Conflict for the last owner and
    for somebody who has left.
    """
    await subscriptions.hold(session)
    staff = _working(await get_staff(session, staff_id))
    full_name, known = rules.checked_name(name), rules.checked_roles(roles, name)
    printed = rules.checked_title(title, full_name)
    rules.require_some_role(known, full_name)
    rules.require_grant(actor, full_name, staff.roles, known)
    if Role.OWNER in staff.roles - known:
        rules.require_another_owner(staff, await queries.all_staff(session))
    await queries.change_staff(session, staff_id, full_name, printed, known)
    await audit.record(
        session,
        actor,
        Action.STAFF_CHANGED,
        staff_id,
        full_name,
        old_name=staff.full_name,
        old_title=staff.title,
        old_roles=staff.role_label,
        new_title=printed,
        new_roles=role_label(known),
    )


async def leave(session: TenantSession, actor: Actor, staff_id: StaffId) -> None:
    """The person works here no longer: every request of theirs is refused from now on, and their seat is free.

    Their name, roles and deeds stay. Raises NotFound, Forbidden for roles that the actor may not take, Conflict for
    the last owner and for somebody who has left.
    """
    await subscriptions.hold(session)
    staff = _working(await get_staff(session, staff_id))
    rules.require_grant(actor, staff.full_name, staff.roles)
    if Role.OWNER in staff.roles:
        rules.require_another_owner(staff, await queries.all_staff(session))
    await queries.set_left(session, staff_id, clock.now())
    await audit.record(session, actor, Action.STAFF_LEFT, staff_id, staff.full_name, roles=staff.role_label)


async def come_back(session: TenantSession, actor: Actor, staff_id: StaffId) -> Staff:
    """Somebody who had left works here again, in the roles that they had.

    Raises NotFound, Forbidden for roles that the actor may not give, Conflict without a free seat and for somebody who
    never left.
    """
    seats = await hold_seats(session)
    staff = await get_staff(session, staff_id)
    if staff.left_at is None:
        raise Conflict(f"{staff.full_name} đang làm việc ở trường, không cần nhận lại.")
    rules.require_grant(actor, staff.full_name, staff.roles)
    rules.require_seat(seats, staff.full_name)
    await queries.come_back(session, staff_id, clock.now())
    await audit.record(
        session, actor, Action.STAFF_RETURNED, staff_id, staff.full_name, roles=staff.role_label
    )
    return staff


async def get_staff(session: TenantSession, staff_id: StaffId) -> Staff:
    """One person of the school, whether they work here still or not. Raises NotFound."""
    staff = await queries.find_staff(session, staff_id)
    if staff is None:
        raise NotFound("Không tìm thấy nhân sự này trong trường.")
    return staff


async def list_staff(session: TenantSession, role: Role | None = None) -> list[Staff]:
    """Everybody who works at the school, or those in one role, in the order in which they joined."""
    return [staff for staff in await queries.all_staff(session) if role is None or role in staff.roles]


async def list_former(session: TenantSession) -> list[Staff]:
    """Everybody who has left, the last one first."""
    return await queries.former_staff(session)


async def seats_of(session: TenantSession) -> Seats:
    """The school's seats as they are now; `hold_seats` where something will be decided by them."""
    subscription = await subscriptions.get(session)
    return Seats(total=subscription.seats, taken=await queries.count_staff(session))


async def hold_seats(session: TenantSession) -> Seats:
    """The school's seats, and nobody else takes or frees one until this transaction ends."""
    subscription = await subscriptions.hold(session)
    return Seats(total=subscription.seats, taken=await queries.count_staff(session))


async def change_seats(session: TenantSession, actor: Actor, seats: int) -> None:
    """Another number of seats under the plan that the school has.

    Raises Invalid out of range, Conflict below the number of people who work here.
    """
    plan = await subscriptions.hold(session)
    taken = await queries.count_staff(session)
    await subscriptions.change(session, actor, plan.plan, seats, plan.seat_price, taken)


async def names(session: TenantSession) -> dict[StaffId, str]:
    """What everybody is called who works here or ever did."""
    return await queries.names(session)


async def actor_of(session: TenantSession, staff_id: StaffId) -> Actor:
    """The person as somebody who asks, with the permissions of this moment. Raises NotFound."""
    return _actor(session, await get_staff(session, staff_id))


async def workplace_of(session: TenantSession, staff_id: StaffId) -> Workplace:
    """The signed-in person of a request and their school.

    Raises Unauthenticated when they have left it.
    """
    found = await queries.find_staff_at_school(session, staff_id)
    if found is None:
        raise Unauthenticated("Tài khoản này không còn làm việc ở trường; xin liên hệ nhà trường.")
    staff, school_name, closes_on = found
    actor, closed = _actor(session, staff), ""
    if closes_on is not None and closes_on <= clock.today():
        actor, closed = rules.after_closing(actor), rules.closing_in_words(school_name, closes_on)
    return Workplace(actor=actor, school_name=school_name, role_label=staff.role_label, closed=closed)


def _working(staff: Staff) -> Staff:
    if staff.left_at is not None:
        raise Conflict(f"{staff.full_name} đã thôi làm việc ở trường; hãy nhận lại trước.")
    return staff


def _actor(session: TenantSession, staff: Staff) -> Actor:
    return Actor(
        tenant_id=session.tenant_id,
        staff_id=staff.id,
        name=staff.full_name,
        roles=frozenset(role.value for role in staff.roles),
        permissions=permissions_of(staff.roles),
    )
