"""The stages of a class, a grade or the school on one page, live, each with its check list and its one button."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromQuery, URLEncodedBody

from backend.core.web import CurrentActor, Html, Request, Session, fragment, is_htmx, page, redirect
from backend.integrations.stages import service
from backend.integrations.stages.schemas import STAGE_NAMES, Stage
from backend.records.freezes.schemas import Scope
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_PAGE = "/theo-chang"


class StageForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which stage, of which grade (0 for all) or class."""

    chang: Stage
    khoi: int = 0
    lop: uuid.UUID | None = None
    csrf_token: str = ""


@get(_PAGE, guards=[requires(Permission.DELIVERY_READ)])
async def show_stages(
    request: Request,
    session: Session,
    actor: CurrentActor,
    khoi: FromQuery[int] = 0,
    lop: FromQuery[uuid.UUID | None] = None,
) -> Html:
    """How far each stage is; htmx asks for the part that moves."""
    scope = Scope(grade=khoi or None, class_id=lop)
    found, query = await service.look(session, actor, scope), _query(scope)
    if is_htmx(request):
        return fragment(request, "integrations/stages/_stages.html", found=found, query=query)
    return page(request, "integrations/stages/stages.html", found=found, query=query)


@post(_PAGE, guards=[requires(Permission.WORK_RESUME, Permission.DELIVERY_RETRY)])
async def press_on(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[StageForm]
) -> Html:
    """Have one stage done for all that is ready for it."""
    scope = Scope(grade=data.khoi or None, class_id=data.lop)
    name, begun = await service.press_on(session, actor, data.chang, scope)
    said = (
        f"{STAGE_NAMES[data.chang]}, {name}: hệ thống đang làm {begun} học bạ."
        if begun
        else f"{STAGE_NAMES[data.chang]}, {name}: mọi học bạ đến lượt đều đang được làm hoặc đã xong."
    )
    return redirect(request, _PAGE + _query(scope), said)


def _query(scope: Scope) -> str:
    """The scope as it stands behind the address of this page, and behind that of the freeze."""
    if scope.class_id:
        return f"?lop={scope.class_id}"
    return f"?khoi={scope.grade}" if scope.grade else ""
