"""Opening, renaming and closing a class."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    page,
    redirect,
    several,
    transaction,
    without_transaction,
)
from backend.records.classes import rules, service
from backend.records.roster import service as roster
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_MANAGES = requires(Permission.CLASSES_MANAGE)


class ClassForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new class as typed; one subject comes as a text, several as a list."""

    khoi: int = 0
    ten: str = ""
    mon: list[str] | str = ""


class NameForm(msgspec.Struct, frozen=True, kw_only=True):
    """Another name; `cu` is the one that the writer saw."""

    cu: str = ""
    ten: str = ""


@get("/lop/mo", guards=[_MANAGES])
async def show_new_class(request: Request, session: Session, khoi: FromQuery[int] = 0) -> Html:
    """First the grade, then the name and what there is to choose."""
    return await _new(request, session, ClassForm(khoi=khoi))


@post("/lop/mo", guards=[_MANAGES, without_transaction])
async def open_class(request: Request, actor: CurrentActor, data: URLEncodedBody[ClassForm]) -> Html:
    """Open it, and go on to who teaches there."""
    try:
        async with transaction(request) as session:
            class_id = await service.open_class(session, actor, data.ten, data.khoi, several(data.mon))
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _new(request, session, data, error)
    said = "Đã mở lớp và các sổ điểm. Việc tiếp theo: phân công chủ nhiệm và giáo viên."
    return redirect(request, f"/phan-cong/lop/{class_id}", said)


@get("/lop/{class_id:uuid}/sua", guards=[_MANAGES])
async def show_class_form(request: Request, session: Session, class_id: FromPath[uuid.UUID]) -> Html:
    """The name of a class, and closing it."""
    return await _change(request, session, class_id)


@post("/lop/{class_id:uuid}/sua", guards=[_MANAGES, without_transaction])
async def rename_class(
    request: Request, actor: CurrentActor, class_id: FromPath[uuid.UUID], data: URLEncodedBody[NameForm]
) -> Html:
    """Give it another name."""
    try:
        async with transaction(request) as session:
            name = await service.rename(session, actor, class_id, data.cu, data.ten)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _change(request, session, class_id, data, error)
    return redirect(request, f"/lop/{class_id}", f"Lớp nay tên là {name}.")


@post("/lop/{class_id:uuid}/dong", guards=[_MANAGES, without_transaction])
async def close_class(request: Request, actor: CurrentActor, class_id: FromPath[uuid.UUID]) -> Html:
    """Close it, when nobody is in it."""
    try:
        async with transaction(request) as session:
            name = await service.close(session, actor, class_id)
    except Conflict as error:
        async with transaction(request) as session:
            return await _change(request, session, class_id, None, error)
    return redirect(request, "/lop", f"Đã đóng lớp {name}; sổ điểm của lớp vẫn xem được.")


async def _new(
    request: Request, session: TenantSession, typed: ClassForm, error: AppError | None = None
) -> Html:
    grades = await service.grades(session)
    plan = await service.plan_of_grade(session, typed.khoi) if typed.khoi in grades else None
    return page(
        request,
        "records/classes/new.html",
        status_code=error.status if error else 200,
        grades=grades,
        plan=plan,
        choosable=[(one.code, one.name) for one in rules.choosable(plan)] if plan else [],
        typed=typed,
        chosen=several(typed.mon),
        error=error.message if error else None,
    )


async def _change(
    request: Request,
    session: TenantSession,
    class_id: uuid.UUID,
    typed: NameForm | None = None,
    error: AppError | None = None,
) -> Html:
    found = await roster.get_class(session, class_id)
    return page(
        request,
        "records/classes/change.html",
        status_code=error.status if error else 200,
        school_class=found,
        name=typed.ten if typed else found.name,
        error=error.message if error else None,
    )
