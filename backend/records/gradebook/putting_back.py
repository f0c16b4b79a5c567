"""Marks that many cells were overwritten with, taken back; for the slice's own service: no door."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from backend.core import clock
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.records.gradebook import layout, life_rules, one_sheet, queries, staging
from backend.records.gradebook.schemas import Cell, MarkKind, OverwrittenMark, SheetState


async def refusal(session: TenantSession, marks: Sequence[OverwrittenMark], since: datetime) -> str | None:
    """Why the marks stay; None: every cell is as it was left, in a sheet that has been open all the time."""
    sheets = await queries.sheets_by_id(session, list({mark.sheet_id for mark in marks}))
    now = clock.now()
    for row in sheets.values():
        state = SheetState(row.state)
        if not life_rules.writable(state, row.open_until, now):
            return f"Sổ của {one_sheet.place(row)} {life_rules.closed_words(state)}; {life_rules.way_out(state)}."
    if used := await queries.relocked(session, list(sheets), since):
        return f"Sổ của {one_sheet.place(sheets[used])} đã được khóa sau lúc nhập, nên điểm của tệp đã được dùng."
    return await _gone_on(session, marks, sheets)


async def put_back(
    session: TenantSession, actor: Actor, marks: Sequence[OverwrittenMark], since: datetime
) -> None:
    """Hold the sheets, look once more, and write. Raises Conflict."""
    await queries.hold_sheets(session, list({mark.sheet_id for mark in marks}), to_write=False)
    if why := await refusal(session, marks, since):
        raise Conflict(why)
    cells = _cells(marks) | {"changed_by": actor.staff_id, "changed_at": clock.now()}
    await staging.trace_put_back(session, cells)
    done = await staging.put_back(session, cells)
    assert done == len(marks), "the sheets are held, so no cell has moved since the look"


async def _gone_on(
    session: TenantSession, marks: Sequence[OverwrittenMark], sheets: Mapping[uuid.UUID, Any]
) -> str | None:
    found = await staging.gone_on(session, _cells(marks), limit=1)
    if not found:
        return None
    first = found[0]
    row, cell = sheets[first.sheet_id], Cell(MarkKind(first.kind), first.slot)
    column = layout.label(cell, one_sheet.subject_of(row), row.grade_level)
    others = f" và {first.cells - 1} ô khác" if first.cells > 1 else ""
    return (
        f"{first.pupil}, {one_sheet.place(row)}, cột {column}{others} đã được sửa sau lúc nhập; "
        "điểm sửa sau được giữ nguyên."
    )


def _cells(marks: Sequence[OverwrittenMark]) -> dict[str, Any]:
    """One list per column, as `queries` takes them."""
    return {
        "sheets": [mark.sheet_id for mark in marks],
        "students": [mark.student_id for mark in marks],
        "kinds": [mark.cell.kind.value for mark in marks],
        "slots": [mark.cell.slot for mark in marks],
        "olds": [mark.old for mark in marks],
        "revisions": [mark.revision for mark in marks],
    }
