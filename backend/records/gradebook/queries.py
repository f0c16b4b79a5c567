"""SQL of sheets and their lives; `mark_rows` has that of marks, `exemption_rows` that of exemptions."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Uuid,
    and_,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.core.database import TenantSession
from backend.core.questions import Question
from backend.records.gradebook.models import GradeSheet, Mark, SheetStep
from backend.records.gradebook.schemas import CLOSED, Deed, SheetState
from backend.records.plans.models import SubjectPlan
from backend.records.plans.schemas import Decision
from backend.records.roster.models import SchoolClass, TeachingAssignment


async def sheets(session: TenantSession, *, class_id: uuid.UUID | None = None) -> Sequence[Any]:
    """Sheets with class and teacher, in the order of classes; those of one class with the number of their marks."""
    if class_id is None:
        query = _with_class(session).add_columns(null().label("filled"))
    else:
        filled = (
            select(func.count())
            .where(Mark.tenant_id == GradeSheet.tenant_id, Mark.sheet_id == GradeSheet.id, Mark.value != "")
            .scalar_subquery()
        )
        query = _with_class(session).add_columns(filled.label("filled"))
        query = query.where(GradeSheet.class_id == class_id)
    return (await session.execute(_in_order(query))).all()


async def empty_sheets(session: TenantSession) -> Sequence[Any]:
    """Open sheets without any mark, in the order of classes."""
    marked = (
        select(Mark.id)
        .where(Mark.tenant_id == GradeSheet.tenant_id, Mark.sheet_id == GradeSheet.id, Mark.value != "")
        .exists()
    )
    query = _with_class(session).add_columns(literal(0).label("filled"))
    query = query.where(GradeSheet.state == SheetState.OPEN, ~marked)
    return (await session.execute(_in_order(query))).all()


def _in_order(query: Any) -> Any:
    return query.order_by(SchoolClass.name_key, GradeSheet.subject_code, GradeSheet.term)


async def sheets_by_id(session: TenantSession, sheet_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Some sheets with class and teacher, in the order of classes; those of other schools are not among them."""
    return {row.id: row for row in await session.ask(_SHEETS_BY_ID, sheet_ids=list(sheet_ids))}


def _with_class(session: TenantSession) -> Any:
    return _SHEETS.where(GradeSheet.tenant_id == session.tenant_id)


_SHEETS = (
    select(
        GradeSheet.id,
        GradeSheet.class_id,
        GradeSheet.subject_code,
        GradeSheet.term,
        GradeSheet.state,
        GradeSheet.remark,
        GradeSheet.submitted_at,
        GradeSheet.open_until,
        SchoolClass.name.label("class_name"),
        SchoolClass.grade_level,
        SchoolClass.academic_year_id,
        SchoolClass.homeroom_teacher_id,
        TeachingAssignment.teacher_id,
        *(getattr(SubjectPlan, name).label(f"plan_{name}") for name in Decision.__struct_fields__),
    )
    .join(
        SchoolClass,
        and_(SchoolClass.tenant_id == GradeSheet.tenant_id, SchoolClass.id == GradeSheet.class_id),
    )
    .outerjoin(
        TeachingAssignment,
        and_(
            TeachingAssignment.tenant_id == GradeSheet.tenant_id,
            TeachingAssignment.class_id == GradeSheet.class_id,
            TeachingAssignment.subject_code == GradeSheet.subject_code,
        ),
    )
    .outerjoin(
        SubjectPlan,
        and_(
            SubjectPlan.tenant_id == SchoolClass.tenant_id,
            SubjectPlan.academic_year_id == SchoolClass.academic_year_id,
            SubjectPlan.grade_level == SchoolClass.grade_level,
            SubjectPlan.subject_code == GradeSheet.subject_code,
        ),
    )
)

#: Of some sheets of the school; what every save of a mark asks is compiled once.
_THESE = (
    GradeSheet.tenant_id == bindparam("tenant"),
    GradeSheet.id == any_(bindparam("sheet_ids", type_=ARRAY(Uuid))),
)

_SHEETS_BY_ID = Question(_in_order(_SHEETS.where(*_THESE)))

_STANDING = (
    select(GradeSheet.id, GradeSheet.state, GradeSheet.open_until, GradeSheet.final_pupils)
    .where(*_THESE)
    .order_by(GradeSheet.id)
)

_HOLD_TO_WRITE = Question(_STANDING.with_for_update(read=True))

_HOLD = Question(_STANDING.with_for_update())


async def insert_sheets(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(upsert(GradeSheet).on_conflict_do_nothing(), rows)


async def hold_sheets(
    session: TenantSession, sheet_ids: Sequence[uuid.UUID], *, to_write: bool
) -> dict[uuid.UUID, Any]:
    """How each sheet stands (state, open_until, final_pupils), held until the transaction ends.

    Many may write cells at once (`to_write`), but not while one locks the sheet or compares and takes an import.
    """
    held = await session.ask(_HOLD_TO_WRITE if to_write else _HOLD, sheet_ids=list(sheet_ids))
    return {row.id: row for row in held}


async def set_state(session: TenantSession, sheet_ids: Sequence[uuid.UUID], values: dict[str, Any]) -> None:
    await session.execute(
        update(GradeSheet)
        .where(GradeSheet.tenant_id == session.tenant_id, GradeSheet.id.in_(sheet_ids))
        .values(values)
    )


async def sheet_ids_of_class(session: TenantSession, class_id: uuid.UUID) -> Sequence[uuid.UUID]:
    query = select(GradeSheet.id).where(
        GradeSheet.tenant_id == session.tenant_id, GradeSheet.class_id == class_id
    )
    return (await session.scalars(query)).all()


async def final_pupils(session: TenantSession, class_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """Pupils whose marks stay, as any sheet of the class has them."""
    query = select(func.unnest(GradeSheet.final_pupils)).where(
        GradeSheet.tenant_id == session.tenant_id, GradeSheet.class_id == class_id
    )
    return (await session.scalars(query.distinct())).all()


async def sheet_ids_of_classes(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    query = select(GradeSheet.id).where(
        GradeSheet.tenant_id == session.tenant_id, GradeSheet.class_id.in_(class_ids)
    )
    return (await session.scalars(query)).all()


async def touched_classes(
    session: TenantSession, class_ids: Sequence[uuid.UUID], subject_code: str
) -> Sequence[uuid.UUID]:
    """Classes of which a sheet of the subject has taken a step."""
    query = (
        select(GradeSheet.class_id)
        .join(
            SheetStep, and_(SheetStep.tenant_id == GradeSheet.tenant_id, SheetStep.sheet_id == GradeSheet.id)
        )
        .where(
            GradeSheet.tenant_id == session.tenant_id,
            GradeSheet.class_id.in_(class_ids),
            GradeSheet.subject_code == subject_code,
        )
        .distinct()
    )
    return (await session.scalars(query)).all()


async def first_with_marks(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> uuid.UUID | None:
    """A class with a mark row, be it empty again, or with a step of a sheet."""
    marked = select(Mark.id).where(Mark.tenant_id == GradeSheet.tenant_id, Mark.sheet_id == GradeSheet.id)
    stepped = select(SheetStep.id).where(
        SheetStep.tenant_id == GradeSheet.tenant_id, SheetStep.sheet_id == GradeSheet.id
    )
    query = select(GradeSheet.class_id).where(
        GradeSheet.tenant_id == session.tenant_id,
        GradeSheet.class_id.in_(class_ids),
        or_(marked.exists(), stepped.exists()),
    )
    return await session.scalar(query.limit(1))


async def delete_sheets(
    session: TenantSession, class_ids: Sequence[uuid.UUID], subject_code: str | None = None
) -> None:
    """Remove the sheets of classes, or those of one subject."""
    query = delete(GradeSheet).where(
        GradeSheet.tenant_id == session.tenant_id, GradeSheet.class_id.in_(class_ids)
    )
    if subject_code is not None:
        query = query.where(GradeSheet.subject_code == subject_code)
    await session.execute(query)


async def submitted(session: TenantSession) -> Sequence[Any]:
    """Sheets that wait for being checked, oldest first."""
    query = _with_class(session).where(
        GradeSheet.state == SheetState.SUBMITTED, SchoolClass.closed_on.is_(None)
    )
    return (await session.execute(query.order_by(GradeSheet.submitted_at, GradeSheet.id))).all()


async def insert_steps(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(SheetStep), rows)


async def steps_of(session: TenantSession, sheet_id: uuid.UUID) -> Sequence[Any]:
    """The life of a sheet, newest step first."""
    query = (
        select(SheetStep.deed, SheetStep.words, SheetStep.done_by, SheetStep.at, SheetStep.open_until)
        .where(SheetStep.tenant_id == session.tenant_id, SheetStep.sheet_id == sheet_id)
        .order_by(SheetStep.id.desc())
    )
    return (await session.execute(query)).all()


async def reopened_at(session: TenantSession, class_id: uuid.UUID) -> datetime | None:
    """When a sheet of the class was opened again last."""
    query = (
        select(func.max(SheetStep.at))
        .join(
            GradeSheet, and_(GradeSheet.tenant_id == SheetStep.tenant_id, GradeSheet.id == SheetStep.sheet_id)
        )
        .where(
            SheetStep.tenant_id == session.tenant_id,
            SheetStep.deed == Deed.REOPEN,
            GradeSheet.class_id == class_id,
        )
    )
    return await session.scalar(query)


async def reopening_of(session: TenantSession, sheet_id: uuid.UUID) -> uuid.UUID | None:
    """The newest step that opened a sheet again."""
    query = select(SheetStep.id).where(
        SheetStep.tenant_id == session.tenant_id,
        SheetStep.sheet_id == sheet_id,
        SheetStep.deed == Deed.REOPEN,
    )
    return await session.scalar(query.order_by(SheetStep.id.desc()).limit(1))


async def relocked(
    session: TenantSession, sheet_ids: Sequence[uuid.UUID], since: datetime
) -> uuid.UUID | None:
    """One of the sheets that was locked, or opened again, after an instant."""
    query = select(SheetStep.sheet_id).where(
        SheetStep.tenant_id == session.tenant_id,
        SheetStep.sheet_id.in_(sheet_ids),
        SheetStep.deed.in_((Deed.LOCK, Deed.LOCK_AGAIN, Deed.REOPEN)),
        SheetStep.at > since,
    )
    return await session.scalar(query.limit(1))


async def locks_of(session: TenantSession, class_id: uuid.UUID) -> tuple[int, int, datetime | None]:
    """Of the sheets of a class: how many there are, how many are not locked, and the time of the newest lock."""
    query = select(
        func.count(),
        func.count().filter(GradeSheet.state.not_in(CLOSED)),
        func.max(GradeSheet.locked_at),
    ).where(GradeSheet.tenant_id == session.tenant_id, GradeSheet.class_id == class_id)
    sheets, still_open, newest = (await session.execute(query)).one()
    return sheets, still_open, newest


async def sheet_ids_of_subject(
    session: TenantSession, class_id: uuid.UUID, subject_code: str
) -> Sequence[uuid.UUID]:
    query = select(GradeSheet.id).where(
        GradeSheet.tenant_id == session.tenant_id,
        GradeSheet.class_id == class_id,
        GradeSheet.subject_code == subject_code,
    )
    return (await session.scalars(query)).all()
