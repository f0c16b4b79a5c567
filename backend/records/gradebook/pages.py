"""Sheets of a class, one sheet with its cells and its life, and what waits for a head of department."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, URLEncodedBody

from backend.core import clock
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.templates import vn_datetime, vn_mark
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.gradebook import life, rules, service
from backend.records.gradebook.schemas import (
    CARRY,
    MAX_CELLS,
    MAX_HOURS,
    Cell,
    Deed,
    MarkKind,
    MarkView,
    NewMark,
    Overtaken,
    SheetId,
    SheetState,
    SheetSummary,
    SheetView,
    StepView,
)
from backend.records.roster import service as roster
from backend.records.roster.curriculum import subjects_of
from backend.records.roster.schemas import HOMEROOM, ClassSummary, StudentId
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_PRIMARY_NOTES = {
    MarkKind.LEVEL: "Mức đạt được: T Hoàn thành tốt, H Hoàn thành, C Chưa hoàn thành (TT27 Đ.7).",
    MarkKind.TEST: "KTĐK: điểm kiểm tra định kì cuối năm, số nguyên; KT lại: điểm kiểm tra lại, nếu có.",
    MarkKind.TRAIT: "Phẩm chất, năng lực: T Tốt, Đ Đạt, C Cần cố gắng (TT27 Đ.7).",
}
#: What the short words of the columns mean, by the first column that has them.
COLUMN_NOTES = _PRIMARY_NOTES | {
    MarkKind.REGULAR: "ĐĐGtx, ĐĐGgk, ĐĐGck: điểm đánh giá thường xuyên, giữa kì, cuối kì (TT22 Đ.6, Đ.7). "
    "Môn chỉ nhận xét ghi Đ (Đạt) hoặc CĐ (Chưa đạt).",
    MarkKind.TOPIC: "Chuyên đề: kết quả của cụm chuyên đề, tính như một ĐĐGtx; nếu ghi ở cả hai học kì thì lấy học kì 2.",
    MarkKind.CONDUCT: "Rèn luyện: T Tốt, K Khá, Đ Đạt, CĐ Chưa đạt (TT22 Đ.8).",
    MarkKind.ABSENCE: "Nghỉ học: số buổi trong cả năm.",
}

#: How a sheet stands, for people: words, tone, icon.
STATES = {
    SheetState.OPEN: ("Đang mở", "info", "lock-open"),
    SheetState.SUBMITTED: ("Đã nộp", "waiting", "send"),
    SheetState.CHECKED: ("Đã kiểm tra", "waiting", "check"),
    SheetState.LOCKED: ("Đã khóa", "ok", "lock"),
    SheetState.REOPENED: ("Đang mở lại", "warn", "lock-open"),
    SheetState.FINAL: ("Đã chốt", "official", "archive"),
}
#: What was done to a sheet, for people; with the icon beside it.
DEEDS = {
    Deed.SUBMIT: ("Nộp sổ", "send"),
    Deed.WITHDRAW: ("Rút sổ về", "arrow-back-up"),
    Deed.CHECK: ("Tổ trưởng đã kiểm tra", "check"),
    Deed.SEND_BACK: ("Trả lại sổ", "arrow-back-up"),
    Deed.LOCK: ("Khóa sổ", "lock"),
    Deed.REOPEN: ("Mở lại sổ", "lock-open"),
    Deed.LOCK_AGAIN: ("Khóa lại sổ", "lock"),
    Deed.FINISH: ("Học bạ của lớp đã chốt", "archive"),
    CARRY: ("Nhận điểm của học sinh chuyển lớp", "arrow-right"),
}
_WAITING = "/duyet-so"
_WRITES = requires(Permission.SHEET_WRITE)
_CHECKS = requires(Permission.SHEET_CHECK)
_LOCKS = requires(Permission.SHEET_LOCK_ANY)
_REOPENS = requires(Permission.SHEET_REOPEN)
#: Of instants that a page may ask about: nothing was written here before.
FIRST_YEAR = 2000
_KINDS = {kind.value: kind for kind in MarkKind}
_NO_COLUMN = "Sổ này không có cột đó; hãy tải lại trang."


class CellInput(msgspec.Struct, frozen=True):
    """One cell as `grade_sheet.js` sends it; `column` is "kind:slot", `version` the revision that was shown."""

    student: uuid.UUID
    column: str
    value: str
    version: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


class CellsInput(msgspec.Struct, frozen=True):
    """Cells that were changed together."""

    cells: list[CellInput]


class SeenForm(msgspec.Struct, frozen=True, kw_only=True):
    """`den`: the newest hand-in that the page showed; what was handed in later was not looked at."""

    den: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    csrf_token: str = ""


class RemarkForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a sheet is sent back."""

    loi: str = ""
    csrf_token: str = ""


class ReopeningForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a locked sheet is opened again, and for how many hours."""

    ly_do: str = ""
    so_gio: str = "24"
    csrf_token: str = ""


@get("/lop/{class_id:uuid}/so-diem", guards=[requires(Permission.SHEET_READ)])
async def show_sheets(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """The sheets of a class and how far each is."""
    school_class = await roster.get_class(session, class_id)
    sheets = _in_form_order(await service.list_sheets(session, class_id), school_class.grade_level)
    deeds = await life.deeds_of(session, actor, sheets)
    return page(
        request,
        "records/gradebook/sheets.html",
        school_class=school_class,
        readable=await service.readable(session, actor, sheets),
        own=[sheet for sheet in sheets if actor.staff_id and sheet.teacher_id == actor.staff_id],
        others=[sheet for sheet in sheets if not actor.staff_id or sheet.teacher_id != actor.staff_id],
        teachers=await _teachers(session, school_class),
        states=STATES,
        to_submit=[one for one in sheets if Deed.SUBMIT in deeds[one.id]],
        to_check=[one for one in sheets if Deed.CHECK in deeds[one.id]],
        to_lock=[one for one in sheets if Deed.LOCK in deeds[one.id]],
    )


@post("/lop/{class_id:uuid}/nop-so", guards=[_WRITES])
async def submit_class(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """Hand in every open sheet of the class that this person is in charge of."""
    count = await life.submit_class(session, actor, class_id)
    none = "Không còn sổ nào của lớp này để bạn nộp."
    return _counted(request, f"/lop/{class_id}/so-diem", count, "Đã nộp", none)


@post("/lop/{class_id:uuid}/duyet-so", guards=[_CHECKS])
async def check_class(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    data: URLEncodedBody[SeenForm],
) -> Html:
    """All sheets of the class that the page showed as waiting for this head of department are checked."""
    count = await life.check_class(session, actor, class_id, data.den)
    none = "Lớp này không có sổ nào chờ bạn kiểm tra."
    return _counted(request, f"/lop/{class_id}/so-diem", count, "Đã xác nhận kiểm tra", none)


@post("/lop/{class_id:uuid}/khoa-so", guards=[_LOCKS])
async def lock_class(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    data: URLEncodedBody[SeenForm],
) -> Html:
    """Lock every sheet of the class that the page showed to have come so far."""
    count = await life.lock_class(session, actor, class_id, data.den)
    none = "Không có sổ nào của lớp này đã sẵn sàng để khóa."
    return _counted(request, f"/lop/{class_id}/so-diem", count, "Đã khóa", none)


@get(_WAITING, guards=[_CHECKS])
async def show_waiting(request: Request, session: Session, actor: CurrentActor) -> Html:
    """The sheets that wait for this head of department, oldest first, with what is worth a look."""
    waiting, count = await life.waiting_sheets(session, actor)
    return page(request, "records/gradebook/waiting.html", waiting=waiting, count=count)


@post(_WAITING, guards=[_CHECKS])
async def check_all(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[SeenForm]
) -> Html:
    """All sheets that the page showed are checked."""
    count = await life.check_all(session, actor, data.den)
    none = "Không còn sổ nào chờ bạn kiểm tra."
    return _counted(request, _WAITING, count, "Đã xác nhận kiểm tra", none)


@get("/so-diem/{sheet_id:uuid}", guards=[requires(Permission.SHEET_READ)])
async def show_sheet(
    request: Request, session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID]
) -> Html:
    """One sheet, editable by whoever is in charge of it."""
    return await _sheet(request, session, actor, sheet_id)


async def _sheet(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: uuid.UUID,
    remark: str = "",
    error: AppError | None = None,
) -> Html:
    sheet = await service.get_sheet(session, actor, sheet_id)
    school_class = await roster.get_class(session, sheet.summary.class_id)
    return page(
        request,
        "records/gradebook/sheet.html",
        status_code=error.status if error else 200,
        sheet=sheet,
        remark=remark,
        error=error.message if error else None,
        school_class=school_class,
        teacher=(await _teachers(session, school_class)).get(sheet.summary.subject_code),
        notes=_notes(sheet),
        states=STATES,
        steps=[_shown(step) for step in sheet.steps],
        closed="" if sheet.is_open else rules.why_closed(sheet.summary.state, sheet.deeds),
    )


@get("/so-diem/{sheet_id:uuid}/o", guards=[requires(Permission.SHEET_READ)])
async def show_new_cells(
    session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID], sau: FromQuery[datetime]
) -> Response[dict[str, Any]]:
    """Cells that were written after `sau`, for a page that is open: as `grade_sheet.js` reads them."""
    if sau.tzinfo is None or sau.year < FIRST_YEAR or sau > clock.now() + timedelta(days=1):
        raise Invalid("Thời điểm cần so phải có múi giờ và không quá xa; xin tải lại trang.")
    new = await service.new_in_sheet(session, actor, sheet_id, sau)
    cells = [
        {
            "student": str(one.student_id),
            "column": f"{one.cell.kind}:{one.cell.slot}",
            "value": vn_mark(one.mark.value),
            "version": one.mark.revision,
            "message": f"{one.writer or 'Tệp nhập'} ghi lúc {vn_datetime(one.mark.changed_at)}",
        }
        for one in new.marks
    ]
    return Response({"now": new.read_at.isoformat(), "open": new.is_open, "cells": cells})


@post("/so-diem/{sheet_id:uuid}/o", guards=[requires(Permission.SHEET_WRITE)], status_code=200)
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
    told = iter(await service.set_marks(session, actor, SheetId(sheet_id), [one for one in wanted if one]))
    answers = [
        _answer(cell, next(told) if one else Invalid(_NO_COLUMN))
        for cell, one in zip(data.cells, wanted, strict=True)
    ]
    return Response({"cells": answers})


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
        return await _sheet(request, session, actor, sheet_id, data.loi, error)
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
    sheet = await service.get_sheet(session, actor, sheet_id)
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


def _counted(request: Request, back: str, count: int, deed: str, none: str) -> Html:
    """Back to where many sheets were moved on at once, with how many were, or why none."""
    return redirect(request, back, f"{deed} {count} sổ điểm." if count else none, "ok" if count else "info")


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


def _in_form_order(sheets: Iterable[SheetSummary], grade_level: int) -> list[SheetSummary]:
    """Subjects as the học bạ prints them, then the school's own; the homeroom sheet last."""
    order = {subject.code: place for place, subject in enumerate(subjects_of(grade_level))}
    order[HOMEROOM] = len(order) + 1

    def place_of(sheet: SheetSummary) -> tuple[int, str, int]:
        return order.get(sheet.subject_code, len(order) - 1), sheet.subject_code, sheet.term

    return sorted(sheets, key=place_of)


async def _teachers(session: Session, school_class: ClassSummary) -> dict[str, str | None]:
    assigned = await roster.list_assignments(session, school_class.id)
    homeroom = school_class.homeroom_teacher
    return {one.subject_code: one.teacher or homeroom for one in assigned} | {HOMEROOM: homeroom}


def _notes(sheet: SheetView) -> list[str]:
    kinds = dict.fromkeys(column.cell.kind for column in sheet.columns)
    return [COLUMN_NOTES[kind] for kind in kinds if kind in COLUMN_NOTES]


def _wanted(sheet_id: SheetId, cell: CellInput) -> tuple[NewMark, int] | None:
    """What a cell asks for, with the revision that was shown; None when no sheet has such a column."""
    kind, _, slot = cell.column.partition(":")
    if kind not in _KINDS:
        return None
    place, student_id = Cell(_KINDS[kind], slot), StudentId(cell.student)
    return NewMark(sheet_id=sheet_id, student_id=student_id, cell=place, value=cell.value), cell.version


def _answer(cell: CellInput, outcome: MarkView | AppError) -> dict[str, Any]:
    """Value and version are those of what is stored; a refusal that has not looked at it carries none."""
    answer = {"student": str(cell.student), "column": cell.column}
    if isinstance(outcome, MarkView):
        return answer | {"state": "saved", "message": ""} | _stored(outcome)
    state = "conflict" if isinstance(outcome, Conflict) else "invalid"
    told = answer | {"state": state, "message": outcome.message}
    return told | _stored(outcome.there) if isinstance(outcome, Overtaken) else told


def _stored(mark: MarkView) -> dict[str, Any]:
    return {"value": vn_mark(mark.value), "version": mark.revision}
