"""SQL of single marks, and of what was changed after a lock."""

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
    insert,
    or_,
    select,
    text,
)

from backend.core.database import TenantSession
from backend.core.questions import Question
from backend.records.gradebook.exemption_rows import IN_FORCE
from backend.records.gradebook.models import Exemption, GradeSheet, LateChange, Mark, SheetStep
from backend.records.gradebook.schemas import ASSESSMENTS, EXCUSED, WrittenAbout
from backend.records.roster.models import Enrollment, Student
from backend.records.roster.schemas import EnrollmentStatus


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
            IN_FORCE,
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
