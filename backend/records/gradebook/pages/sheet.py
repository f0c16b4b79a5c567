"""One sheet: its marks, its life, and opening it again."""

import uuid
from collections.abc import Iterable

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.errors import AppError, Conflict, Invalid
from backend.core.templates import vn_datetime, vn_mark
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.gradebook import editing, layout, life, life_rules, one_sheet
from backend.records.gradebook.schemas import (
    MAX_HOURS,
    SHEET_STATES,
    Cell,
    Column,
    Deed,
    Point,
    SeenForm,
    SheetRow,
    SheetView,
    StepView,
)
from backend.records.gradebook.wording import COLUMN_NOTES, DEEDS, absences_in, entry_note
from backend.records.phrases import service as phrases
from backend.records.phrases.schemas import Phrase
from backend.records.roster import service as roster
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_WAITING = "/duyet-so"
_WRITES = requires(Permission.SHEET_WRITE)
_CHECKS = requires(Permission.SHEET_CHECK)
_LOCKS = requires(Permission.SHEET_LOCK_ANY)
_REOPENS = requires(Permission.SHEET_REOPEN)


class RemarkForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a sheet is sent back."""

    loi: str = ""
    csrf_token: str = ""


class ReopeningForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a locked sheet is opened again, and for how many hours."""

    ly_do: str = ""
    so_gio: str = "24"
    csrf_token: str = ""


@get("/so-diem/{sheet_id:uuid}", guards=[requires(Permission.SHEET_READ)])
async def show_sheet(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: FromPath[uuid.UUID],
    moc: FromQuery[str] = "",
) -> Html:
    """One sheet, editable by whoever is in charge of it; of a primary sheet one point (`moc`) of the year."""
    return await _sheet(request, session, actor, sheet_id, moc)


async def _sheet(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: uuid.UUID,
    moc: str = "",
    remark: str = "",
    error: AppError | None = None,
) -> Html:
    sheet = await editing.get_sheet(session, actor, sheet_id)
    school_class = await roster.get_class(session, sheet.summary.class_id)
    point = layout.chosen_point(sheet.columns, moc)
    columns = [one for one in sheet.columns if point is None or one.point is point]
    return page(
        request,
        "records/gradebook/sheet.html",
        status_code=error.status if error else 200,
        sheet=sheet,
        columns=columns,
        lines=_lines(sheet, columns) if sheet.may_write else [],
        points=_points(sheet, point),
        absences=absences_in(columns),
        entry_note=entry_note,
        phrases=await _phrases(session, actor, sheet, school_class.grade_level, columns),
        remark=remark,
        error=error.message if error else None,
        school_class=school_class,
        teacher=(await one_sheet.teachers(session, school_class)).get(sheet.summary.subject_code),
        notes=_notes(columns),
        states=SHEET_STATES,
        steps=[_shown(step) for step in sheet.steps],
        closed="" if sheet.is_open else life_rules.why_closed(sheet.summary.state, sheet.deeds),
    )


@post("/so-diem/{sheet_id:uuid}/nop", guards=[_WRITES])
async def submit_sheet(
    request: Request, session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID]
) -> Html:
    """Hand one sheet in."""
    await life.submit(session, actor, sheet_id)
    return redirect(request, f"/so-diem/{sheet_id}", "Đã nộp sổ điểm.")


@post("/so-diem/{sheet_id:uuid}/rut", guards=[_WRITES])
async def withdraw_sheet(
    request: Request, session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID]
) -> Html:
    """Take one sheet back before it is checked."""
    await life.withdraw(session, actor, sheet_id)
    return redirect(request, f"/so-diem/{sheet_id}", "Đã rút sổ về; bạn sửa được điểm.")


@post("/so-diem/{sheet_id:uuid}/kiem-tra", guards=[_CHECKS])
async def check_sheet(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: FromPath[uuid.UUID],
    data: URLEncodedBody[SeenForm],
) -> Html:
    """One sheet is checked."""
    await life.check(session, actor, sheet_id, data.den)
    return redirect(request, _WAITING, "Đã xác nhận kiểm tra sổ điểm.")


@post(
    "/so-diem/{sheet_id:uuid}/tra-lai", guards=[requires(Permission.SHEET_CHECK, Permission.SHEET_LOCK_ANY)]
)
async def send_back(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: FromPath[uuid.UUID],
    data: URLEncodedBody[RemarkForm],
) -> Html:
    """One sheet goes back to its teacher, with a remark; or the sheet with what was typed and one sentence."""
    try:
        await life.send_back(session, actor, sheet_id, data.loi)
    except Invalid as error:
        return await _sheet(request, session, actor, sheet_id, remark=data.loi, error=error)
    back = _WAITING if actor.may(Permission.SHEET_CHECK) else f"/so-diem/{sheet_id}"
    return redirect(request, back, "Đã trả lại sổ cho giáo viên.")


@post("/so-diem/{sheet_id:uuid}/khoa", guards=[_LOCKS])
async def lock_sheet(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: FromPath[uuid.UUID],
    data: URLEncodedBody[SeenForm],
) -> Html:
    """Lock one sheet."""
    await life.lock(session, actor, sheet_id, data.den)
    return redirect(request, f"/so-diem/{sheet_id}", "Đã khóa sổ điểm.")


@get("/so-diem/{sheet_id:uuid}/mo-lai", guards=[_REOPENS, step_up()])
async def show_reopening(
    request: Request, session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID]
) -> Html:
    """Why, and for how long, a locked sheet is to be opened again."""
    return await _reopening(request, session, actor, sheet_id, ReopeningForm())


@post("/so-diem/{sheet_id:uuid}/mo-lai", guards=[_REOPENS, step_up("/so-diem/{sheet_id}/mo-lai")])
async def reopen_sheet(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReopeningForm],
) -> Html:
    """Open a locked sheet again; or the form again with one sentence."""
    try:
        await life.reopen(session, actor, sheet_id, data.ly_do, data.so_gio)
    except (Invalid, Conflict) as error:
        return await _reopening(request, session, actor, sheet_id, data, error)
    return redirect(
        request, f"/so-diem/{sheet_id}", "Đã mở lại sổ điểm; kết quả của lớp phải được xác nhận lại.", "info"
    )


@post(
    "/so-diem/{sheet_id:uuid}/khoa-lai", guards=[requires(Permission.SHEET_WRITE, Permission.SHEET_LOCK_ANY)]
)
async def lock_again(
    request: Request, session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID]
) -> Html:
    """Close a reopened sheet before its time."""
    await life.lock_again(session, actor, sheet_id)
    return redirect(request, f"/so-diem/{sheet_id}", "Đã khóa lại sổ điểm.")


async def _reopening(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: uuid.UUID,
    form: ReopeningForm,
    error: AppError | None = None,
) -> Html:
    sheet = await editing.get_sheet(session, actor, sheet_id)
    return page(
        request,
        "records/gradebook/reopening.html",
        status_code=error.status if error else 200,
        sheet=sheet,
        school_class=await roster.get_class(session, sheet.summary.class_id),
        form_values=form,
        max_hours=MAX_HOURS,
        error=error.message if error else "",
    )


def _shown(step: StepView) -> dict[str, str | None]:
    title, icon = DEEDS[step.deed]
    until = f", mở đến {vn_datetime(step.open_until)}" if step.open_until else ""
    return {
        "title": title,
        "icon": icon,
        "time": vn_datetime(step.at),
        "who": step.who or "Hệ thống",
        "text": f"“{step.words}”{until}" if step.words else None,
        "tone": "official" if step.deed is Deed.FINISH else "neutral",
    }


def _lines(sheet: SheetView, columns: list[Column]) -> list[tuple[SheetRow, list[tuple[object, ...]]]]:
    """What `mark_cells` draws of each pupil. A sheet has hundreds of cells: what a column knows is worked out once."""
    heads = [
        (
            one.cell,
            f"{one.cell.kind}:{one.cell.slot}",
            one.label,
            "text" if one.wide else "letters" if one.letters else "mark",
            one.cell.kind not in sheet.writes,
        )
        for one in columns
    ]
    return [(row, [_cell(row, *head) for head in heads]) for row in sheet.rows]


def _cell(
    row: SheetRow, cell: Cell, column: str, label: str, kind: str, is_closed: bool
) -> tuple[object, ...]:
    mark = row.marks.get(cell)
    value, revision, note = "", 0, ""
    if mark:
        value, revision, note = vn_mark(mark.value), mark.revision, entry_note(cell, mark.value)
    named = f"{row.full_name}, {label}"
    return column, value, revision, named, kind, row.exempt or is_closed, None, note


def _points(sheet: SheetView, shown: Point | None) -> list[tuple[str, str, bool]]:
    """The points of a primary sheet as tabs; none where a sheet has no points."""
    if shown is None:
        return []
    base = f"/so-diem/{sheet.summary.id}"
    return [
        (name[0].upper() + name[1:], f"{base}?moc={point.value}", point is shown)
        for point, name in layout.POINT_NAMES.items()
    ]


async def _phrases(
    session: Session, actor: CurrentActor, sheet: SheetView, grade_level: int, columns: Iterable[Column]
) -> list[Phrase]:
    """What may be put into a comment of the sheet; nothing where the person writes none."""
    if not any(one.wide and one.cell.kind in sheet.writes for one in columns):
        return []
    return await phrases.phrases_for(session, actor, sheet.summary.subject_code, grade_level)


def _notes(columns: Iterable[Column]) -> list[str]:
    kinds = dict.fromkeys(column.cell.kind for column in columns)
    return [COLUMN_NOTES[kind] for kind in kinds if kind in COLUMN_NOTES]
