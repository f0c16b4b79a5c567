"""One sheet before a person: read, written cell by cell, and what others write meanwhile; no door."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.departments import service as departments
from backend.records.gradebook import (
    exemption_rows,
    layout,
    life,
    life_rules,
    mark_rows,
    one_sheet,
    queries,
    rules,
)
from backend.records.gradebook.schemas import (
    ABOUT_HEALTH,
    Cell,
    MarkKind,
    MarkView,
    NewInSheet,
    NewMark,
    Overtaken,
    SheetId,
    SheetRow,
    SheetState,
    SheetSummary,
    SheetView,
    WrittenMark,
)
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.schemas import StudentId
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

#: A transaction that wrote before an instant may have ended after it.
UNSEEN = timedelta(seconds=30)


async def readable(session: TenantSession, actor: Actor, sheets: Sequence[SheetSummary]) -> set[SheetId]:
    """Which of the sheets a person may open.

    All for the management; for a teacher those of classes with a duty; for a head those of the department's teachers.
    """
    if actor.may(Permission.SHEET_READ_ANY):
        return {sheet.id for sheet in sheets}
    if actor.staff_id is None:
        return set()
    classes = await roster.classes_of_staff(session, actor.staff_id)
    found = {sheet.id for sheet in sheets if sheet.class_id in classes}
    left = [sheet for sheet in sheets if sheet.id not in found]
    checkers = await departments.checkers(session) if left else {}
    return found | {
        sheet.id for sheet in left if sheet.teacher_id and checkers.get(sheet.teacher_id) == actor.staff_id
    }


async def get_sheet(session: TenantSession, actor: Actor, sheet_id: uuid.UUID) -> SheetView:
    """A sheet with every pupil and mark, for a person who looks at it.

    Raises NotFound, Forbidden for a teacher who has nothing to do with it.
    """
    row, read_at = await one_sheet.load(session, sheet_id), clock.now()
    await _require_readable(session, actor, row)
    marks: dict[uuid.UUID, dict[Cell, MarkView]] = defaultdict(dict)
    for mark in await mark_rows.marks_of_sheet(session, sheet_id):
        view = MarkView(value=mark.value, revision=mark.revision, changed_at=mark.changed_at)
        marks[mark.student_id][Cell(MarkKind(mark.kind), mark.slot)] = view
    takes = (await plans.choices_of(session, {row.class_id: row.grade_level}))[row.class_id].takes
    subject = one_sheet.subject_of(row)
    students = [one for one in await roster.list_students(session, row.class_id) if takes(one.id, subject)]
    pupils = [one.id for one in students]
    label = f"Sổ {one_sheet.place(row)}"
    audit_reads.record_read(session, actor, Action.SHEET_READ, sheet_id, label, [row.class_id, *pupils])
    sheet = one_sheet.summary(row, sum(len(cells) for cells in marks.values()))
    hidden = _hidden(actor, row)
    columns = tuple(one for one in layout.columns_of(subject, row.grade_level) if one.cell.kind not in hidden)
    steps, changes = await life.history(session, row, hidden)
    exempt = await exemption_rows.exempt_from(session, row.class_id, row.subject_code)
    rows = tuple(
        SheetRow(
            student_id=student.id,
            student_code=student.student_code,
            full_name=student.full_name,
            marks={cell: mark for cell, mark in marks[student.id].items() if cell.kind not in hidden},
            exempt=student.id in exempt,
        )
        for student in students
    )
    return SheetView(
        summary=sheet,
        read_at=read_at,
        columns=columns,
        rows=rows,
        is_open=life_rules.writable(sheet.state, sheet.open_until, read_at),
        writes=life_rules.writes(sheet.state, sheet.open_until, read_at, *_side(actor, row)),
        deeds=(await life.deeds_of(session, actor, [sheet]))[sheet.id],
        warnings=life_rules.warnings(columns, [_filled(one) for one in rows if not one.exempt]),
        steps=steps,
        changes=changes,
    )


async def new_in_sheet(
    session: TenantSession, actor: Actor, sheet_id: uuid.UUID, since: datetime
) -> NewInSheet:
    """What was written since an instant into a sheet that a person has before them. Raises as `get_sheet` does."""
    row, read_at = await one_sheet.load(session, sheet_id), clock.now()
    await _require_readable(session, actor, row)
    hidden = _hidden(actor, row)
    marks = [
        mark
        for mark in await mark_rows.marks_since(session, sheet_id, since - UNSEEN)
        if mark.kind not in hidden
    ]
    if marks:
        label = f"Sổ {one_sheet.place(row)}"
        pupils = {mark.student_id for mark in marks}
        audit_reads.record_read(session, actor, Action.SHEET_READ, sheet_id, label, [row.class_id, *pupils])
    writers = await people.names(session) if marks else {}
    writes = life_rules.writes(SheetState(row.state), row.open_until, read_at, *_side(actor, row))
    return NewInSheet(
        read_at=read_at,
        is_open=bool(writes),
        marks=tuple(
            WrittenMark(
                student_id=mark.student_id,
                cell=Cell(MarkKind(mark.kind), mark.slot),
                mark=MarkView(value=mark.value, revision=mark.revision, changed_at=mark.changed_at),
                writer=writers.get(mark.changed_by, ""),
            )
            for mark in marks
        ),
    )


async def set_mark(session: TenantSession, actor: Actor, new: NewMark, *, revision: int) -> MarkView:
    """Write one cell. `revision` is the one that the writer saw, 0 for an empty cell.

    Raises Invalid (a value that cannot stand there), Conflict (locked, or somebody else was faster), NotFound, Forbidden.
    """
    [outcome] = await set_marks(session, actor, new.sheet_id, [(new, revision)])
    if isinstance(outcome, AppError):
        raise outcome
    return outcome


async def set_marks(
    session: TenantSession, actor: Actor, sheet_id: SheetId, wanted: Sequence[tuple[NewMark, int]]
) -> list[MarkView | AppError]:
    """Write cells of one sheet, each with the revision that the writer saw; each has an outcome of its own.

    Raises NotFound for an unknown sheet and Forbidden for somebody else's: then nothing is written.
    """
    found = await queries.hold_sheets(session, [sheet_id], to_write=True)
    # Read while it is held: who changes the subject plan of the class holds its sheets too.
    row = await one_sheet.load(session, sheet_id)
    side, held = _side(actor, row), found[sheet_id]
    if not any(side):
        raise Forbidden(f"Bạn không được phân công sổ điểm này của lớp {row.class_name}.")
    choices = (await plans.choices_of(session, {row.class_id: row.grade_level}))[row.class_id]
    state = SheetState(held.state)
    writes = life_rules.writes(state, held.open_until, clock.now(), *side)
    if not writes:
        return [Conflict(life_rules.why_closed(state))] * len(wanted)
    trace: list[dict[str, Any]] | None = [] if state is SheetState.REOPENED else None
    pupils = await mark_rows.written_about(session, row, {new.student_id for new, _ in wanted})
    outcomes: list[MarkView | AppError] = []
    for new, revision in wanted:
        pupil = pupils.get(new.student_id)
        name = pupil.name if pupil else None
        before = pupil.excused.get((new.cell.kind, new.cell.slot), "") if pupil and not new.exact else ""
        try:
            if new.cell.kind not in writes:
                raise life_rules.not_theirs(new.cell.kind, state, *side)
            one_sheet.refuse_settled(held, row, bool(pupil and pupil.exempt), new, name)
            one_sheet.refuse_not_taken(choices, row, new, name)
            outcomes.append(await _write(session, actor, row, name, new, revision, before, trace))
        except (Invalid, Conflict, NotFound) as error:
            outcomes.append(error)
    written = [
        new for (new, _), outcome in zip(wanted, outcomes, strict=True) if isinstance(outcome, MarkView)
    ]
    if trace:
        step_id = await queries.reopening_of(session, sheet_id)
        await mark_rows.insert_changes(session, [one | {"step_id": step_id} for one in trace])
    await audit.record_many(session, actor, Action.MARK_CHANGED, [_deed(row, new) for new in written])
    return outcomes


def _side(actor: Actor, row: Any) -> tuple[bool, bool]:
    """Whether the actor is in charge of a sheet, and whether they write the principal's words in it."""
    mine = one_sheet.in_charge(actor, row.teacher_id or row.homeroom_teacher_id)
    words = layout.has_principals_words(row.subject_code, row.grade_level)
    return mine, words and actor.may(Permission.SHEET_LOCK_ANY)


def reads_health(actor: Actor, in_charge: bool) -> bool:
    """Whether somebody who opens a homeroom teacher's sheet sees there how pupils' bodies are: who keeps it, and the
    management; neither the other teachers of the class nor whoever sees to the computers."""
    return in_charge or actor.may(Permission.HEALTH_READ)


def _hidden(actor: Actor, row: Any) -> frozenset[MarkKind]:
    return frozenset() if reads_health(actor, _side(actor, row)[0]) else ABOUT_HEALTH


def _filled(row: SheetRow) -> tuple[str, dict[Cell, str]]:
    return row.full_name, {cell: mark.value for cell, mark in row.marks.items()}


async def _write(
    session: TenantSession,
    actor: Actor,
    row: Any,
    name: str | None,
    new: NewMark,
    revision: int,
    before: str,
    trace: list[dict[str, Any]] | None,
) -> MarkView:
    """Write one cell that held `before`, where somebody was excused. `trace`, of a sheet that was locked once, grows
    by what is changed."""
    if name is None:
        raise NotFound("Không tìm thấy học sinh này trong lớp.")
    place = f"{name}, {one_sheet.label(row, new.cell)}"
    value = rules.accept(new.value, new.cell, one_sheet.subject_of(row), row.grade_level, place)
    value = rules.settled(before, value, new.cell.kind)
    cell = (new.sheet_id, new.student_id, new.cell.kind, new.cell.slot)
    there = await mark_rows.one_mark(session, *cell, hold=True) if trace is not None else None
    values = one_sheet.mark_row(session, actor, new, value, clock.now())
    written = await mark_rows.write_mark(session, values, revision)
    if written is None:
        raise await _overtaken(session, cell, place)
    old = there.value if there else ""
    if trace is not None and old != value:
        trace.append(_change(session, actor, new, old, value))
    return MarkView(value=value, revision=written, changed_at=values["changed_at"])


async def _overtaken(
    session: TenantSession, cell: tuple[SheetId, StudentId, MarkKind, str], place: str
) -> Conflict:
    there = await mark_rows.one_mark(session, *cell)
    if there is None:
        return Conflict(f"{place}: ô này không còn như trang đang hiện; hãy tải lại trang.")
    return Overtaken(
        f"{place}: người khác vừa ghi “{there.value}”; bấm Esc để giữ nội dung đó, hoặc ghi lại.",
        MarkView(value=there.value, revision=there.revision, changed_at=there.changed_at),
    )


def _change(session: TenantSession, actor: Actor, new: NewMark, old: str, value: str) -> dict[str, Any]:
    """Old, new, who, when; which reopening says why is the same for all of them."""
    return {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "sheet_id": new.sheet_id,
        "student_id": new.student_id,
        "kind": new.cell.kind.value,
        "slot": new.cell.slot,
        "old_value": old,
        "new_value": value,
        "changed_by": actor.staff_id,
        "changed_at": clock.now(),
    }


def _deed(row: Any, new: NewMark) -> audit.Deed:
    details: dict[str, str | int | None] = {
        "cell": new.cell.kind.value,
        "slot": new.cell.slot,
        "student": str(new.student_id),
    }
    label = f"{row.class_name} {row.subject_code}"
    return audit.Deed(new.sheet_id, label, details, about=(new.student_id, row.class_id))


async def _require_readable(session: TenantSession, actor: Actor, row: Any) -> None:
    sheet = one_sheet.summary(row)
    if sheet.id not in await readable(session, actor, [sheet]):
        raise Forbidden(
            "Bạn chỉ mở được sổ điểm của lớp mà bạn chủ nhiệm hoặc giảng dạy, hoặc của giáo viên trong tổ của bạn."
        )
