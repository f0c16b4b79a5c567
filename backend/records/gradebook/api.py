"""The cells of a sheet that is open in a browser, as `grade_sheet.js` reads and writes them."""

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from backend.core import clock
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.templates import vn_datetime, vn_mark
from backend.core.web import CurrentActor, Session
from backend.records.gradebook import editing
from backend.records.gradebook.schemas import (
    MAX_CELLS,
    Cell,
    MarkKind,
    MarkView,
    NewMark,
    Overtaken,
    SheetId,
)
from backend.records.gradebook.wording import entry_note
from backend.records.roster.schemas import StudentId
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

#: No mark was written here before.
FIRST_YEAR = 2000
_KINDS = {kind.value: kind for kind in MarkKind}
_NO_COLUMN = "Sổ này không có cột đó; hãy tải lại trang."
#: The teacher in charge writes marks, the principal the last words (`life_rules.writes`).
_WRITES = requires(Permission.SHEET_WRITE, Permission.SHEET_LOCK_ANY)


class CellInput(msgspec.Struct, frozen=True):
    """One cell as `grade_sheet.js` sends it; `column` is "kind:slot", `version` the revision that was shown."""

    student: uuid.UUID
    column: str
    value: str
    version: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
    #: what undoing puts back: it stays as it is
    exact: bool = False


class CellsInput(msgspec.Struct, frozen=True):
    """Cells that were changed together."""

    cells: list[CellInput]


@get("/so-diem/{sheet_id:uuid}/o", guards=[requires(Permission.SHEET_READ)])
async def show_new_cells(
    session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID], sau: FromQuery[datetime]
) -> Response[dict[str, Any]]:
    """Cells that were written after `sau`, for a page that is open: as `grade_sheet.js` reads them."""
    if sau.tzinfo is None or sau.year < FIRST_YEAR or sau > clock.now() + timedelta(days=1):
        raise Invalid("Thời điểm cần so phải có múi giờ và không quá xa; xin tải lại trang.")
    new = await editing.new_in_sheet(session, actor, sheet_id, sau)
    cells = [
        {
            "student": str(one.student_id),
            "column": f"{one.cell.kind}:{one.cell.slot}",
            "value": vn_mark(one.mark.value),
            "version": one.mark.revision,
            "note": entry_note(one.cell, one.mark.value),
            "message": f"{one.writer or 'Tệp nhập'} ghi lúc {vn_datetime(one.mark.changed_at)}",
        }
        for one in new.marks
    ]
    return Response({"now": new.read_at.isoformat(), "open": new.is_open, "cells": cells})


@post("/so-diem/{sheet_id:uuid}/o", guards=[_WRITES], status_code=200)
async def save_cells(
    session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID], data: JSONBody[CellsInput]
) -> Response[dict[str, list[dict[str, Any]]]]:
    """Save cells; each has an answer of its own, so one bad value or unknown pupil does not lose the others.

    A sheet that is not there is 404, one of somebody else 403, too many cells 422: then nothing is saved.
    """
    if len(data.cells) > MAX_CELLS:
        raise Invalid(
            f"Một lần lưu được nhiều nhất {MAX_CELLS} ô, lần này có {len(data.cells)} ô; "
            "hãy dán hoặc lưu ít ô hơn mỗi lần."
        )
    wanted = [_wanted(SheetId(sheet_id), cell) for cell in data.cells]
    told = iter(await editing.set_marks(session, actor, SheetId(sheet_id), [one for one in wanted if one]))
    answers = [
        _answer(cell, one and one[0], next(told) if one else Invalid(_NO_COLUMN))
        for cell, one in zip(data.cells, wanted, strict=True)
    ]
    return Response({"cells": answers})


def _wanted(sheet_id: SheetId, cell: CellInput) -> tuple[NewMark, int] | None:
    """What a cell asks for, with the revision that was shown; None when no sheet has such a column."""
    kind, _, slot = cell.column.partition(":")
    if kind not in _KINDS:
        return None
    new = NewMark(
        sheet_id=sheet_id,
        student_id=StudentId(cell.student),
        cell=Cell(_KINDS[kind], slot),
        value=cell.value,
        exact=cell.exact,
    )
    return new, cell.version


def _answer(cell: CellInput, new: NewMark | None, outcome: MarkView | AppError) -> dict[str, Any]:
    """Value and version are those of what is stored; a refusal that has not looked at it carries none."""
    answer = {"student": str(cell.student), "column": cell.column}
    if new and isinstance(outcome, MarkView):
        return answer | {"state": "saved", "message": ""} | _stored(new.cell, outcome)
    assert isinstance(outcome, AppError)
    state = "conflict" if isinstance(outcome, Conflict) else "invalid"
    told = answer | {"state": state, "message": outcome.message}
    return told | _stored(new.cell, outcome.there) if new and isinstance(outcome, Overtaken) else told


def _stored(cell: Cell, mark: MarkView) -> dict[str, Any]:
    return {"value": vn_mark(mark.value), "version": mark.revision, "note": entry_note(cell, mark.value)}
