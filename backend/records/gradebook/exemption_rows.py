"""SQL of exemptions."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.core.database import TenantSession
from backend.core.questions import Question
from backend.records.gradebook.models import Exemption
from backend.records.roster.models import Student

IN_FORCE = Exemption.ended_at.is_(None)

_EXEMPT_FROM = Question(
    select(Exemption.student_id).where(
        Exemption.tenant_id == bindparam("tenant"),
        Exemption.class_id == bindparam("class_id"),
        Exemption.subject_code == bindparam("subject_code"),
        IN_FORCE,
    )
)


async def exempt_from(session: TenantSession, class_id: uuid.UUID, subject_code: str) -> set[uuid.UUID]:
    """Pupils of a class who are exempt from a subject."""
    rows = await session.ask(_EXEMPT_FROM, class_id=class_id, subject_code=subject_code)
    return {row.student_id for row in rows}


async def exempt_in(
    session: TenantSession, class_ids: Collection[uuid.UUID]
) -> set[tuple[uuid.UUID, str, uuid.UUID]]:
    """(class_id, subject_code, student_id) of every exemption in force in some classes."""
    query = select(Exemption.class_id, Exemption.subject_code, Exemption.student_id).where(
        Exemption.tenant_id == session.tenant_id, Exemption.class_id.in_(class_ids), IN_FORCE
    )
    return {(one.class_id, one.subject_code, one.student_id) for one in await session.execute(query)}


async def exemptions_of(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Every exemption of a class with its pupil, those in force first."""
    query = (
        select(Exemption, Student.full_name, Student.student_code)
        .join(Student, and_(Student.tenant_id == Exemption.tenant_id, Student.id == Exemption.student_id))
        .where(Exemption.tenant_id == session.tenant_id, Exemption.class_id == class_id)
        .order_by(Exemption.ended_at.is_not(None), Student.name_key, Exemption.subject_code, Exemption.id)
    )
    return (await session.execute(query)).all()


async def insert_exemption(session: TenantSession, values: dict[str, Any]) -> bool:
    """Whether it was added: a pupil is exempt from a subject once at a time."""
    query = upsert(Exemption).values(values).on_conflict_do_nothing().returning(Exemption.id)
    return await session.scalar(query) is not None


async def end_exemption(session: TenantSession, exemption_id: uuid.UUID, values: dict[str, Any]) -> bool:
    """Whether it was in force until now."""
    query = update(Exemption).where(
        Exemption.tenant_id == session.tenant_id, Exemption.id == exemption_id, IN_FORCE
    )
    return await session.scalar(query.values(values).returning(Exemption.id)) is not None


async def carry_exemptions(
    session: TenantSession,
    student_id: uuid.UUID,
    source: uuid.UUID,
    target: uuid.UUID,
    ended: dict[str, Any],
) -> None:
    """What a pupil is exempt from in one class is over there, and holds in another by the same decision."""
    query = (
        "with carried as (update exemption set ended_by = :ended_by, ended_at = :ended_at"
        " where tenant_id = :tenant and class_id = :source and student_id = :student and ended_at is null"
        " returning tenant_id, student_id, subject_code, ground, reason, decided_by, decided_at)"
        " insert into exemption"
        " (tenant_id, id, class_id, student_id, subject_code, ground, reason, decided_by, decided_at)"
        " select tenant_id, gen_random_uuid(), :target, student_id, subject_code, ground, reason, decided_by, decided_at"
        " from carried on conflict do nothing"
    )
    values = {"tenant": session.tenant_id, "source": source, "target": target, "student": student_id}
    await session.execute(text(query), values | ended)
