"""Marks: sheets per class, subject and term, written cell by cell or by import, until they are closed."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.departments import service as departments
from backend.records.gradebook import carrying, life, putting_back, queries, rules
from backend.records.gradebook.schemas import (
    CLOSED,
    WHOLE_YEAR,
    Cell,
    Column,
    Deed,
    MarkChange,
    MarkKind,
    MarkView,
    NewInSheet,
    NewMark,
    Overtaken,
    OverwrittenMark,
    SheetId,
    SheetRow,
    SheetState,
    SheetSummary,
    SheetView,
    WrittenMark,
)
from backend.records.plans import service as plans
from backend.records.plans.schemas import ClassChoices
from backend.records.roster import service as roster
from backend.records.roster.curriculum import GradeSubject
from backend.records.roster.schemas import (
    DIFFERENCES_SHOWN,
    HOMEROOM,
    ClassId,
    Difference,
    DifferenceKind,
    PupilRecord,
    StudentId,
    StudentSummary,
)
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

#: A transaction that wrote before an instant may have ended after it.
UNSEEN = timedelta(seconds=30)


async def open_sheets(session: TenantSession, class_id: uuid.UUID) -> None:
    """Open the sheets of a class: one per subject (and term, from grade 6), and the homeroom teacher's own.

    Those that are there stay as they are.
    """
    school_class = await roster.get_class(session, class_id)
    terms = (WHOLE_YEAR,) if school_class.grade_level <= rules.PRIMARY_LAST_GRADE else (1, 2)
    wanted = [
        (a.subject_code, term) for a in await roster.list_assignments(session, class_id) for term in terms
    ]
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "class_id": class_id,
            "subject_code": code,
            "term": term,
            "state": SheetState.OPEN,
            "remark": "",
            "final_pupils": [],
        }
        for code, term in [*wanted, (HOMEROOM, WHOLE_YEAR)]
    ]
    await queries.insert_sheets(session, rows)


async def list_sheets(session: TenantSession, class_id: uuid.UUID | None = None) -> list[SheetSummary]:
    """Sheets of a class with the number of their marks, or of the school without."""
    return [life.summary(row, row.filled) for row in await queries.sheets(session, class_id=class_id)]


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


async def empty_sheets(session: TenantSession) -> list[SheetSummary]:
    """Open sheets of the school in which nothing stands."""
    return [life.summary(row, row.filled) for row in await queries.empty_sheets(session)]


async def gaps(session: TenantSession, class_id: uuid.UUID) -> dict[SheetId, int]:
    """How many cells are empty in each sheet of a class, of those that every pupil who takes the subject needs."""
    rows = await queries.sheets(session, class_id=class_id)
    pupils = [one.id for one in await roster.list_students(session, class_id)]
    choices = await plans.choices_of(session, {row.class_id: row.grade_level for row in rows})
    filled = {
        (mark.student_id, mark.subject_code, mark.term, Cell(MarkKind(mark.kind), mark.slot))
        for mark in await queries.marks_of_class(session, class_id)
    }
    found = {}
    for row in rows:
        subject, takes = life.subject_of(row), choices[row.class_id].takes
        needed = rules.required(rules.columns(subject, row.grade_level))
        found[SheetId(row.id)] = sum(
            (pupil, row.subject_code, row.term, cell) not in filled
            for pupil in pupils
            if takes(pupil, subject)
            for cell in needed
        )
    return found


async def get_sheet(session: TenantSession, actor: Actor, sheet_id: uuid.UUID) -> SheetView:
    """A sheet with every pupil and mark, for a person who looks at it.

    Raises NotFound, Forbidden for a teacher who has nothing to do with it.
    """
    row, read_at = await life.load(session, sheet_id), clock.now()
    await _require_readable(session, actor, row)
    marks: dict[uuid.UUID, dict[Cell, MarkView]] = defaultdict(dict)
    for mark in await queries.marks_of_sheet(session, sheet_id):
        view = MarkView(value=mark.value, revision=mark.revision, changed_at=mark.changed_at)
        marks[mark.student_id][Cell(MarkKind(mark.kind), mark.slot)] = view
    takes = (await plans.choices_of(session, {row.class_id: row.grade_level}))[row.class_id].takes
    subject = life.subject_of(row)
    students = [one for one in await roster.list_students(session, row.class_id) if takes(one.id, subject)]
    place = life.place(row)
    pupils = [one.id for one in students]
    audit_reads.record_read(
        session, actor, Action.SHEET_READ, sheet_id, f"Sổ {place}", [row.class_id, *pupils]
    )
    sheet = life.summary(row, sum(len(cells) for cells in marks.values()))
    columns = rules.columns(subject, row.grade_level)
    steps, changes = await life.history(session, row)
    is_open = rules.writable(sheet.state, sheet.open_until, read_at)
    return SheetView(
        summary=sheet,
        read_at=read_at,
        columns=columns,
        rows=tuple(
            SheetRow(
                student_id=student.id,
                student_code=student.student_code,
                full_name=student.full_name,
                marks=marks[student.id],
            )
            for student in students
        ),
        is_open=is_open,
        may_write=is_open and life.in_charge(actor, sheet.teacher_id),
        deeds=(await life.deeds_of(session, actor, [sheet]))[sheet.id],
        warnings=_warnings(columns, students, marks),
        steps=steps,
        changes=changes,
    )


async def new_in_sheet(
    session: TenantSession, actor: Actor, sheet_id: uuid.UUID, since: datetime
) -> NewInSheet:
    """What was written since an instant into a sheet that a person has before them. Raises as `get_sheet` does."""
    row, read_at = await life.load(session, sheet_id), clock.now()
    await _require_readable(session, actor, row)
    marks = await queries.marks_since(session, sheet_id, since - UNSEEN)
    if marks:
        label = f"Sổ {life.place(row)}"
        pupils = {mark.student_id for mark in marks}
        audit_reads.record_read(session, actor, Action.SHEET_READ, sheet_id, label, [row.class_id, *pupils])
    writers = await people.names(session) if marks else {}
    return NewInSheet(
        read_at=read_at,
        is_open=rules.writable(SheetState(row.state), row.open_until, read_at),
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
    _refuse_stranger(actor, await life.load(session, sheet_id))
    held = (await queries.hold_sheets(session, [sheet_id], to_write=True))[sheet_id]
    # Read again while it is held: who changes the subject plan of the class holds its sheets too.
    row = await life.load(session, sheet_id)
    choices = (await plans.choices_of(session, {row.class_id: row.grade_level}))[row.class_id]
    state = SheetState(held.state)
    if not rules.writable(state, held.open_until, clock.now()):
        return [Conflict(rules.why_closed(state))] * len(wanted)
    trace: list[dict[str, Any]] | None = [] if state is SheetState.REOPENED else None
    names = (await roster.members_of(session, [row.class_id]))[row.class_id]
    outcomes: list[MarkView | AppError] = []
    for new, revision in wanted:
        try:
            name = names.get(new.student_id)
            _refuse_frozen(held, row, new.student_id, name)
            _refuse_not_taken(choices, row, new, name)
            outcomes.append(await _write(session, actor, row, name, new, revision, trace))
        except (Invalid, Conflict, NotFound) as error:
            outcomes.append(error)
    written = [
        new for (new, _), outcome in zip(wanted, outcomes, strict=True) if isinstance(outcome, MarkView)
    ]
    if trace:
        step_id = await queries.reopening_of(session, sheet_id)
        await queries.insert_changes(session, [one | {"step_id": step_id} for one in trace])
    await audit.record_many(session, actor, Action.MARK_CHANGED, [_deed(row, new) for new in written])
    return outcomes


async def compare_marks(session: TenantSession, actor: Actor, marks: Sequence[NewMark]) -> MarkChange:
    """What `record_marks` would do, without doing it."""
    return await _stage(session, actor, marks, to_take=False)


async def record_marks(session: TenantSession, actor: Actor, marks: Sequence[NewMark]) -> MarkChange:
    """Write many marks at once, all or nothing. Who may import is decided by the caller.

    Raises Invalid when one of them cannot stand where it should or its sheet is locked, NotFound for an unknown sheet.
    """
    change = await _stage(session, actor, marks, to_take=True)
    if change.problems:
        raise Invalid(change.problems[0][1])
    overwritten = tuple(
        OverwrittenMark(
            sheet_id=SheetId(row.sheet_id),
            student_id=StudentId(row.student_id),
            cell=Cell(MarkKind(row.kind), row.slot),
            old=row.old,
            revision=row.revision,
        )
        for row in await queries.overwritten_by_staged(session)
    )
    await queries.trace_staged(session)
    await queries.write_staged(session)
    return msgspec.structs.replace(change, overwritten=overwritten)


async def why_not_put_back(
    session: TenantSession, marks: Sequence[OverwrittenMark], since: datetime
) -> str | None:
    """Why `put_back` would refuse, in one sentence; None: nothing has come in between."""
    return await putting_back.refusal(session, marks, since)


async def put_back(
    session: TenantSession, actor: Actor, marks: Sequence[OverwrittenMark], since: datetime
) -> None:
    """Marks that `record_marks` wrote at `since` are again what they were before, all or none. Raises Conflict.

    Who may do that is decided by the caller. Each cell goes on by one revision, so nobody overwrites it unseen.
    """
    await putting_back.put_back(session, actor, marks, since)


async def hold_class(session: TenantSession, class_id: uuid.UUID) -> None:
    """Nobody moves or writes the sheets of a class until the transaction ends.

    Raises Conflict while one of them is not locked, with its name.
    """
    sheet_ids = await queries.sheet_ids_of_class(session, class_id)
    await queries.hold_sheets(session, sheet_ids, to_write=False)
    rows = await queries.sheets_by_id(session, sheet_ids)
    still_open = [row for row in rows.values() if row.state not in CLOSED]
    if still_open:
        raise Conflict(
            f"Còn {len(still_open)} sổ điểm chưa khóa, trong đó có sổ {life.place(still_open[0])}; "
            "hãy khóa đủ sổ điểm trước."
        )


async def hold_to_plan(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> list[SheetSummary]:
    """Nobody moves or writes the sheets of these classes until the transaction ends; all of them."""
    held = await queries.sheet_ids_of_classes(session, class_ids)
    await queries.hold_sheets(session, held, to_write=False)
    return await sheets_of_classes(session, class_ids)


async def sheets_of_classes(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> list[SheetSummary]:
    """All sheets of these classes."""
    held = await queries.sheet_ids_of_classes(session, class_ids)
    return [life.summary(row) for row in (await queries.sheets_by_id(session, held)).values()]


async def written_cells(
    session: TenantSession, class_ids: Sequence[uuid.UUID], subject_code: str
) -> tuple[dict[uuid.UUID, frozenset[Cell]], frozenset[uuid.UUID]]:
    """Cells of a subject in which something stands or stood, by class; and classes with a sheet that took a step."""
    cells: dict[uuid.UUID, set[Cell]] = defaultdict(set)
    for row in await queries.written_cells(session, class_ids, subject_code):
        cells[row.class_id].add(Cell(MarkKind(row.kind), row.slot))
    touched = await queries.touched_classes(session, class_ids, subject_code)
    return {class_id: frozenset(found) for class_id, found in cells.items()}, frozenset(touched)


async def drop_sheets(session: TenantSession, class_id: uuid.UUID, subject_code: str) -> None:
    """Remove the sheets of a subject that a class has no longer; the caller holds them and has seen nothing in them."""
    await queries.delete_sheets(session, [class_id], subject_code)


async def first_with_marks(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> uuid.UUID | None:
    """One of these classes in whose sheets something was ever written, or that took a step; None: in no one's."""
    return await queries.first_with_marks(session, class_ids)


async def drop_classes(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> None:
    """Remove all sheets of classes that are closed; the caller holds them and has seen nothing in them."""
    await queries.delete_sheets(session, class_ids)


async def finish_class(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, pupils: Sequence[StudentId], *, complete: bool
) -> None:
    """The transcripts of these pupils are frozen: their marks stay. `complete`: so are those of the whole class.

    The sheets of a complete class are final. The caller holds them (`hold_class`).
    """
    sheet_ids = await queries.sheet_ids_of_class(session, class_id)
    await queries.set_state(session, sheet_ids, {"final_pupils": list(pupils)})
    if complete:
        rows = await queries.sheets_by_id(session, sheet_ids)
        locked = [life.summary(row) for row in rows.values() if row.state == SheetState.LOCKED]
        await life.take_step(session, actor, Deed.FINISH, locked)


async def frozen_pupils(session: TenantSession, class_id: uuid.UUID) -> frozenset[StudentId]:
    """Pupils of a class whose marks stay, because their transcripts are frozen."""
    return frozenset(StudentId(one) for one in await queries.final_pupils(session, class_id))


async def carry_marks(
    session: TenantSession, actor: Actor, pupil: PupilRecord, source: uuid.UUID, target: uuid.UUID
) -> tuple[int, list[str]]:
    """A pupil goes to another class of the year, and their marks with them (`carrying.carry`). Raises Conflict."""
    return await carrying.carry(session, actor, pupil, source, target)


async def count_again(session: TenantSession, class_id: uuid.UUID) -> None:
    """A class has one pupil more: where all its sheets are locked, its results are computed once more."""
    await carrying.count_again(session, class_id)


async def require_open(session: TenantSession, class_id: uuid.UUID) -> None:
    """A pupil comes into the class. Raises Conflict once its transcripts are frozen: nobody gets marks there."""
    await carrying.require_open(session, class_id)


async def reopened_at(session: TenantSession, class_id: uuid.UUID) -> datetime | None:
    """When a sheet of the class was opened again last; None: never."""
    return await queries.reopened_at(session, class_id)


async def class_of_sheet(session: TenantSession, sheet_id: uuid.UUID) -> ClassId:
    """The class that a sheet belongs to."""
    return ClassId((await life.load(session, sheet_id)).class_id)


async def class_locked_at(session: TenantSession, class_id: uuid.UUID) -> datetime | None:
    """When the last sheet of the class was locked; None while one is open, or when there is none."""
    sheets, still_open, newest = await queries.locks_of(session, class_id)
    return newest if sheets and not still_open else None


async def is_class_locked(session: TenantSession, class_id: uuid.UUID) -> bool:
    """Whether every sheet of the class is locked."""
    return await class_locked_at(session, class_id) is not None


async def class_marks(
    session: TenantSession, class_id: uuid.UUID
) -> dict[StudentId, dict[tuple[str, int], dict[Cell, str]]]:
    """All filled cells of a class: student → (subject code, term) → cell → value."""
    found: dict[StudentId, dict[tuple[str, int], dict[Cell, str]]] = defaultdict(lambda: defaultdict(dict))
    for mark in await queries.marks_of_class(session, class_id):
        cell = Cell(MarkKind(mark.kind), mark.slot)
        found[StudentId(mark.student_id)][mark.subject_code, mark.term][cell] = mark.value
    return found


async def marks_of_sheets(
    session: TenantSession, sheet_ids: Sequence[SheetId]
) -> dict[SheetId, dict[StudentId, dict[Cell, str]]]:
    """All filled cells of some sheets: sheet → student → cell → value."""
    found: dict[SheetId, dict[StudentId, dict[Cell, str]]] = defaultdict(lambda: defaultdict(dict))
    for mark in await queries.marks_of_sheets(session, sheet_ids):
        cell = Cell(MarkKind(mark.kind), mark.slot)
        found[SheetId(mark.sheet_id)][StudentId(mark.student_id)][cell] = mark.value
    return found


def columns_of(subject: GradeSubject | None, grade_level: int) -> tuple[Column, ...]:
    """The columns of a subject's sheet, or of the homeroom sheet when `subject` is None."""
    return rules.columns(subject, grade_level)


async def _stage(
    session: TenantSession, actor: Actor, marks: Sequence[NewMark], *, to_take: bool
) -> MarkChange:
    """Compare marks with what is there. `to_take`: nobody else writes into these sheets until the transaction ends."""
    sheet_ids = list({mark.sheet_id for mark in marks})
    held = await queries.hold_sheets(session, sheet_ids, to_write=not to_take)
    sheets = await queries.sheets_by_id(session, sheet_ids)
    if any(mark.sheet_id not in sheets for mark in marks):
        raise NotFound("Không tìm thấy sổ điểm này.")
    choices = await plans.choices_of(session, {row.class_id: row.grade_level for row in sheets.values()})
    members = await roster.members_of(session, list({row.class_id for row in sheets.values()}))
    problems: list[tuple[int, str]] = []
    staged: dict[tuple[uuid.UUID, uuid.UUID, Cell], tuple[Any, ...]] = {}
    labels = {
        (sheet_id, cell): _label(sheets[sheet_id], cell)
        for sheet_id, cell in {(mark.sheet_id, mark.cell) for mark in marks}
    }
    now = clock.now()
    closed = {
        sheet_id: SheetState(one.state)
        for sheet_id, one in held.items()
        if not rules.writable(SheetState(one.state), one.open_until, now)
    }
    for sheet_id, state in closed.items():
        index = next(index for index, mark in enumerate(marks) if mark.sheet_id == sheet_id)
        sentence = (
            f"Sổ của {life.place(sheets[sheet_id])} {rules.closed_words(state)} nên điểm trong sổ giữ nguyên; "
            f"hãy bỏ các dòng của sổ này khỏi tệp; {rules.way_out(state)}."
        )
        problems.append((index, sentence))
    for index, mark in enumerate(marks):
        if mark.sheet_id in closed:
            continue
        row = sheets[mark.sheet_id]
        try:
            name = members[row.class_id].get(mark.student_id)
            _refuse_frozen(held[mark.sheet_id], row, mark.student_id, name)
            _refuse_not_taken(choices[row.class_id], row, mark, name)
            value = _accepted(mark, row, name, labels[mark.sheet_id, mark.cell])
        except (Invalid, Conflict) as error:
            problems.append((index, error.message))
            continue
        staged[mark.sheet_id, mark.student_id, mark.cell] = _row(session, actor, mark, value, now)
    await queries.stage_marks(session, list(staged.values()))
    new, changed, unchanged, basis = await queries.compare_staged(session)
    return MarkChange(
        new=new,
        changed=changed,
        unchanged=unchanged,
        problems=tuple(sorted(problems)),
        differences=tuple(
            _difference(row, sheets[row.sheet_id], members)
            for row in await queries.staged_differences(session, DIFFERENCES_SHOWN)
        ),
        basis=basis,
    )


def _warnings(
    columns: tuple[Column, ...],
    students: Sequence[StudentSummary],
    marks: dict[uuid.UUID, dict[Cell, MarkView]],
) -> tuple[str, ...]:
    filled = {
        student_id: {cell: mark.value for cell, mark in cells.items()} for student_id, cells in marks.items()
    }
    return rules.warnings(columns, [(one.full_name, filled.get(one.id, {})) for one in students])


def _difference(row: Any, sheet: Any, members: dict[uuid.UUID, dict[StudentId, str]]) -> Difference:
    place = _label(sheet, Cell(MarkKind(row.kind), row.slot))
    return Difference(
        pupil=members[sheet.class_id][row.student_id],
        place=f"{place[0].upper()}{place[1:]}",
        old=row.old,
        new=row.new,
        kind=DifferenceKind.CHANGED if row.old else DifferenceKind.NEW,
    )


def _accepted(mark: NewMark, row: Any, name: str | None, label: str) -> str:
    """The value as it is stored. Raises Invalid with the pupil and the place."""
    place = f"{name or 'Học sinh'}, {label}"
    if name is None:
        raise Invalid(f"{place}: học sinh này không học lớp {row.class_name}; hãy kiểm tra lại mã học sinh.")
    return rules.accept(mark.value, mark.cell, life.subject_of(row), row.grade_level, place)


def _values(session: TenantSession, actor: Actor, mark: NewMark, value: str) -> dict[str, Any]:
    return dict(zip(queries.MARK_COLUMNS, _row(session, actor, mark, value, clock.now()), strict=True))


def _row(
    session: TenantSession, actor: Actor, mark: NewMark, value: str, changed_at: datetime
) -> tuple[Any, ...]:
    """Values in the order of `queries.MARK_COLUMNS`."""
    return (
        session.tenant_id,
        new_id(),
        mark.sheet_id,
        mark.student_id,
        mark.cell.kind.value,
        mark.cell.slot,
        value,
        actor.staff_id,
        changed_at,
    )


async def _write(
    session: TenantSession,
    actor: Actor,
    row: Any,
    name: str | None,
    new: NewMark,
    revision: int,
    trace: list[dict[str, Any]] | None,
) -> MarkView:
    """Write one cell. `trace`, of a sheet that was locked once, grows by what is changed."""
    if name is None:
        raise NotFound("Không tìm thấy học sinh này trong lớp.")
    place = f"{name}, {_label(row, new.cell)}"
    value = rules.accept(new.value, new.cell, life.subject_of(row), row.grade_level, place)
    cell = (new.sheet_id, new.student_id, new.cell.kind, new.cell.slot)
    before = await queries.one_mark(session, *cell, hold=True) if trace is not None else None
    written = await queries.write_mark(session, _values(session, actor, new, value), revision)
    if written is None:
        there = await queries.one_mark(session, *cell)
        if there is None:
            raise Conflict(f"{place}: ô này không còn như trang đang hiện; hãy tải lại trang.")
        raise Overtaken(
            f"{place}: người khác vừa ghi “{there.value}”; bấm Esc để giữ nội dung đó, hoặc ghi lại.",
            MarkView(value=there.value, revision=there.revision, changed_at=there.changed_at),
        )
    old = before.value if before else ""
    if trace is not None and old != value:
        trace.append(_change(session, actor, new, old, value))
    return MarkView(value=value, revision=written, changed_at=clock.now())


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


def _refuse_frozen(held: Any, row: Any, student_id: StudentId, name: str | None) -> None:
    if student_id in held.final_pupils:
        raise Conflict(
            f"{name or 'Học sinh'}, {life.place(row)}: học bạ của học sinh này đã chốt nên điểm giữ nguyên; "
            "nếu điểm sai, xin hỏi hiệu trưởng."
        )


def _refuse_not_taken(choices: ClassChoices, row: Any, new: NewMark, name: str | None) -> None:
    """Raises Invalid for a mark in an elective, or of a chuyên đề cluster, that the pupil does not take."""
    if not choices.takes(new.student_id, life.subject_of(row)):
        raise Invalid(
            f"{name or 'Học sinh'}, {life.place(row)}: em không học môn lựa chọn này; "
            f"hãy kiểm tra ở trang “Môn lựa chọn” của lớp {row.class_name}."
        )
    if new.cell.kind is MarkKind.TOPIC and row.subject_code not in choices.of(new.student_id).topics:
        raise Invalid(
            f"{name or 'Học sinh'}, {life.place(row)}: em không học cụm chuyên đề của môn này; "
            f"hãy kiểm tra ở trang “Môn lựa chọn” của lớp {row.class_name}."
        )


async def _require_readable(session: TenantSession, actor: Actor, row: Any) -> None:
    sheet = life.summary(row)
    if sheet.id not in await readable(session, actor, [sheet]):
        raise Forbidden(
            "Bạn chỉ mở được sổ điểm của lớp mà bạn chủ nhiệm hoặc giảng dạy, hoặc của giáo viên trong tổ của bạn."
        )


def _refuse_stranger(actor: Actor, row: Any) -> None:
    if not life.in_charge(actor, row.teacher_id or row.homeroom_teacher_id):
        raise Forbidden(f"Bạn không được phân công sổ điểm này của lớp {row.class_name}.")


def _label(row: Any, cell: Cell) -> str:
    column = rules.label(cell, life.subject_of(row), row.grade_level)
    return f"{life.place(row)}, cột {column}"
