"""All SQL of departments."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.core.questions import Question
from backend.records.departments.models import Department, DepartmentMember

_DEPARTMENTS = Question(
    select(Department.id, Department.name, Department.head_id)
    .where(Department.tenant_id == bindparam("tenant"))
    .order_by(Department.name)
)
_MEMBERS = Question(
    select(DepartmentMember.department_id, DepartmentMember.staff_id).where(
        DepartmentMember.tenant_id == bindparam("tenant")
    )
)


async def departments(session: TenantSession) -> Sequence[Any]:
    """All departments, by name."""
    return await session.ask(_DEPARTMENTS)


async def members(session: TenantSession) -> Sequence[Any]:
    """Who belongs to which department."""
    return await session.ask(_MEMBERS)


async def hold_all(session: TenantSession) -> None:
    """Departments are changed one after another: all are held until the transaction ends."""
    query = select(Department.id).where(Department.tenant_id == session.tenant_id).order_by(Department.id)
    await session.execute(query.with_for_update())


async def insert_department(session: TenantSession, name: str) -> uuid.UUID | None:
    """A new department; None where the name is taken."""
    query = upsert(Department).values(tenant_id=session.tenant_id, id=new_id(), name=name)
    return await session.scalar(query.on_conflict_do_nothing().returning(Department.id))


async def change_department(
    session: TenantSession,
    department_id: uuid.UUID,
    name: str,
    head_id: uuid.UUID | None,
    staff_ids: Sequence[uuid.UUID],
) -> None:
    """Replace name, head and members."""
    own = (Department.tenant_id == session.tenant_id, Department.id == department_id)
    await session.execute(update(Department).where(*own).values(name=name, head_id=head_id))
    await session.execute(
        delete(DepartmentMember).where(
            DepartmentMember.tenant_id == session.tenant_id, DepartmentMember.department_id == department_id
        )
    )
    rows = [
        {"tenant_id": session.tenant_id, "id": new_id(), "department_id": department_id, "staff_id": one}
        for one in staff_ids
    ]
    if rows:
        await session.execute(insert(DepartmentMember), rows)


async def delete_department(session: TenantSession, department_id: uuid.UUID) -> None:
    """Remove a department; its members belong to none then."""
    await session.execute(
        delete(Department).where(Department.tenant_id == session.tenant_id, Department.id == department_id)
    )
