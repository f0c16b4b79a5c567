"""One page about a pupil's coming and going, and the deeds on it."""

import uuid
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core import clock
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    page,
    redirect,
    transaction,
    without_transaction,
)
from backend.records.movements import rules, service
from backend.records.roster.schemas import LEAVING, STATUS_NAMES, ClassId
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_PAGE = "/hoc-sinh/{student_id:uuid}/den-di"
_WRITES = requires(Permission.PUPILS_WRITE)


class MoveForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is typed on the page; `o_lop` is the class in which the writer saw the pupil, "" in none."""

    o_lop: str = ""
    lop: str = ""
    ngay: str = ""
    truong_cu: str = ""
    so_dang_bo: str = ""
    trang_thai: str = ""
    ly_do: str = ""


class EarlierYearForm(msgspec.Struct, frozen=True, kw_only=True):
    """A year at another school, as it is typed."""

    nam_hoc: str = ""
    khoi: str = ""
    lop: str = ""
    ten_truong: str = ""
    so_dang_bo: str = ""
    ngay: str = ""
    ket_qua: str = ""


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is taken back."""

    ly_do: str = ""


Form = MoveForm | EarlierYearForm | ReasonForm


@get(_PAGE, guards=[_WRITES])
async def show_movements(
    request: Request, session: Session, actor: CurrentActor, student_id: FromPath[uuid.UUID]
) -> Html:
    """Where a pupil stands, and what may happen next."""
    return await _page(request, session, actor, student_id)


@post(f"{_PAGE}/xep-lop", guards=[_WRITES, without_transaction])
async def place(
    request: Request, actor: CurrentActor, student_id: FromPath[uuid.UUID], data: URLEncodedBody[MoveForm]
) -> Html:
    """Give a pupil who has none a place in a class."""

    async def deed(session: TenantSession) -> str:
        moved = await service.place(session, actor, student_id, _class_id(data.lop), _typed(data))
        return f"Đã xếp vào lớp {moved.class_name}. {rules.said_of(moved)}".strip()

    return await _answer(request, actor, student_id, data, deed)


@post(f"{_PAGE}/chuyen-lop", guards=[_WRITES, without_transaction])
async def change_class(
    request: Request, actor: CurrentActor, student_id: FromPath[uuid.UUID], data: URLEncodedBody[MoveForm]
) -> Html:
    """Move a pupil to another class of the year, with the marks."""

    async def deed(session: TenantSession) -> str:
        moved = await service.change_class(
            session, actor, student_id, data.o_lop, _class_id(data.lop), _typed(data)
        )
        done = f"Đã chuyển sang lớp {moved.class_name}, mang theo {moved.marks} ô điểm."
        return f"{done} {rules.said_of(moved)}".strip()

    return await _answer(request, actor, student_id, data, deed)


@post(f"{_PAGE}/roi-truong", guards=[_WRITES, without_transaction])
async def leave(
    request: Request, actor: CurrentActor, student_id: FromPath[uuid.UUID], data: URLEncodedBody[MoveForm]
) -> Html:
    """Write down that a pupil has left."""

    async def deed(session: TenantSession) -> str:
        status = await service.leave(session, actor, student_id, data.o_lop, _typed(data))
        return f"Đã ghi: {STATUS_NAMES[status]}. Điểm và học bạ đã có vẫn được giữ."

    return await _answer(request, actor, student_id, data, deed)


@post(f"{_PAGE}/nam-hoc-cu", guards=[_WRITES, without_transaction])
async def enter_earlier_year(
    request: Request,
    actor: CurrentActor,
    student_id: FromPath[uuid.UUID],
    data: URLEncodedBody[EarlierYearForm],
) -> Html:
    """Copy a year from the học bạ that the pupil brought."""

    async def deed(session: TenantSession) -> str:
        name = await service.enter_earlier_year(session, actor, student_id, _typed(data))
        return f"Đã ghi năm học {name} ở trường cũ; học bạ sẽ in năm này trong quá trình học tập."

    return await _answer(request, actor, student_id, data, deed)


@post(f"{_PAGE}/nam-hoc-cu/{{year_id:uuid}}/rut-lai", guards=[_WRITES, without_transaction])
async def withdraw_earlier_year(
    request: Request,
    actor: CurrentActor,
    student_id: FromPath[uuid.UUID],
    year_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """Take back a year that was copied wrongly."""

    async def deed(session: TenantSession) -> str:
        name = await service.withdraw_earlier_year(session, actor, student_id, year_id, data.ly_do)
        return f"Đã rút lại năm học {name}."

    return await _answer(request, actor, student_id, data, deed)


async def _answer(
    request: Request,
    actor: CurrentActor,
    student_id: uuid.UUID,
    typed: Form,
    deed: Callable[[TenantSession], Awaitable[str]],
) -> Html:
    """Do it and say so on the pupil's record; or show the page again as it is now, with one sentence."""
    try:
        async with transaction(request) as session:
            said = await deed(session)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _page(request, session, actor, student_id, typed, error)
    return redirect(request, f"/hoc-sinh/{student_id}", said)


async def _page(
    request: Request,
    session: TenantSession,
    actor: CurrentActor,
    student_id: uuid.UUID,
    typed: Form | None = None,
    error: AppError | None = None,
) -> Html:
    return page(
        request,
        "records/movements/movements.html",
        status_code=error.status if error else 200,
        view=await service.open_movements(session, actor, student_id),
        typed=_typed(typed if isinstance(typed, MoveForm) else MoveForm()),
        old=_typed(typed if isinstance(typed, EarlierYearForm) else EarlierYearForm()),
        today=clock.today().isoformat(),
        statuses=[("", "Chọn một"), *((one.value, STATUS_NAMES[one]) for one in LEAVING)],
        names=STATUS_NAMES,
        error=error.message if error else None,
    )


def _typed(form: Form) -> Mapping[str, str]:
    return msgspec.structs.asdict(form)


def _class_id(text: str) -> ClassId:
    """The class that a form names. Raises Invalid."""
    try:
        return ClassId(uuid.UUID(text))
    except ValueError:
        raise Invalid("Chưa chọn lớp; xin chọn một lớp trong danh sách.") from None
