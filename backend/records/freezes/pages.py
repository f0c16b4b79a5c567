"""Freezing a grade or the whole school: the check list before, and how far it is."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict
from backend.core.web import CurrentActor, Html, Request, Session, fragment, is_htmx, page, redirect
from backend.records.freezes import service
from backend.records.freezes.schemas import Scope
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_PAGE = "/chot-hoc-ba"
_FREEZES = requires(Permission.TRANSCRIPT_FREEZE)


class StartForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which grade, 0 for all, or which class."""

    khoi: int = 0
    lop: uuid.UUID | None = None
    csrf_token: str = ""


@get(_PAGE, guards=[_FREEZES])
async def show_check_list(
    request: Request, session: Session, khoi: FromQuery[int] = 0, lop: FromQuery[uuid.UUID | None] = None
) -> Html:
    """What is missing before the school, a grade or a class is frozen; and earlier runs."""
    return await _show(request, session, Scope(grade=khoi or None, class_id=lop))


@post(_PAGE, guards=[_FREEZES])
async def start(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[StartForm]
) -> Html:
    """Freeze every class that is ready; or the check list again with one sentence."""
    scope = Scope(grade=data.khoi or None, class_id=data.lop)
    try:
        run_id = await service.start(session, actor, scope)
    except Conflict as error:
        return await _show(request, session, scope, error)
    return redirect(request, f"{_PAGE}/{run_id}")


@get(f"{_PAGE}/{{run_id:uuid}}", guards=[_FREEZES])
async def show_run(request: Request, session: Session, run_id: FromPath[uuid.UUID]) -> Html:
    """How far a run is, live: htmx asks for the part that moves."""
    run = await service.get_run(session, run_id)
    if is_htmx(request):
        return fragment(request, "records/freezes/_run.html", run=run)
    return page(request, "records/freezes/run.html", run=run)


async def _show(
    request: Request, session: TenantSession, scope: Scope, error: AppError | None = None
) -> Html:
    return page(
        request,
        "records/freezes/check_list.html",
        status_code=error.status if error else 200,
        check=await service.check_list(session, scope),
        runs=await service.newest_runs(session),
        error=error.message if error else None,
    )
