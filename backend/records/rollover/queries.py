"""All SQL of rolling over."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, union, update
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession, references_to
from backend.core.ids import new_id
from backend.records.assessment.models import YearResult
from backend.records.assessment.schemas import ResultState
from backend.records.gradebook.models import GradeSheet
from backend.records.plans.models import ElectiveChoice, LanguageChoice
from backend.records.rollover.models import RolloverMove, YearRollover
from backend.records.rollover.schemas import Place, Rollover
from backend.records.roster.models import (
    CLASS_OF_ENROLLMENT,
    Enrollment,
    SchoolClass,
    Student,
    TeachingAssignment,
)
from backend.records.roster.schemas import ClassId, EnrollmentStatus, StudentId


async def places(session: TenantSession, year_id: uuid.UUID) -> list[Place]:
    """Everybody who studies in a class of a year, in the order of names, with what is known of their result."""
    query = (
        select(
            Enrollment.student_id,
            Enrollment.class_id,
            Enrollment.registry_no,
            Student.full_name,
            Student.student_code,
            YearResult.state,
            YearResult.output["promotion"].astext.label("promotion"),
        )
        .join(Student, and_(Student.tenant_id == Enrollment.tenant_id, Student.id == Enrollment.student_id))
        .join(SchoolClass, CLASS_OF_ENROLLMENT)
        .outerjoin(
            YearResult,
            and_(
                YearResult.tenant_id == Enrollment.tenant_id,
                YearResult.class_id == Enrollment.class_id,
                YearResult.student_id == Enrollment.student_id,
            ),
        )
        .where(
            Enrollment.tenant_id == session.tenant_id,
            SchoolClass.academic_year_id == year_id,
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
        .order_by(Student.name_key, Student.date_of_birth, Student.id)
    )
    return [
        Place(
            student_id=StudentId(row.student_id),
            full_name=row.full_name,
            student_code=row.student_code,
            class_id=ClassId(row.class_id),
            registry_no=row.registry_no,
            promotion=row.promotion,
            is_confirmed=row.state == ResultState.CONFIRMED,
        )
        for row in await session.execute(query)
    ]


async def rollover_of(session: TenantSession, year_id: uuid.UUID) -> Rollover | None:
    """What is stored of the rolling over of a year."""
    found = await session.scalar(
        select(YearRollover)
        .where(YearRollover.tenant_id == session.tenant_id, YearRollover.academic_year_id == year_id)
        .execution_options(populate_existing=True)
    )
    if found is None:
        return None
    rows = await session.execute(
        select(RolloverMove.student_id, RolloverMove.target).where(
            RolloverMove.tenant_id == session.tenant_id, RolloverMove.rollover_id == found.id
        )
    )
    return Rollover(
        id=found.id,
        applied_at=found.applied_at,
        opened=tuple(found.opened),
        chosen={row.student_id: row.target for row in rows},
    )


async def begin(session: TenantSession, year_id: uuid.UUID) -> None:
    """Something is chosen for a year: it has a rolling over from now on."""
    values = {"tenant_id": session.tenant_id, "id": new_id(), "academic_year_id": year_id, "opened": []}
    await session.execute(insert(YearRollover).values(values).on_conflict_do_nothing())


async def write_moves(
    session: TenantSession,
    rollover_id: uuid.UUID,
    targets: Mapping[uuid.UUID, tuple[str, uuid.UUID | None]],
) -> None:
    """Set the class of the next year by pupil: its name, and its id once they have a place there."""
    rows: list[dict[str, Any]] = [
        {"tenant_id": session.tenant_id, "id": new_id(), "rollover_id": rollover_id}
        | {"student_id": student_id, "target": target, "class_id": class_id}
        for student_id, (target, class_id) in targets.items()
    ]
    if rows:
        query = insert(RolloverMove)
        query = query.on_conflict_do_update(
            index_elements=["tenant_id", "rollover_id", "student_id"],
            set_={"target": query.excluded.target, "class_id": query.excluded.class_id},
        )
        await session.execute(query, rows)


async def set_applied(
    session: TenantSession,
    rollover_id: uuid.UUID,
    applied_by: uuid.UUID | None,
    applied_at: datetime | None,
    opened: Sequence[uuid.UUID],
) -> None:
    """The year is rolled over, or (without a time) is so no longer."""
    await session.execute(
        update(YearRollover)
        .where(YearRollover.tenant_id == session.tenant_id, YearRollover.id == rollover_id)
        .values(applied_by=applied_by, applied_at=applied_at, opened=list(opened))
    )


async def moved(session: TenantSession, rollover_id: uuid.UUID) -> dict[uuid.UUID, uuid.UUID]:
    """student → the class in which the rolling over gave them a place."""
    rows = await session.execute(
        select(RolloverMove.student_id, RolloverMove.class_id).where(
            RolloverMove.tenant_id == session.tenant_id,
            RolloverMove.rollover_id == rollover_id,
            RolloverMove.class_id.is_not(None),
        )
    )
    return {row.student_id: row.class_id for row in rows if row.class_id}


async def forget_places(session: TenantSession, rollover_id: uuid.UUID) -> None:
    """Nobody has a place by this rolling over any more; what was chosen stays."""
    await session.execute(
        update(RolloverMove)
        .where(RolloverMove.tenant_id == session.tenant_id, RolloverMove.rollover_id == rollover_id)
        .values(class_id=None)
    )


async def first_touched(session: TenantSession, rollover_id: uuid.UUID) -> str | None:
    """A pupil who is not any more where the rolling over has put them, or came there anew; the others stay there until
    the transaction ends."""
    query = (
        select(Student.full_name, Enrollment.status, Enrollment.joined_on)
        .select_from(RolloverMove)
        .join(
            Student, and_(Student.tenant_id == RolloverMove.tenant_id, Student.id == RolloverMove.student_id)
        )
        .join(
            Enrollment,
            and_(
                Enrollment.tenant_id == RolloverMove.tenant_id,
                Enrollment.student_id == RolloverMove.student_id,
                Enrollment.class_id == RolloverMove.class_id,
            ),
        )
        .where(RolloverMove.tenant_id == session.tenant_id, RolloverMove.rollover_id == rollover_id)
        .order_by(Student.name_key, Student.id)
        .with_for_update(of=Enrollment)
    )
    touched = (
        row.full_name
        for row in await session.execute(query)
        if row.status != EnrollmentStatus.STUDYING or row.joined_on is not None
    )
    return next(touched, None)


#: What a class is opened with, and what goes with it when that is taken back.
_OPENED_WITH = {
    one.__tablename__: (one.id, one.tenant_id, one.class_id)
    for one in (GradeSheet, TeachingAssignment, ElectiveChoice, LanguageChoice)
} | {SchoolClass.__tablename__: (SchoolClass.id, SchoolClass.tenant_id, SchoolClass.id)}


async def untouched_classes(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Those of some classes to which nothing refers besides what they were opened with."""
    parts = [
        select(class_id)
        .join(table, and_(table.c.tenant_id == tenant_id, column == key))
        .where(tenant_id == session.tenant_id, class_id.in_(class_ids))
        for name, (key, tenant_id, class_id) in _OPENED_WITH.items()
        for table, column in references_to(name)
        if table.name not in _OPENED_WITH
    ]
    touched = set((await session.scalars(union(*parts))).all())
    return [one for one in class_ids if one not in touched]
