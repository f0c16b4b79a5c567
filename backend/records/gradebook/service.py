"""Marks: sheets per class, subject and term, written cell by cell or by import, until they are closed."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.core.ids import new_id
from backend.records.gradebook import (
    carrying,
    editing,
    exemption_rows,
    importing,
    layout,
    life,
    mark_rows,
    one_sheet,
    putting_back,
    queries,
)
from backend.records.gradebook.schemas import (
    CLOSED,
    WHOLE_YEAR,
    Cell,
    Column,
    Deed,
    Entry,
    MakeUp,
    MarkChange,
    MarkKind,
    NewMark,
    OverwrittenMark,
    SheetContent,
    SheetId,
    SheetState,
    SheetSummary,
    SheetView,
)
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.curriculum import GradeSubject
from backend.records.roster.schemas import HOMEROOM, ClassId, ClassSummary, PupilRecord, StudentId


async def open_sheets(session: TenantSession, class_id: uuid.UUID) -> None:
    """Open the sheets of a class: one per subject (and term, from grade 6), and the homeroom teacher's own.

    Those that are there stay as they are.
    """
    school_class = await roster.get_class(session, class_id)
    terms = (WHOLE_YEAR,) if school_class.grade_level <= layout.PRIMARY_LAST_GRADE else (1, 2)
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
    return [one_sheet.summary(row, row.filled) for row in await queries.sheets(session, class_id=class_id)]


async def waiting_for(session: TenantSession, actor: Actor) -> list[SheetSummary]:
    """The submitted sheets that the actor checks as head of a department, oldest first; none of a closed class."""
    return await life.waiting_for(session, actor)


async def empty_sheets(session: TenantSession) -> list[SheetSummary]:
    """Open sheets of the school in which nothing stands."""
    return [one_sheet.summary(row, row.filled) for row in await queries.empty_sheets(session)]


async def gaps(session: TenantSession, class_id: uuid.UUID) -> dict[SheetId, int]:
    """How many cells are empty in each sheet of a class, of those that every pupil needs who takes the subject
    and is not exempt from it."""
    rows = await queries.sheets(session, class_id=class_id)
    pupils = [one.id for one in await roster.list_students(session, class_id)]
    choices = await plans.choices_of(session, {row.class_id: row.grade_level for row in rows})
    exempt = await exemptions(session, class_id)
    filled = {
        (mark.student_id, mark.subject_code, mark.term, Cell(MarkKind(mark.kind), mark.slot))
        for mark in await mark_rows.marks_of_class(session, class_id)
    }
    found = {}
    for row in rows:
        subject, takes = one_sheet.subject_of(row), choices[row.class_id].takes
        needed = layout.required(layout.columns_of(subject, row.grade_level))
        found[SheetId(row.id)] = sum(
            (pupil, row.subject_code, row.term, cell) not in filled
            for pupil in pupils
            if takes(pupil, subject) and row.subject_code not in exempt.get(pupil, ())
            for cell in needed
        )
    return found


async def get_sheet(session: TenantSession, actor: Actor, sheet_id: uuid.UUID) -> SheetView:
    """A sheet with every pupil and mark, for a person who looks at it. Raises NotFound, Forbidden."""
    return await editing.get_sheet(session, actor, sheet_id)


async def readable(session: TenantSession, actor: Actor, sheets: Sequence[SheetSummary]) -> set[SheetId]:
    """Which of the sheets a person may open."""
    return await editing.readable(session, actor, sheets)


def reads_health(actor: Actor, sheet: SheetSummary) -> bool:
    """Whether somebody sees in a sheet that they may open how pupils' bodies are; only the homeroom teacher's has it."""
    return layout.is_homeroom(sheet.subject_code) and editing.reads_health(
        actor, one_sheet.in_charge(actor, sheet.teacher_id)
    )


async def compare_marks(session: TenantSession, actor: Actor, marks: Sequence[NewMark]) -> MarkChange:
    """What `record_marks` would do, without doing it."""
    return await importing.compare(session, actor, marks)


async def record_marks(session: TenantSession, actor: Actor, marks: Sequence[NewMark]) -> MarkChange:
    """Write many marks at once, all or nothing. Who may import is decided by the caller.

    Raises Invalid when one of them cannot stand where it should or its sheet is locked, NotFound for an unknown sheet.
    """
    return await importing.take(session, actor, marks)


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
            f"Còn {len(still_open)} sổ điểm chưa khóa, trong đó có sổ {one_sheet.place(still_open[0])}; "
            "hãy khóa đủ sổ điểm trước."
        )


async def hold_to_plan(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> list[SheetSummary]:
    """Nobody moves or writes the sheets of these classes until the transaction ends; all of them."""
    # The classes before their sheets, as whoever assesses or freezes holds them: a new sheet refers to its class.
    await roster.hold_classes(session, class_ids)
    held = await queries.sheet_ids_of_classes(session, class_ids)
    await queries.hold_sheets(session, held, to_write=False)
    return await sheets_of_classes(session, class_ids)


async def sheets_of_classes(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> list[SheetSummary]:
    """All sheets of these classes."""
    held = await queries.sheet_ids_of_classes(session, class_ids)
    return [one_sheet.summary(row) for row in (await queries.sheets_by_id(session, held)).values()]


async def written_cells(
    session: TenantSession, class_ids: Sequence[uuid.UUID], subject_code: str
) -> tuple[dict[uuid.UUID, frozenset[Cell]], frozenset[uuid.UUID]]:
    """Cells of a subject in which something stands or stood, by class; and classes with a sheet that took a step."""
    cells: dict[uuid.UUID, set[Cell]] = defaultdict(set)
    for row in await mark_rows.written_cells(session, class_ids, subject_code):
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
        locked = [one_sheet.summary(row) for row in rows.values() if row.state == SheetState.LOCKED]
        await life.take_step(session, actor, Deed.FINISH, locked)


async def release_pupil(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, pupil: StudentId, words: str
) -> None:
    """A pupil's transcript stands no longer, as `words` say: their marks may be corrected, those of the others stay.

    Sheets that were final are locked again; whoever opens locked sheets may open them.
    """
    sheet_ids = await queries.sheet_ids_of_class(session, class_id)
    held = await queries.hold_sheets(session, sheet_ids, to_write=False)
    stay = {one for sheet in held.values() for one in sheet.final_pupils} - {pupil}
    await queries.set_state(session, sheet_ids, {"final_pupils": sorted(stay)})
    final = [sheet_id for sheet_id, sheet in held.items() if sheet.state == SheetState.FINAL]
    rows = await queries.sheets_by_id(session, final)
    sheets = [one_sheet.summary(row) for row in rows.values()]
    await life.take_step(session, actor, Deed.RELEASE, sheets, words=words)


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
    return ClassId((await one_sheet.load(session, sheet_id)).class_id)


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
    """What counts in a class: student → (subject code, term) → cell → mark; 0 or Chưa đạt where it was missed without
    a reason, and nothing where it still has to be made up."""
    found: dict[StudentId, dict[tuple[str, int], dict[Cell, str]]] = defaultdict(lambda: defaultdict(dict))
    for row in await mark_rows.marks_of_class(session, class_id):
        cell = Cell(MarkKind(row.kind), row.slot)
        if mark := Entry.of(cell.kind, row.value).mark:
            found[StudentId(row.student_id)][row.subject_code, row.term][cell] = mark
    return found


async def contents(
    session: TenantSession, school_class: ClassSummary, *, hold: bool = False
) -> dict[SheetId, SheetContent]:
    """The columns of each sheet of a class and what stands in it, text by text; `class_marks` says what of it counts.

    `hold`: nobody moves or writes the sheets until the transaction ends.
    """
    if hold:
        held = await queries.sheet_ids_of_class(session, school_class.id)
        await queries.hold_sheets(session, held, to_write=False)
    students = [one.id for one in await roster.list_students(session, school_class.id)]
    choices = await plans.choices_of_class(session, school_class)
    exempt = await exemptions(session, school_class.id)
    found = {}
    for row in await queries.sheets(session, class_id=school_class.id):
        subject = one_sheet.subject_of(row)
        pupils = [one for one in students if choices.takes(one, subject)]
        found[SheetId(row.id)] = SheetContent(
            summary=one_sheet.summary(row, row.filled),
            columns=layout.columns_of(subject, row.grade_level),
            cells={student_id: {} for student_id in pupils},
            exempt=frozenset(one for one in pupils if row.subject_code in exempt.get(one, ())),
        )
    for row in await mark_rows.marks_of_sheets(session, list(found)):
        cells = found[row.sheet_id].cells.get(row.student_id)
        if cells is not None:
            cells[Cell(MarkKind(row.kind), row.slot)] = row.value
    return found


async def marks_of_sheets(
    session: TenantSession, sheet_ids: Sequence[SheetId]
) -> dict[SheetId, dict[StudentId, dict[Cell, str]]]:
    """What counts in some sheets, as `class_marks` has it: sheet → student → cell → mark."""
    found: dict[SheetId, dict[StudentId, dict[Cell, str]]] = defaultdict(lambda: defaultdict(dict))
    for mark in await mark_rows.marks_of_sheets(session, sheet_ids):
        cell = Cell(MarkKind(mark.kind), mark.slot)
        if counted := Entry.of(cell.kind, mark.value).mark:
            found[SheetId(mark.sheet_id)][StudentId(mark.student_id)][cell] = counted
    return found


def columns_of(subject: GradeSubject | None, grade_level: int) -> tuple[Column, ...]:
    """The columns of a subject's sheet, or of the homeroom sheet when `subject` is None."""
    return layout.columns_of(subject, grade_level)


async def exemptions(session: TenantSession, class_id: uuid.UUID) -> dict[StudentId, frozenset[str]]:
    """From which subjects, by code, pupils of a class are exempt; who is from none is not in it."""
    found: dict[StudentId, set[str]] = defaultdict(set)
    for _, subject_code, student_id in await exemption_rows.exempt_in(session, [class_id]):
        found[StudentId(student_id)].add(subject_code)
    return {student_id: frozenset(codes) for student_id, codes in found.items()}


async def exempt_in(
    session: TenantSession, class_ids: Collection[uuid.UUID]
) -> set[tuple[uuid.UUID, str, uuid.UUID]]:
    """(class, subject code, pupil) of everybody who is exempt from a subject in some classes."""
    return await exemption_rows.exempt_in(session, class_ids)


async def awaited_make_ups(session: TenantSession, class_id: uuid.UUID) -> list[MakeUp]:
    """Assessments of a class that pupils were excused from and have not made up: results wait for them.

    Whoever is exempt from the subject, or has left the class, makes nothing up.
    """
    exempt = await exemption_rows.exempt_in(session, [class_id])
    here = (await roster.members_of(session, [class_id]))[class_id]
    waiting = [
        row
        for row in await mark_rows.excused_in_class(session, class_id)
        if row.student_id in here and (class_id, row.subject_code, row.student_id) not in exempt
    ]
    sheets = await queries.sheets_by_id(session, list({row.sheet_id for row in waiting}))
    return [
        MakeUp(
            student_id=StudentId(row.student_id),
            pupil=row.full_name,
            place=one_sheet.inside(sheets[row.sheet_id], Cell(MarkKind(row.kind), row.slot)),
        )
        for row in waiting
    ]
