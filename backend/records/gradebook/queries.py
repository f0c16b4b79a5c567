"""All SQL of the gradebook."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, literal, null, select, text, update

from backend.core.database import TenantSession, driver_connection
from backend.records.gradebook.models import GradeSheet, Mark
from backend.records.gradebook.schemas import SheetState
from backend.records.roster.models import SchoolClass, TeachingAssignment

MARK_COLUMNS = (
    "tenant_id",
    "id",
    "sheet_id",
    "student_id",
    "kind",
    "slot",
    "value",
    "changed_by",
    "changed_at",
)


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
    """Some sheets with class and teacher; those of other schools are not among them."""
    query = _with_class(session).where(GradeSheet.id.in_(sheet_ids))
    return {row.id: row for row in await session.execute(query)}


def _with_class(session: TenantSession) -> Any:
    return (
        select(
            GradeSheet.id,
            GradeSheet.class_id,
            GradeSheet.subject_code,
            GradeSheet.term,
            GradeSheet.state,
            SchoolClass.name.label("class_name"),
            SchoolClass.grade_level,
            SchoolClass.homeroom_teacher_id,
            TeachingAssignment.teacher_id,
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
        .where(GradeSheet.tenant_id == session.tenant_id)
    )


async def insert_sheets(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(GradeSheet), rows)


async def hold_sheets(
    session: TenantSession, sheet_ids: Sequence[uuid.UUID], *, to_write: bool
) -> dict[uuid.UUID, str]:
    """State of each sheet, held until the transaction ends.

    Many may write cells at once (`to_write`), but not while one locks the sheet or compares and takes an import.
    """
    query = (
        select(GradeSheet.id, GradeSheet.state)
        .where(GradeSheet.tenant_id == session.tenant_id, GradeSheet.id.in_(sheet_ids))
        .order_by(GradeSheet.id)
        .with_for_update(read=to_write)
    )
    return {row.id: row.state for row in await session.execute(query)}


async def set_state(session: TenantSession, sheet_ids: Sequence[uuid.UUID], values: dict[str, Any]) -> None:
    await session.execute(
        update(GradeSheet)
        .where(GradeSheet.tenant_id == session.tenant_id, GradeSheet.id.in_(sheet_ids))
        .values(values)
    )


async def marks_of_sheet(session: TenantSession, sheet_id: uuid.UUID) -> Sequence[Any]:
    query = select(Mark.student_id, Mark.kind, Mark.slot, Mark.value, Mark.revision, Mark.changed_at).where(
        Mark.tenant_id == session.tenant_id, Mark.sheet_id == sheet_id
    )
    return (await session.execute(query)).all()


async def marks_since(session: TenantSession, sheet_id: uuid.UUID, instant: datetime) -> Sequence[Any]:
    """Cells of a sheet that were written after an instant."""
    query = select(
        Mark.student_id, Mark.kind, Mark.slot, Mark.value, Mark.revision, Mark.changed_at, Mark.changed_by
    ).where(Mark.tenant_id == session.tenant_id, Mark.sheet_id == sheet_id, Mark.changed_at > instant)
    return (await session.execute(query)).all()


async def marks_of_class(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Every filled mark of a class with the subject and term of its sheet."""
    query = (
        select(Mark.student_id, GradeSheet.subject_code, GradeSheet.term, Mark.kind, Mark.slot, Mark.value)
        .join(GradeSheet, and_(GradeSheet.tenant_id == Mark.tenant_id, GradeSheet.id == Mark.sheet_id))
        .where(Mark.tenant_id == session.tenant_id, GradeSheet.class_id == class_id, Mark.value != "")
    )
    return (await session.execute(query)).all()


async def locks_of(session: TenantSession, class_id: uuid.UUID) -> tuple[int, int, datetime | None]:
    """Of the sheets of a class: how many there are, how many are not locked, and the time of the newest lock."""
    query = select(
        func.count(),
        func.count().filter(GradeSheet.state != SheetState.LOCKED),
        func.max(GradeSheet.locked_at),
    ).where(GradeSheet.tenant_id == session.tenant_id, GradeSheet.class_id == class_id)
    sheets, still_open, newest = (await session.execute(query)).one()
    return sheets, still_open, newest


async def stage_marks(session: TenantSession, rows: list[tuple[Any, ...]]) -> None:
    """Put marks into a temporary table by COPY: PostgreSQL refuses COPY into a table with row-level security."""
    await session.execute(text("drop table if exists pg_temp.incoming"))
    await session.execute(
        text(
            "create temporary table incoming (tenant_id uuid, id uuid, sheet_id uuid, student_id uuid, kind text, "
            "slot text, value text, changed_by uuid, changed_at timestamptz) on commit drop"
        )
    )
    connection = await driver_connection(session)
    await connection.copy_records_to_table("incoming", records=rows, columns=MARK_COLUMNS)
    await session.execute(text("analyze incoming"))


async def compare_staged(session: TenantSession) -> tuple[int, int, int, str]:
    """How many staged marks are new, would change a mark, and say what is there already; a digest of what is there."""
    row = await session.execute(
        text(
            "select count(*) filter (where m.id is null and i.value <> '') as new, "
            "count(*) filter (where m.id is not null and m.value <> i.value) as changed, "
            "count(*) filter (where m.value = i.value or (m.id is null and i.value = '')) as unchanged, "
            "coalesce(sum(hashtextextended(concat_ws(':', sheet_id, student_id, kind, slot, m.revision), 0)), 0)::text "
            "as basis from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot)"
        )
    )
    new, changed, unchanged, basis = row.one()
    return new, changed, unchanged, basis


async def staged_differences(session: TenantSession, limit: int) -> Sequence[Any]:
    """The first staged marks that are not there yet as they are staged, those that change one before the new ones."""
    query = text(
        "select sheet_id, student_id, kind, slot, coalesce(m.value, '') as old, i.value as new "
        "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
        "where coalesce(m.value, '') <> i.value order by coalesce(m.value, '') = '', i.id limit :limit"
    )
    return (await session.execute(query, {"limit": limit})).all()


async def write_staged(session: TenantSession) -> None:
    """Take the staged marks over; what is unchanged keeps its revision."""
    await session.execute(
        text(
            "insert into mark (tenant_id, id, sheet_id, student_id, kind, slot, value, revision, changed_by, changed_at) "
            "select tenant_id, id, sheet_id, student_id, kind, slot, value, 1, changed_by, changed_at from incoming "
            "where value <> '' or exists (select from mark m where m.tenant_id = incoming.tenant_id and "
            "m.sheet_id = incoming.sheet_id and m.student_id = incoming.student_id and m.kind = incoming.kind "
            "and m.slot = incoming.slot) "
            "on conflict (tenant_id, sheet_id, student_id, kind, slot) do update set value = excluded.value, "
            "revision = mark.revision + 1, changed_by = excluded.changed_by, changed_at = excluded.changed_at "
            "where mark.value <> excluded.value"
        )
    )


async def write_mark(session: TenantSession, values: dict[str, Any], revision: int) -> int | None:
    """Write one cell if it is still at `revision` (0: not there yet); the new revision, or None if it has moved on."""
    key = {name: values[name] for name in ("tenant_id", "sheet_id", "student_id", "kind", "slot")}
    if revision == 0:
        query = text(
            "insert into mark (tenant_id, id, sheet_id, student_id, kind, slot, value, revision, changed_by, changed_at) "
            "values (:tenant_id, :id, :sheet_id, :student_id, :kind, :slot, :value, 1, :changed_by, :changed_at) "
            "on conflict do nothing returning revision"
        )
        first: int | None = await session.scalar(query, values)
        return first
    changed = (
        update(Mark)
        .where(*(getattr(Mark, name) == value for name, value in key.items()), Mark.revision == revision)
        .values(
            value=values["value"],
            revision=Mark.revision + 1,
            changed_by=values["changed_by"],
            changed_at=values["changed_at"],
        )
        .returning(Mark.revision)
    )
    return await session.scalar(changed)


async def one_mark(
    session: TenantSession, sheet_id: uuid.UUID, student_id: uuid.UUID, kind: str, slot: str
) -> Any:
    query = select(Mark.value, Mark.revision, Mark.changed_at).where(
        Mark.tenant_id == session.tenant_id,
        Mark.sheet_id == sheet_id,
        Mark.student_id == student_id,
        Mark.kind == kind,
        Mark.slot == slot,
    )
    return (await session.execute(query)).first()
