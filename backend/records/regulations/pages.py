"""How the school reads what the circulars of assessment leave open, one school year at a time."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromQuery, URLEncodedBody

from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.regulations import rules, service
from backend.records.roster import service as roster
from backend.tenants.guards import requires
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission
from backend.tenants.schools import service as schools

_PAGE = "/truong/danh-gia"


class RegulationsForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided for the year `nam`; the settings are named after their fields, `lan` is the revision shown."""

    nam: uuid.UUID
    lan: int = 0
    adjustment: str = ""
    optional_subjects_count: str = ""
    topic_is_extra_mark: str = ""
    better_of_reassessment: str = ""
    both_failed_may_recover: str = ""
    primary_zero_allowed: str = ""
    can_cu: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[requires(Permission.SCHOOL_MANAGE)])
async def show_regulations(
    request: Request, session: Session, actor: CurrentActor, nam: FromQuery[uuid.UUID | None] = None
) -> Html:
    """What holds in a school year, the newest where none is asked for, with every decision before it."""
    return await _show(request, session, actor, nam)


@post(_PAGE, guards=[requires(Permission.REGULATIONS_MANAGE)])
async def change_regulations(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[RegulationsForm]
) -> Html:
    """Decide, or show the form again with one sentence."""
    typed = {choice.field: getattr(data, choice.field) for choice in rules.CHOICES}
    try:
        classes = await service.change(session, actor, data.nam, typed, data.can_cu, seen=data.lan)
    except (Invalid, Conflict) as error:
        return await _show(request, session, actor, data.nam, data, error)
    return redirect(
        request,
        f"{_PAGE}?nam={data.nam}",
        f"Đã lưu quy định đánh giá; kết quả chưa xác nhận của {classes} lớp đang được tính lại.",
    )


async def _show(
    request: Request,
    session: TenantSession,
    actor: CurrentActor,
    year_id: uuid.UUID | None,
    data: RegulationsForm | None = None,
    error: AppError | None = None,
) -> Html:
    years = await roster.list_years(session)
    year = await service.year_of(session, year_id) if year_id else (years[0] if years else None)
    held = await service.current(session, year.id) if year else None
    choices = rules.for_levels((await schools.get_school(session)).levels)
    typed = {choice.field: getattr(data, choice.field) for choice in choices} if data else {}
    return page(
        request,
        "records/regulations/regulations.html",
        status_code=error.status if error else 200,
        error=error.message if error else None,
        years=years,
        year=year,
        revision=held.revision if held else 0,
        settings=[
            (choice, chosen, typed.get(choice.field) or chosen, rules.is_safe(choice, chosen))
            for choice in choices
            for chosen in [rules.chosen(held.policy, choice)]
        ]
        if held
        else [],
        ground=data.can_cu if data else "",
        may_change=actor.may(Permission.REGULATIONS_MANAGE),
        versions=await service.history(session, year.id) if year else [],
        names=await people.names(session),
    )
