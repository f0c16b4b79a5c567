"""Marks: sheets per class, subject and term, written cell by cell or by import, and locked."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from backend.core import audit, audit_reads, clock, outbox
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.gradebook import queries, rules
from backend.records.gradebook.events import GradeSheetLocked
from backend.records.gradebook.schemas import (
    WHOLE_YEAR,
    Cell,
    MarkChange,
    MarkKind,
    MarkView,
    NewInSheet,
    NewMark,
    SheetId,
    SheetRow,
    SheetState,
    SheetSummary,
    SheetView,
    WrittenMark,
)
from backend.records.roster import service as roster
from backend.records.roster.curriculum import GradeSubject, find_subject
from backend.records.roster.schemas import DIFFERENCES_SHOWN, HOMEROOM, ClassId, Difference, StudentId
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

#: A transaction that wrote before an instant may have ended after it.
UNSEEN = timedelta(seconds=30)
_LOCKED = "Sổ điểm này đã khóa nên điểm không thay đổi; nếu điểm cần sửa, xin hỏi hiệu trưởng."


async def open_sheets(session: TenantSession, class_id: uuid.UUID) -> None:
    """Open the sheets of a class: one per subject (and term, from grade 6), and the homeroom teacher's own."""
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
        }
        for code, term in [*wanted, (HOMEROOM, WHOLE_YEAR)]
    ]
    await queries.insert_sheets(session, rows)


async def list_sheets(session: TenantSession, class_id: uuid.UUID | None = None) -> list[SheetSummary]:
    """Sheets of a class with the number of their marks, or of the school without."""
    return [_summary(row, row.filled) for row in await queries.sheets(session, class_id=class_id)]


async def may_open(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> bool:
    """Whether a person may look into sheets of a class: the management, and teachers with a duty there."""
    if actor.may(Permission.SHEET_READ_ANY):
        return True
    return actor.staff_id is not None and class_id in await roster.classes_of_staff(session, actor.staff_id)


async def empty_sheets(session: TenantSession) -> list[SheetSummary]:
    """Open sheets of the school in which nothing stands."""
    return [_summary(row, row.filled) for row in await queries.empty_sheets(session)]


async def get_sheet(session: TenantSession, actor: Actor, sheet_id: uuid.UUID) -> SheetView:
    """A sheet with every pupil and mark, for a person who looks at it.

    Raises NotFound, Forbidden for a teacher without a duty in its class.
    """
    row, read_at = await _load(session, sheet_id), clock.now()
    await _require_duty(session, actor, row)
    marks: dict[uuid.UUID, dict[Cell, MarkView]] = defaultdict(dict)
    for mark in await queries.marks_of_sheet(session, sheet_id):
        view = MarkView(value=mark.value, revision=mark.revision, changed_at=mark.changed_at)
        marks[mark.student_id][Cell(MarkKind(mark.kind), mark.slot)] = view
    students = await roster.list_students(session, row.class_id)
    place = _place(row)
    pupils = [one.id for one in students]
    audit_reads.record_read(
        session, actor, Action.SHEET_READ, sheet_id, f"Sổ {place}", [row.class_id, *pupils]
    )
    return SheetView(
        summary=_summary(row, sum(len(cells) for cells in marks.values())),
        read_at=read_at,
        columns=rules.columns(_subject(row), row.grade_level),
        rows=tuple(
            SheetRow(
                student_id=student.id,
                student_code=student.student_code,
                full_name=student.full_name,
                marks=marks[student.id],
            )
            for student in students
        ),
        may_write=row.state == SheetState.OPEN and _in_charge(actor, row),
        may_lock=row.state == SheetState.OPEN
        and (_in_charge(actor, row) or actor.may(Permission.SHEET_LOCK_ANY)),
    )


async def new_in_sheet(
    session: TenantSession, actor: Actor, sheet_id: uuid.UUID, since: datetime
) -> NewInSheet:
    """What was written since an instant into a sheet that a person has before them. Raises as `get_sheet` does."""
    row, read_at = await _load(session, sheet_id), clock.now()
    await _require_duty(session, actor, row)
    marks = await queries.marks_since(session, sheet_id, since - UNSEEN)
    if marks:
        label = f"Sổ {_place(row)}"
        pupils = {mark.student_id for mark in marks}
        audit_reads.record_read(session, actor, Action.SHEET_READ, sheet_id, label, [row.class_id, *pupils])
    writers = await people.names(session) if marks else {}
    return NewInSheet(
        read_at=read_at,
        is_open=row.state == SheetState.OPEN,
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
    row = await _load(session, sheet_id)
    _refuse_stranger(actor, row)
    if await _locked(session, {sheet_id}):
        return [Conflict(_LOCKED)] * len(wanted)
    names = (await roster.members_of(session, [row.class_id]))[row.class_id]
    outcomes: list[MarkView | AppError] = []
    for new, revision in wanted:
        try:
            outcomes.append(await _write(session, actor, row, names.get(new.student_id), new, revision))
        except (Invalid, Conflict, NotFound) as error:
            outcomes.append(error)
    written = [
        new for (new, _), outcome in zip(wanted, outcomes, strict=True) if isinstance(outcome, MarkView)
    ]
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
    await queries.write_staged(session)
    return change


async def lock_sheets(session: TenantSession, actor: Actor, sheet_ids: Sequence[uuid.UUID]) -> int:
    """Lock sheets: their marks are final until they are reopened. Locked ones are passed over; counts the rest."""
    states = await queries.hold_sheets(session, sheet_ids, to_write=False)
    if len(states) < len(set(sheet_ids)):
        raise NotFound("Không tìm thấy sổ điểm này.")
    waiting = [sheet_id for sheet_id, state in states.items() if state == SheetState.OPEN]
    rows = [await _load(session, sheet_id) for sheet_id in waiting]
    for row in rows:
        if not actor.may(Permission.SHEET_LOCK_ANY):
            _refuse_stranger(actor, row)
    values = {"state": SheetState.LOCKED, "locked_by": actor.staff_id, "locked_at": clock.now()}
    await queries.set_state(session, waiting, values)
    await audit.record_many(
        session,
        actor,
        Action.SHEET_LOCKED,
        [audit.Deed(row.id, f"{row.class_name} {row.subject_code}", about=(row.class_id,)) for row in rows],
    )
    await outbox.emit_all(session, [GradeSheetLocked(sheet_id) for sheet_id in waiting])
    return len(waiting)


async def lock_class(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> int:
    """Lock every sheet of a class that the actor may lock; counts them. Raises NotFound."""
    await roster.get_class(session, class_id)
    rows = await queries.sheets(session, class_id=class_id)
    mine = [row.id for row in rows if actor.may(Permission.SHEET_LOCK_ANY) or _in_charge(actor, row)]
    return await lock_sheets(session, actor, mine) if mine else 0


async def class_of_sheet(session: TenantSession, sheet_id: uuid.UUID) -> ClassId:
    """The class that a sheet belongs to."""
    return ClassId((await _load(session, sheet_id)).class_id)


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


async def _stage(
    session: TenantSession, actor: Actor, marks: Sequence[NewMark], *, to_take: bool
) -> MarkChange:
    """Compare marks with what is there. `to_take`: nobody else writes into these sheets until the transaction ends."""
    sheets = await queries.sheets_by_id(session, list({mark.sheet_id for mark in marks}))
    if any(mark.sheet_id not in sheets for mark in marks):
        raise NotFound("Không tìm thấy sổ điểm này.")
    locked = await _locked(session, {mark.sheet_id for mark in marks}, alone=to_take)
    members = await roster.members_of(session, list({row.class_id for row in sheets.values()}))
    problems: list[tuple[int, str]] = []
    staged: dict[tuple[uuid.UUID, uuid.UUID, Cell], tuple[Any, ...]] = {}
    labels = {
        (sheet_id, cell): _label(sheets[sheet_id], cell)
        for sheet_id, cell in {(mark.sheet_id, mark.cell) for mark in marks}
    }
    now = clock.now()
    for sheet_id in locked:
        index = next(index for index, mark in enumerate(marks) if mark.sheet_id == sheet_id)
        sentence = (
            f"Sổ của {_place(sheets[sheet_id])} đã khóa nên điểm trong sổ giữ nguyên; "
            "hãy bỏ các dòng của sổ này khỏi tệp và hỏi hiệu trưởng nếu điểm cần sửa."
        )
        problems.append((index, sentence))
    for index, mark in enumerate(marks):
        if mark.sheet_id in locked:
            continue
        row = sheets[mark.sheet_id]
        try:
            name = members[row.class_id].get(mark.student_id)
            value = _accepted(mark, row, name, labels[mark.sheet_id, mark.cell])
        except Invalid as error:
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


def _difference(row: Any, sheet: Any, members: dict[uuid.UUID, dict[StudentId, str]]) -> Difference:
    place = _label(sheet, Cell(MarkKind(row.kind), row.slot))
    return Difference(
        pupil=members[sheet.class_id][row.student_id],
        place=f"{place[0].upper()}{place[1:]}",
        old=row.old,
        new=row.new,
    )


def _accepted(mark: NewMark, row: Any, name: str | None, label: str) -> str:
    """The value as it is stored. Raises Invalid with the pupil and the place."""
    place = f"{name or 'Học sinh'}, {label}"
    if name is None:
        raise Invalid(f"{place}: học sinh này không học lớp {row.class_name}; hãy kiểm tra lại mã học sinh.")
    return rules.accept(mark.value, mark.cell, _subject(row), row.grade_level, place)


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


async def _load(session: TenantSession, sheet_id: uuid.UUID) -> Any:
    found = await queries.sheets_by_id(session, [sheet_id])
    if not found:
        raise NotFound("Không tìm thấy sổ điểm này.")
    return found[sheet_id]


async def _write(
    session: TenantSession, actor: Actor, row: Any, name: str | None, new: NewMark, revision: int
) -> MarkView:
    if name is None:
        raise NotFound("Không tìm thấy học sinh này trong lớp.")
    place = f"{name}, {_label(row, new.cell)}"
    value = rules.accept(new.value, new.cell, _subject(row), row.grade_level, place)
    written = await queries.write_mark(session, _values(session, actor, new, value), revision)
    if written is None:
        there = await queries.one_mark(session, new.sheet_id, new.student_id, new.cell.kind, new.cell.slot)
        shown = there.value if there else ""
        raise Conflict(f"{place}: người khác vừa ghi “{shown}”; hãy tải lại rồi sửa.")
    return MarkView(value=value, revision=written, changed_at=clock.now())


def _deed(row: Any, new: NewMark) -> audit.Deed:
    details: dict[str, str | int | None] = {
        "cell": new.cell.kind.value,
        "slot": new.cell.slot,
        "student": str(new.student_id),
    }
    label = f"{row.class_name} {row.subject_code}"
    return audit.Deed(new.sheet_id, label, details, about=(new.student_id, row.class_id))


async def _locked(session: TenantSession, sheet_ids: set[SheetId], *, alone: bool = False) -> set[uuid.UUID]:
    states = await queries.hold_sheets(session, list(sheet_ids), to_write=not alone)
    return {sheet_id for sheet_id, state in states.items() if state == SheetState.LOCKED}


async def _require_duty(session: TenantSession, actor: Actor, row: Any) -> None:
    if not await may_open(session, actor, row.class_id):
        raise Forbidden("Bạn chỉ mở được sổ điểm của lớp mà bạn chủ nhiệm hoặc giảng dạy.")


def _refuse_stranger(actor: Actor, row: Any) -> None:
    if not _in_charge(actor, row):
        raise Forbidden(f"Bạn không được phân công sổ điểm này của lớp {row.class_name}.")


def _in_charge(actor: Actor, row: Any) -> bool:
    """The assigned teacher, or the homeroom teacher where nobody else is assigned (most primary subjects)."""
    if actor.staff_id is None or not actor.may(Permission.SHEET_WRITE):
        return False
    return bool(actor.staff_id == (row.teacher_id or row.homeroom_teacher_id))


def _subject(row: Any) -> GradeSubject | None:
    return None if rules.is_homeroom(row.subject_code) else find_subject(row.grade_level, row.subject_code)


def _subject_name(row: Any) -> str:
    subject = _subject(row)
    return subject.name if subject else "Sổ chủ nhiệm"


def _place(row: Any) -> str:
    term = f" học kì {row.term}" if row.term else ""
    return f"lớp {row.class_name}, {_subject_name(row)}{term}"


def _label(row: Any, cell: Cell) -> str:
    column = rules.label(cell, _subject(row), row.grade_level)
    return f"{_place(row)}, cột {column}"


def _summary(row: Any, filled: int | None) -> SheetSummary:
    teacher = row.teacher_id or row.homeroom_teacher_id
    return SheetSummary(
        id=SheetId(row.id),
        class_id=ClassId(row.class_id),
        class_name=row.class_name,
        subject_code=row.subject_code,
        subject_name=_subject_name(row),
        term=row.term,
        state=SheetState(row.state),
        teacher_id=StaffId(teacher) if teacher else None,
        filled=filled,
    )
