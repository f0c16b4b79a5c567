"""Marks: sheets per class, subject and term, written cell by cell or by import, until they are closed."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.core.ids import new_id
from backend.records.gradebook import importing, layout, life, one_sheet, queries
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
    SheetContent,
    SheetId,
    SheetState,
    SheetSummary,
)
from backend.records.roster import service as roster
from backend.records.roster.schemas import HOMEROOM, ClassId, StudentId


async def open_sheets(session: TenantSession, class_id: uuid.UUID) -> None:
    """Open the sheets of a class: one per subject (and term, from grade 6), and the homeroom teacher's own."""
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


async def empty_sheets(session: TenantSession) -> list[SheetSummary]:
    """Open sheets of the school in which nothing stands."""
    return [one_sheet.summary(row, row.filled) for row in await queries.empty_sheets(session)]


async def compare_marks(session: TenantSession, actor: Actor, marks: Sequence[NewMark]) -> MarkChange:
    """What `record_marks` would do, without doing it."""
    return await importing.compare(session, actor, marks)


async def record_marks(session: TenantSession, actor: Actor, marks: Sequence[NewMark]) -> MarkChange:
    """Write many marks at once, all or nothing. Who may import is decided by the caller.

    Raises Invalid when one of them cannot stand where it should or its sheet is locked, NotFound for an unknown sheet.
    """
    return await importing.take(session, actor, marks)


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
    for row in await queries.marks_of_class(session, class_id):
        cell = Cell(MarkKind(row.kind), row.slot)
        if mark := Entry.of(cell.kind, row.value).mark:
            found[StudentId(row.student_id)][row.subject_code, row.term][cell] = mark
    return found


def columns(subject_code: str, grade_level: int) -> tuple[Column, ...]:
    """The columns of a sheet."""
    return layout.columns_of(one_sheet.subject_in(subject_code, grade_level), grade_level)


async def contents(session: TenantSession, class_id: uuid.UUID) -> dict[SheetId, SheetContent]:
    """What stands in each sheet of a class, text by text; `class_marks` says what of it counts."""
    pupils = [one.id for one in await roster.list_students(session, class_id)]
    exempt = await exemptions(session, class_id)
    found = {
        SheetId(row.id): SheetContent(
            cells={student_id: {} for student_id in pupils},
            exempt=frozenset(one for one in pupils if row.subject_code in exempt.get(one, ())),
        )
        for row in await queries.sheets(session, class_id=class_id)
    }
    for row in await queries.marks_of_sheets(session, list(found)):
        cells = found[row.sheet_id].cells.get(row.student_id)
        if cells is not None:
            cells[Cell(MarkKind(row.kind), row.slot)] = row.value
    return found


async def hold_sheets(session: TenantSession, sheet_ids: Sequence[SheetId]) -> None:
    """Nobody moves or writes these sheets until the transaction ends."""
    await queries.hold_sheets(session, sheet_ids, to_write=False)


async def exemptions(session: TenantSession, class_id: uuid.UUID) -> dict[StudentId, frozenset[str]]:
    """From which subjects, by code, pupils of a class are exempt; who is from none is not in it."""
    found: dict[StudentId, set[str]] = defaultdict(set)
    for row in await queries.exempt_in(session, [class_id]):
        found[StudentId(row.student_id)].add(row.subject_code)
    return {student_id: frozenset(codes) for student_id, codes in found.items()}


async def awaited_make_ups(session: TenantSession, class_id: uuid.UUID) -> list[MakeUp]:
    """Assessments of a class that pupils were excused from and have not made up: results wait for them."""
    return [
        MakeUp(
            student_id=StudentId(row.student_id),
            pupil=row.full_name,
            place=f"{one_sheet.subject_name(row)}{one_sheet.term_words(row.term)}, "
            f"{layout.label(Cell(MarkKind(row.kind), row.slot), one_sheet.subject_of(row), row.grade_level)}",
        )
        for row in await queries.excused_in_class(session, class_id)
    ]
