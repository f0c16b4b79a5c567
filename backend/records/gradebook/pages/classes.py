"""The sheets of a class, and what waits for a head of department."""

import uuid
from collections.abc import Iterable

from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.errors import Forbidden
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.gradebook import editing, life, one_sheet, service
from backend.records.gradebook.schemas import SHEET_STATES, Deed, SeenForm, SheetSummary
from backend.records.roster import service as roster
from backend.records.roster.curriculum import subjects_of
from backend.records.roster.schemas import HOMEROOM
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_WAITING = "/duyet-so"
_WRITES = requires(Permission.SHEET_WRITE)
_CHECKS = requires(Permission.SHEET_CHECK)
_LOCKS = requires(Permission.SHEET_LOCK_ANY)


@get("/lop/{class_id:uuid}/so-diem", guards=[requires(Permission.SHEET_READ)])
async def show_sheets(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """The sheets of a class and how far each is."""
    school_class = await roster.get_class(session, class_id)
    sheets = _in_form_order(await service.list_sheets(session, class_id), school_class.grade_level)
    readable = await editing.readable(session, actor, sheets)
    if sheets and not readable:
        raise Forbidden(f"Bạn không chủ nhiệm, giảng dạy hoặc kiểm tra sổ nào của lớp {school_class.name}.")
    deeds = await life.deeds_of(session, actor, sheets)
    return page(
        request,
        "records/gradebook/sheets.html",
        school_class=school_class,
        readable=readable,
        duty=class_id in await roster.open_to(session, actor, [class_id]),
        own=[sheet for sheet in sheets if actor.staff_id and sheet.teacher_id == actor.staff_id],
        others=[sheet for sheet in sheets if not actor.staff_id or sheet.teacher_id != actor.staff_id],
        teachers=await one_sheet.teachers(session, school_class),
        states=SHEET_STATES,
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


def _counted(request: Request, back: str, count: int, deed: str, none: str) -> Html:
    """Back to where many sheets were moved on at once, with how many were, or why none."""
    return redirect(request, back, f"{deed} {count} sổ điểm." if count else none, "ok" if count else "info")


def _in_form_order(sheets: Iterable[SheetSummary], grade_level: int) -> list[SheetSummary]:
    """Subjects as the học bạ prints them, then the school's own; the homeroom sheet last."""
    order = {subject.code: place for place, subject in enumerate(subjects_of(grade_level))}
    order[HOMEROOM] = len(order) + 1

    def place_of(sheet: SheetSummary) -> tuple[int, str, int]:
        return order.get(sheet.subject_code, len(order) - 1), sheet.subject_code, sheet.term

    return sorted(sheets, key=place_of)
