"""SQL of duties: each is given on only by who still finds it where they saw it."""

import uuid
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ARRAY, String, TableValuedAlias, Uuid, column, func, insert, literal, select, update
from sqlalchemy.types import TypeEngine

from backend.core.database import TenantSession
from backend.records.duties.models import PastDuty
from backend.records.duties.schemas import Move
from backend.records.roster.models import SchoolClass, TeachingAssignment


async def move(session: TenantSession, moves: Sequence[Move]) -> set[str]:
    """Give duties to others; keys of those that went: the rest is not any more where the writer saw it."""
    leading = _wanted([one for one in moves if one.duty.is_homeroom])
    taught = _wanted([one for one in moves if not one.duty.is_homeroom])
    given = (
        update(SchoolClass)
        .where(
            SchoolClass.tenant_id == session.tenant_id,
            SchoolClass.id == leading.c.class_id,
            SchoolClass.homeroom_teacher_id.is_not_distinct_from(leading.c.old),
        )
        .values(homeroom_teacher_id=leading.c.new)
        .returning(leading.c.key),
        update(TeachingAssignment)
        .where(
            TeachingAssignment.tenant_id == session.tenant_id,
            TeachingAssignment.class_id == taught.c.class_id,
            TeachingAssignment.subject_code == taught.c.code,
            TeachingAssignment.teacher_id.is_not_distinct_from(taught.c.old),
        )
        .values(teacher_id=taught.c.new)
        .returning(taught.c.key),
    )
    return {key for query in given for key in await session.scalars(query)}


def _wanted(moves: Sequence[Move]) -> TableValuedAlias:
    said: dict[str, tuple[TypeEngine[Any], list[Any]]] = {
        "class_id": (Uuid(), [one.duty.class_id for one in moves]),
        "code": (String(), [one.duty.code for one in moves]),
        "key": (String(), [one.duty.key for one in moves]),
        "old": (Uuid(), [one.old for one in moves]),
        "new": (Uuid(), [one.new for one in moves]),
    }
    rows = func.unnest(*(literal(values, ARRAY(of)) for of, values in said.values()))
    columns = (column(name, of) for name, (of, _) in said.items())
    return rows.table_valued(*columns).render_derived()


async def last_days(
    session: TenantSession, class_ids: Collection[uuid.UUID]
) -> dict[tuple[uuid.UUID, str], date]:
    """(class, duty) → the last day of whoever held it before whoever does now."""
    found = await session.execute(
        select(PastDuty.class_id, PastDuty.code, func.max(PastDuty.ends_on))
        .where(PastDuty.tenant_id == session.tenant_id, PastDuty.class_id.in_(class_ids))
        .group_by(PastDuty.class_id, PastDuty.code)
    )
    return {(class_id, code): ended for class_id, code, ended in found}


async def past(session: TenantSession, class_id: uuid.UUID) -> Sequence[PastDuty]:
    """Who held duties in a class before, the latest first."""
    found = await session.scalars(
        select(PastDuty)
        .where(PastDuty.tenant_id == session.tenant_id, PastDuty.class_id == class_id)
        .order_by(PastDuty.ends_on.desc(), PastDuty.id.desc())
    )
    return found.all()


async def insert_past(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    """Keep who held duties until now."""
    if rows:
        await session.execute(insert(PastDuty).execution_options(render_nulls=True), rows)
