"""Sheets of a class, one sheet with its cells, and the lock."""

import uuid
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from backend.core.errors import AppError, Conflict, Invalid
from backend.core.templates import vn_mark
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.gradebook import service
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark, SheetId
from backend.records.roster import service as roster
from backend.records.roster.schemas import StudentId
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission


class CellInput(msgspec.Struct, frozen=True):
    """One cell as `grade_sheet.js` sends it; `column` is "kind:slot", `version` the revision that was shown."""

    student: uuid.UUID
    column: str
    value: str
    version: int


class CellsInput(msgspec.Struct, frozen=True):
    """Cells that were changed together."""

    cells: list[CellInput]


@get("/lop/{class_id:uuid}/so-diem", guards=[requires(Permission.SHEET_READ)])
async def show_sheets(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """The sheets of a class and how far each is."""
    sheets = await service.list_sheets(session, class_id)
    may_lock_all = actor.may(Permission.SHEET_LOCK_ANY)
    return page(
        request,
        "records/gradebook/sheets.html",
        school_class=await roster.get_class(session, class_id),
        sheets=sheets,
        may_lock=any(s.state == "open" and (may_lock_all or s.teacher_id == actor.staff_id) for s in sheets),
    )


@post("/lop/{class_id:uuid}/khoa-so", guards=[requires(Permission.SHEET_WRITE, Permission.SHEET_LOCK_ANY)])
async def lock_class(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """Lock every sheet of the class that this person may lock."""
    locked = await service.lock_class(session, actor, class_id)
    message = f"Đã khoá {locked} sổ điểm." if locked else "Không còn sổ nào của lớp này để bạn khoá."
    return redirect(request, f"/lop/{class_id}/so-diem", message, "ok" if locked else "info")


@get("/so-diem/{sheet_id:uuid}", guards=[requires(Permission.SHEET_READ)])
async def show_sheet(
    request: Request, session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID]
) -> Html:
    """One sheet, editable by whoever is in charge of it."""
    sheet = await service.get_sheet(session, actor, sheet_id)
    return page(
        request,
        "records/gradebook/sheet.html",
        sheet=sheet,
        school_class=await roster.get_class(session, sheet.summary.class_id),
    )


@post("/so-diem/{sheet_id:uuid}/o", guards=[requires(Permission.SHEET_WRITE)], status_code=200)
async def save_cells(
    session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID], data: JSONBody[CellsInput]
) -> Response[dict[str, list[dict[str, Any]]]]:
    """Save cells; each has an answer of its own, so one bad value does not lose the others."""
    answers = [await _save(session, actor, SheetId(sheet_id), cell) for cell in data.cells]
    return Response({"cells": answers})


@post("/so-diem/{sheet_id:uuid}/khoa", guards=[requires(Permission.SHEET_WRITE, Permission.SHEET_LOCK_ANY)])
async def lock_sheet(
    request: Request, session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID]
) -> Html:
    """Lock one sheet."""
    await service.lock_sheets(session, actor, [sheet_id])
    return redirect(request, f"/so-diem/{sheet_id}", "Đã khoá sổ điểm.")


async def _save(session: Session, actor: CurrentActor, sheet_id: SheetId, cell: CellInput) -> dict[str, Any]:
    answer: dict[str, Any] = {"student": str(cell.student), "column": cell.column, "message": ""}
    kind, _, slot = cell.column.partition(":")
    try:
        new = NewMark(
            sheet_id=sheet_id,
            student_id=StudentId(cell.student),
            cell=Cell(_kind(kind), slot),
            value=cell.value,
        )
        saved = await service.set_mark(session, actor, new, revision=cell.version)
    except (Invalid, Conflict) as error:
        return answer | _refused(error) | {"value": cell.value, "version": cell.version}
    return answer | {"state": "saved", "value": vn_mark(saved.value), "version": saved.revision}


def _kind(text: str) -> MarkKind:
    try:
        return MarkKind(text)
    except ValueError:
        raise Invalid("Sổ này không có cột đó; hãy tải lại trang.") from None


def _refused(error: AppError) -> dict[str, str]:
    return {"state": "conflict" if isinstance(error, Conflict) else "invalid", "message": error.message}
