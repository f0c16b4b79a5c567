"""All SQL of the gradebook."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, insert, literal, null, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.core.database import TenantSession, driver_connection
from backend.records.gradebook.models import GradeSheet, LateChange, Mark, SheetStep
from backend.records.gradebook.schemas import CLOSED, Deed, SheetState
from backend.records.plans.models import SubjectPlan
from backend.records.plans.schemas import Decision
from backend.records.roster.models import SchoolClass, Student, TeachingAssignment

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
        .where(GradeSheet.tenant_id == session.tenant_id)
    )


async def insert_sheets(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(upsert(GradeSheet).on_conflict_do_nothing(), rows)


async def hold_sheets(
    session: TenantSession, sheet_ids: Sequence[uuid.UUID], *, to_write: bool
) -> dict[uuid.UUID, Any]:
    """How each sheet stands (state, open_until, final_pupils), held until the transaction ends.

    Many may write cells at once (`to_write`), but not while one locks the sheet or compares and takes an import.
    """
    query = (
        select(GradeSheet.id, GradeSheet.state, GradeSheet.open_until, GradeSheet.final_pupils)
        .where(GradeSheet.tenant_id == session.tenant_id, GradeSheet.id.in_(sheet_ids))
        .order_by(GradeSheet.id)
        .with_for_update(read=to_write)
    )
    return {row.id: row for row in await session.execute(query)}


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


async def written_cells(
    session: TenantSession, class_ids: Sequence[uuid.UUID], subject_code: str
) -> Sequence[Any]:
    """Cells of a subject with a row, be it empty again: class, kind, slot."""
    query = (
        select(GradeSheet.class_id, Mark.kind, Mark.slot)
        .join(GradeSheet, and_(GradeSheet.tenant_id == Mark.tenant_id, GradeSheet.id == Mark.sheet_id))
        .where(
            Mark.tenant_id == session.tenant_id,
            GradeSheet.class_id.in_(class_ids),
            GradeSheet.subject_code == subject_code,
        )
        .distinct()
    )
    return (await session.execute(query)).all()


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


async def insert_changes(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    await session.execute(insert(LateChange), rows)


async def changes_of(session: TenantSession, sheet_id: uuid.UUID) -> Sequence[Any]:
    """What was changed in a sheet after its lock, with pupil and reason of the reopening, newest first."""
    query = (
        select(
            LateChange.kind,
            LateChange.slot,
            LateChange.old_value,
            LateChange.new_value,
            LateChange.changed_at,
            Student.full_name.label("pupil"),
            LateChange.changed_by,
            SheetStep.words.label("why"),
        )
        .join(Student, and_(Student.tenant_id == LateChange.tenant_id, Student.id == LateChange.student_id))
        .join(
            SheetStep, and_(SheetStep.tenant_id == LateChange.tenant_id, SheetStep.id == LateChange.step_id)
        )
        .where(LateChange.tenant_id == session.tenant_id, LateChange.sheet_id == sheet_id)
        .order_by(LateChange.changed_at.desc(), LateChange.id.desc())
    )
    return (await session.execute(query)).all()


async def marks_of_sheet(session: TenantSession, sheet_id: uuid.UUID) -> Sequence[Any]:
    query = select(Mark.student_id, Mark.kind, Mark.slot, Mark.value, Mark.revision, Mark.changed_at).where(
        Mark.tenant_id == session.tenant_id, Mark.sheet_id == sheet_id
    )
    return (await session.execute(query)).all()


async def marks_of_sheets(session: TenantSession, sheet_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Every filled mark of some sheets."""
    query = select(Mark.sheet_id, Mark.student_id, Mark.kind, Mark.slot, Mark.value).where(
        Mark.tenant_id == session.tenant_id, Mark.sheet_id.in_(sheet_ids), Mark.value != ""
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
        func.count().filter(GradeSheet.state.not_in(CLOSED)),
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
    """The first staged marks that change one, and the first that are new, in this order."""
    query = text(
        "select sheet_id, student_id, kind, slot, old, new from ("
        "select sheet_id, student_id, kind, slot, coalesce(m.value, '') as old, i.value as new, i.id, "
        "row_number() over (partition by coalesce(m.value, '') = '' order by i.id) as at "
        "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
        "where coalesce(m.value, '') <> i.value) as found where at <= :limit order by old = '', id"
    )
    return (await session.execute(query, {"limit": limit})).all()


async def overwritten_by_staged(session: TenantSession) -> Sequence[Any]:
    """What stands where staged marks will change something, and the revision that each cell will have then."""
    query = text(
        "select sheet_id, student_id, kind, slot, coalesce(m.value, '') as old, coalesce(m.revision, 0) + 1 as revision "
        "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
        "where coalesce(m.value, '') <> i.value"
    )
    return (await session.execute(query)).all()


async def trace_staged(session: TenantSession) -> None:
    """Keep old and new of the staged marks that will change in reopened sheets."""
    await session.execute(
        text(
            "insert into mark_change (tenant_id, id, sheet_id, student_id, kind, slot, old_value, new_value, step_id, "
            "changed_by, changed_at) "
            "select tenant_id, i.id, sheet_id, student_id, kind, slot, coalesce(m.value, ''), i.value, "
            "(select s.id from sheet_step s where s.tenant_id = i.tenant_id and s.sheet_id = i.sheet_id "
            "and s.deed = 'reopen' order by s.id desc limit 1), i.changed_by, i.changed_at "
            "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
            "where coalesce(m.value, '') <> i.value and exists (select from grade_sheet g "
            "where g.tenant_id = i.tenant_id and g.id = i.sheet_id and g.state = 'reopened')"
        )
    )


async def trace_carried(session: TenantSession) -> None:
    """Keep old and new of the staged marks that a pupil brings into sheets that were locked, under that step."""
    await session.execute(
        text(
            "insert into mark_change (tenant_id, id, sheet_id, student_id, kind, slot, old_value, new_value, step_id, "
            "changed_by, changed_at) "
            "select tenant_id, i.id, sheet_id, student_id, kind, slot, coalesce(m.value, ''), i.value, "
            "(select s.id from sheet_step s where s.tenant_id = i.tenant_id and s.sheet_id = i.sheet_id "
            "and s.deed = 'carry' order by s.id desc limit 1), i.changed_by, i.changed_at "
            "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
            "where coalesce(m.value, '') <> i.value and exists (select from grade_sheet g "
            "where g.tenant_id = i.tenant_id and g.id = i.sheet_id and g.state in ('locked', 'reopened'))"
        )
    )


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


_PUT_BACK = (
    "unnest(cast(:sheets as uuid[]), cast(:students as uuid[]), cast(:kinds as text[]), cast(:slots as text[]), "
    "cast(:olds as text[]), cast(:revisions as int[])) as b(sheet_id, student_id, kind, slot, old, revision)"
)


async def gone_on(session: TenantSession, cells: dict[str, Any], limit: int) -> Sequence[Any]:
    """The first of these cells (columns by name) that are not at their revision any more, with the pupil's name."""
    query = text(
        f"select b.sheet_id, b.kind, b.slot, s.full_name as pupil, count(*) over () as cells from {_PUT_BACK} "
        "left join mark m on m.tenant_id = :tenant and m.sheet_id = b.sheet_id and m.student_id = b.student_id "
        "and m.kind = b.kind and m.slot = b.slot "
        "left join student s on s.tenant_id = :tenant and s.id = b.student_id "
        "where m.revision is distinct from b.revision order by s.name_key, b.kind, b.slot limit :limit"
    )
    found = await session.execute(query, {**cells, "tenant": session.tenant_id, "limit": limit})
    return found.all()


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


async def trace_put_back(session: TenantSession, cells: dict[str, Any]) -> None:
    """Keep old and new of the cells that will be put back in reopened sheets."""
    await session.execute(
        text(
            "insert into mark_change (tenant_id, id, sheet_id, student_id, kind, slot, old_value, new_value, step_id, "
            "changed_by, changed_at) "
            "select m.tenant_id, gen_random_uuid(), m.sheet_id, m.student_id, m.kind, m.slot, m.value, b.old, "
            "(select s.id from sheet_step s where s.tenant_id = m.tenant_id and s.sheet_id = m.sheet_id "
            f"and s.deed = 'reopen' order by s.id desc limit 1), :changed_by, :changed_at from {_PUT_BACK} "
            "join mark m on m.tenant_id = :tenant and m.sheet_id = b.sheet_id and m.student_id = b.student_id "
            "and m.kind = b.kind and m.slot = b.slot "
            "where exists (select from grade_sheet g "
            "where g.tenant_id = m.tenant_id and g.id = m.sheet_id and g.state = 'reopened')"
        ),
        {**cells, "tenant": session.tenant_id},
    )


async def put_back(session: TenantSession, cells: dict[str, Any]) -> int:
    """Give these cells their old values where they are at their revision; counts them."""
    done = await session.execute(
        text(
            "update mark m set value = b.old, revision = m.revision + 1, changed_by = :changed_by, "
            f"changed_at = :changed_at from {_PUT_BACK} "
            "where m.tenant_id = :tenant and m.sheet_id = b.sheet_id and m.student_id = b.student_id "
            "and m.kind = b.kind and m.slot = b.slot and m.revision = b.revision returning 1"
        ),
        {**cells, "tenant": session.tenant_id},
    )
    return len(done.all())


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
    session: TenantSession,
    sheet_id: uuid.UUID,
    student_id: uuid.UUID,
    kind: str,
    slot: str,
    *,
    hold: bool = False,
) -> Any:
    """One mark; `hold`: nobody else changes it until the transaction ends."""
    query = select(Mark.value, Mark.revision, Mark.changed_at).where(
        Mark.tenant_id == session.tenant_id,
        Mark.sheet_id == sheet_id,
        Mark.student_id == student_id,
        Mark.kind == kind,
        Mark.slot == slot,
    )
    return (await session.execute(query.with_for_update() if hold else query)).first()
