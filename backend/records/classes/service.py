"""Classes of the year: opened with their sheets, renamed, closed when nobody is in them."""

import uuid
from collections.abc import Collection

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid
from backend.records.classes import queries, rules
from backend.records.gradebook import service as gradebook
from backend.records.plans import service as plans
from backend.records.plans.schemas import Plan
from backend.records.roster import service as roster
from backend.records.roster.schemas import CLASS_NAMES, ClassId
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import level_of

_GRADES = range(1, 13)


async def grades(session: TenantSession) -> list[int]:
    """The grades of the school's levels."""
    levels = (await schools.get_school(session)).levels
    return [grade for grade in _GRADES if level_of(grade) in levels]


async def plan_of_grade(session: TenantSession, grade: int) -> Plan:
    """The subjects of a grade in the year that the school works in. Raises Conflict without a year."""
    year = await roster.current_year(session)
    return (await plans.all_plans(session)).of(year.id, grade)


async def open_class(
    session: TenantSession, actor: Actor, name: str, grade: int, chosen: Collection[str]
) -> ClassId:
    """Open a class in the year that the school works in, its sheets with it; who teaches there is said next.

    Raises Invalid for a name or a choice that cannot be, Conflict for a name that is taken.
    """
    if grade not in await grades(session):
        raise Invalid("Khối này không thuộc cấp học của trường; xin chọn lại khối.")
    new = rules.new_class(name, await plan_of_grade(session, grade), chosen)
    year = await roster.current_year(session)
    await session.hold(CLASS_NAMES)
    await _require_free(session, new.name, year.id)
    class_id = await roster.open_class(session, year.id, new.name, grade, None)
    own = [one.code for one in new.subjects if one.own]
    await roster.assign_teachers(session, class_id, dict.fromkeys(one.code for one in new.subjects), own)
    await gradebook.open_sheets(session, class_id)
    await audit.record(session, actor, Action.CLASS_OPENED, class_id, f"Lớp {new.name}")
    return class_id


async def rename(session: TenantSession, actor: Actor, class_id: uuid.UUID, seen: str, name: str) -> str:
    """Give a class another name of its grade; frozen học bạ keep the one of then. `seen` is what the writer saw.

    Raises NotFound, Invalid, Conflict for a name that is taken and where somebody else was faster.
    """
    found = await roster.get_class(session, class_id)
    new = rules.checked_name(name, found.grade_level)
    await session.hold(CLASS_NAMES)
    if new != seen:
        await _require_free(session, new, found.academic_year_id)
    if not await queries.rename(session, class_id, seen, new, roster.class_order(new)):
        raise Conflict("Lớp này vừa được người khác đổi tên; xin xem tên mới rồi sửa lại.")
    changed = Action.CLASS_CHANGED
    await audit.record(session, actor, changed, class_id, f"Lớp {new}", old_name=seen, new_name=new)
    return new


async def close(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> str:
    """Close a class in which nobody is any more; its sheets stay readable. Raises NotFound, Conflict."""
    await session.hold(CLASS_NAMES)
    await roster.hold_classes(session, [class_id])
    found = await roster.get_class(session, class_id)
    rules.require_empty(found)
    await queries.close(session, class_id, clock.today())
    await audit.record(session, actor, Action.CLASS_CLOSED, class_id, f"Lớp {found.name}")
    return found.name


async def _require_free(session: TenantSession, name: str, year_id: uuid.UUID) -> None:
    if await roster.has_class(session, year_id, name):
        raise Conflict(f"Năm học này đã có lớp {name}; xin chọn tên khác.")
