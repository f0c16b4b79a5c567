"""All SQL of the gradebook."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    String,
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
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.core.database import TenantSession
from backend.core.questions import Question
from backend.records.gradebook.models import Exemption, GradeSheet, LateChange, Mark, SheetStep
from backend.records.gradebook.schemas import ASSESSMENTS, CLOSED, EXCUSED, Deed, SheetState, WrittenAbout
from backend.records.plans.models import SubjectPlan
from backend.records.plans.schemas import Decision
from backend.records.roster.models import Enrollment, SchoolClass, Student, TeachingAssignment
from backend.records.roster.schemas import EnrollmentStatus


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
_SHEETS_BY_ID = Question(_SHEETS.where(*_THESE))
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


_FIRST_MARK = Question(
    text(
        "insert into mark (tenant_id, id, sheet_id, student_id, kind, slot, value, revision, changed_by, changed_at) "
        "values (:tenant, :id, :sheet_id, :student_id, :kind, :slot, :value, 1, :changed_by, :changed_at) "
        "on conflict do nothing returning revision"
    )
)
_NEXT_MARK = Question(
    text(
        "update mark set value = :value, revision = revision + 1, changed_by = :changed_by, changed_at = :changed_at "
        "where tenant_id = :tenant and sheet_id = :sheet_id and student_id = :student_id and kind = :kind "
        "and slot = :slot and revision = :revision returning revision"
    )
)


async def write_mark(session: TenantSession, values: dict[str, Any], revision: int) -> int | None:
    """Write one cell if it is still at `revision` (0: not there yet); the new revision, or None if it has moved on."""
    question = _FIRST_MARK if revision == 0 else _NEXT_MARK
    written = await session.ask(question, **values, revision=revision)
    return written[0].revision if written else None


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


_WRITTEN_ABOUT = Question(
    select(
        Student.id,
        Student.full_name,
        select(Exemption.id)
        .where(
            Exemption.tenant_id == Enrollment.tenant_id,
            Exemption.class_id == Enrollment.class_id,
            Exemption.subject_code == bindparam("subject_code"),
            Exemption.student_id == Enrollment.student_id,
            Exemption.ended_at.is_(None),
        )
        .exists()
        .label("exempt"),
        Mark.kind,
        Mark.slot,
        Mark.value,
    )
    .join_from(
        Enrollment,
        Student,
        and_(Student.tenant_id == Enrollment.tenant_id, Student.id == Enrollment.student_id),
    )
    .outerjoin(
        Mark,
        and_(
            Mark.tenant_id == Enrollment.tenant_id,
            Mark.sheet_id == bindparam("sheet_id"),
            Mark.student_id == Enrollment.student_id,
            Mark.kind == any_(bindparam("kinds", type_=ARRAY(String))),
            or_(Mark.value == EXCUSED, Mark.value.like("%b")),
        ),
    )
    .where(
        Enrollment.tenant_id == bindparam("tenant"),
        Enrollment.class_id == bindparam("class_id"),
        Enrollment.status == EnrollmentStatus.STUDYING.value,
        Enrollment.student_id == any_(bindparam("student_ids", type_=ARRAY(Uuid))),
    )
)


async def written_about(
    session: TenantSession, sheet: Any, student_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, WrittenAbout]:
    """What a save asks about some pupils of the class of a sheet (a row of `sheets_by_id`); strangers are left out."""
    rows = await session.ask(
        _WRITTEN_ABOUT,
        sheet_id=sheet.id,
        class_id=sheet.class_id,
        subject_code=sheet.subject_code,
        student_ids=list(student_ids),
        kinds=[kind.value for kind in ASSESSMENTS],
    )
    found: dict[uuid.UUID, WrittenAbout] = {}
    for row in rows:
        pupil = found.setdefault(row.id, WrittenAbout(row.full_name, row.exempt, {}))
        if row.kind is not None:
            pupil.excused[row.kind, row.slot] = row.value
    return found


async def excused_in_class(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Cells of a class that wait for a make-up, by the names of pupils."""
    query = (
        select(
            Mark.sheet_id,
            Mark.student_id,
            Mark.kind,
            Mark.slot,
            Student.full_name,
            GradeSheet.subject_code,
        )
        .join(GradeSheet, and_(GradeSheet.tenant_id == Mark.tenant_id, GradeSheet.id == Mark.sheet_id))
        .join(Student, and_(Student.tenant_id == Mark.tenant_id, Student.id == Mark.student_id))
        .where(
            Mark.tenant_id == session.tenant_id,
            GradeSheet.class_id == class_id,
            Mark.kind.in_(ASSESSMENTS),
            Mark.value == EXCUSED,
        )
        .order_by(Student.name_key, Student.id, GradeSheet.subject_code, GradeSheet.term)
    )
    return (await session.execute(query)).all()


_IN_FORCE = Exemption.ended_at.is_(None)


_EXEMPT_FROM = Question(
    select(Exemption.student_id).where(
        Exemption.tenant_id == bindparam("tenant"),
        Exemption.class_id == bindparam("class_id"),
        Exemption.subject_code == bindparam("subject_code"),
        _IN_FORCE,
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
        Exemption.tenant_id == session.tenant_id, Exemption.class_id.in_(class_ids), _IN_FORCE
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
        Exemption.tenant_id == session.tenant_id, Exemption.id == exemption_id, _IN_FORCE
    )
    return await session.scalar(query.values(values).returning(Exemption.id)) is not None


async def sheet_ids_of_subject(
    session: TenantSession, class_id: uuid.UUID, subject_code: str
) -> Sequence[uuid.UUID]:
    query = select(GradeSheet.id).where(
        GradeSheet.tenant_id == session.tenant_id,
        GradeSheet.class_id == class_id,
        GradeSheet.subject_code == subject_code,
    )
    return (await session.scalars(query)).all()


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
