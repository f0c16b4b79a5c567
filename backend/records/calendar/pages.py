"""The calendar of one school year."""

import uuid
from datetime import date

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.database import TenantSession
from backend.core.errors import AppError, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.calendar import service
from backend.records.calendar.schemas import STEP_NAMES, Step
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_MANAGERS = requires(Permission.SCHOOL_MANAGE)
_PAGE = "/truong/nam-hoc/{year_id:uuid}"


class CalendarForm(msgspec.Struct, frozen=True, kw_only=True):
    """The days of a year; the fields of steps are named after them."""

    het_hoc_ky_1: str = ""
    vao_hoc_ky_2: str = ""
    submitted: str = ""
    locked: str = ""
    confirmed: str = ""
    frozen: str = ""
    issued: str = ""
    reported: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[_MANAGERS])
async def show_calendar(request: Request, session: Session, year_id: FromPath[uuid.UUID]) -> Html:
    """The terms and last days of a year; what the plan of the province suggests, while the school has set none."""
    year = await service.get_year(session, year_id)
    calendar = year.calendar
    days = calendar.last_days if calendar else await service.proposed(session, year)
    form = CalendarForm(
        het_hoc_ky_1=_typed(calendar.term_1_ends_on if calendar else None),
        vao_hoc_ky_2=_typed(calendar.term_2_starts_on if calendar else None),
        **{step.value: _typed(days.get(step)) for step in Step},
    )
    return await _show(request, session, year_id, form)


@post(_PAGE, guards=[_MANAGERS])
async def change_calendar(
    request: Request,
    session: Session,
    actor: CurrentActor,
    year_id: FromPath[uuid.UUID],
    data: URLEncodedBody[CalendarForm],
) -> Html:
    """Save it, or show the form again with one sentence."""
    typed = {step: getattr(data, step.value) for step in Step}
    try:
        year = await service.change(session, actor, year_id, data.het_hoc_ky_1, data.vao_hoc_ky_2, typed)
    except Invalid as error:
        return await _show(request, session, year_id, data, error)
    return redirect(
        request, "/truong/nam-hoc", f"Đã lưu lịch năm học {year.name}; trang chủ nhắc khi gần đến hạn."
    )


async def _show(
    request: Request,
    session: TenantSession,
    year_id: uuid.UUID,
    data: CalendarForm,
    error: AppError | None = None,
) -> Html:
    year = await service.get_year(session, year_id)
    return page(
        request,
        "records/calendar/calendar.html",
        status_code=error.status if error else 200,
        year=year,
        plans=await service.plan_lines(session, year),
        form_data=data,
        steps=[(step.value, name, getattr(data, step.value)) for step, name in STEP_NAMES.items()],
        error=error.message if error else None,
    )


def _typed(day: date | None) -> str:
    return day.isoformat() if day else ""
