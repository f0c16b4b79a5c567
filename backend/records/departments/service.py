"""Departments (tổ chuyên môn): who belongs to which, and who heads them."""

import uuid
from collections import defaultdict
from collections.abc import Sequence

from backend.core import audit
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.records.departments import queries, rules
from backend.records.departments.schemas import DepartmentId, DepartmentView
from backend.tenants.people import service as people


async def list_departments(session: TenantSession) -> list[DepartmentView]:
    """All departments, by name."""
    members: dict[uuid.UUID, list[StaffId]] = defaultdict(list)
    for row in await queries.members(session):
        members[row.department_id].append(StaffId(row.staff_id))
    heads = {one.id: one.full_name for one in await people.list_staff(session) if rules.may_lead(one)}
    return [
        DepartmentView(
            id=DepartmentId(row.id),
            name=row.name,
            head_id=row.head_id and StaffId(row.head_id),
            head=heads.get(row.head_id),
            members=tuple(members[row.id]),
        )
        for row in await queries.departments(session)
    ]


async def get_department(session: TenantSession, department_id: uuid.UUID) -> DepartmentView:
    """One department. Raises NotFound."""
    found = [one for one in await list_departments(session) if one.id == department_id]
    if not found:
        raise NotFound("Không tìm thấy tổ chuyên môn này.")
    return found[0]


async def checkers(session: TenantSession) -> dict[StaffId, StaffId]:
    """Teacher → head of their department, where that is somebody else who works here and has the role."""
    return {
        member: one.head_id
        for one in await list_departments(session)
        if one.head_id is not None and one.head is not None
        for member in one.members
        if member != one.head_id
    }


async def open_department(session: TenantSession, actor: Actor, name: str) -> DepartmentId:
    """A new department without head and members. Raises Invalid without a name, Conflict where the name is taken."""
    known = rules.checked_name(name)
    await queries.hold_all(session)
    _require_free(known, await list_departments(session))
    department_id = await queries.insert_department(session, known)
    if department_id is None:
        raise Conflict(_taken(known))
    await audit.record(session, actor, Action.DEPARTMENT_CHANGED, department_id, known)
    return DepartmentId(department_id)


async def change_department(
    session: TenantSession,
    actor: Actor,
    department_id: uuid.UUID,
    name: str,
    head_id: StaffId | None,
    member_ids: Sequence[StaffId],
    seen: str | None = None,
) -> str:
    """Give a department another name, head and members; returns its name.

    `seen`: what a form brings back (`rules.as_seen`), None where nobody looked first. Raises NotFound, Invalid for a
    person who cannot be that, Conflict for a name that is taken, a person who belongs to another department, and where
    somebody else was faster.
    """
    await queries.hold_all(session)
    departments = await list_departments(session)
    found = [one for one in departments if one.id == department_id]
    if not found:
        raise NotFound("Không tìm thấy tổ chuyên môn này.")
    if seen is not None:
        rules.require_seen(found[0], seen, await people.names(session))
    known = rules.checked_name(name)
    _require_free(known, [one for one in departments if one.id != department_id])
    staff = {one.id: one for one in await people.list_staff(session)}
    if head_id is not None:
        rules.require_head(staff.get(head_id))
    chosen = list(dict.fromkeys(member_ids))
    elsewhere = {person: one.name for one in departments if one.id != department_id for person in one.members}
    rules.require_members(chosen, staff, elsewhere)
    await queries.change_department(session, department_id, known, head_id, chosen)
    head = staff[head_id].full_name if head_id else ""
    await audit.record(
        session,
        actor,
        Action.DEPARTMENT_CHANGED,
        department_id,
        known,
        about=chosen,
        head=head,
        count=len(chosen),
    )
    return known


async def end_department(session: TenantSession, actor: Actor, department_id: uuid.UUID) -> str:
    """Remove a department: its members belong to none, and nobody checks their sheets. Raises NotFound."""
    department = await get_department(session, department_id)
    await queries.delete_department(session, department_id)
    await audit.record(session, actor, Action.DEPARTMENT_ENDED, department_id, department.name)
    return department.name


def _require_free(name: str, others: Sequence[DepartmentView]) -> None:
    for other in others:
        if rules.same_name(name, other.name):
            raise Conflict(_taken(other.name))


def _taken(name: str) -> str:
    return f"Trường đã có {name}; hãy chọn tên khác."
