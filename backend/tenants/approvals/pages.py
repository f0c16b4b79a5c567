"""What waits for a second person, and what became of earlier requests."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core import clock
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.rate_limit import TooManyTries
from backend.core.web import (
    CurrentActor,
    CurrentSignIn,
    Html,
    Request,
    Session,
    page,
    redirect,
    transaction,
    without_transaction,
)
from backend.tenants.approvals import rules, service
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_PAGE = "/duyet"
_APPROVERS = requires(Permission.APPROVE)


class DecisionForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request is refused."""

    ly_do: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[_APPROVERS])
async def show_requests(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What waits, and how earlier requests ended."""
    return await _show(request, session, actor)


@post(f"{_PAGE}/{{request_id:uuid}}/dong-y", guards=[_APPROVERS, step_up(_PAGE), without_transaction])
async def approve(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, request_id: FromPath[uuid.UUID]
) -> Html:
    """Have it done. Where the deed is refused, the approval is undone with it, so the page has its own transaction."""
    try:
        async with transaction(request) as session:
            done = await service.approve(session, actor, sign_in, request_id)
    except (Conflict, Invalid, TooManyTries) as error:
        async with transaction(request) as session:
            return await _show(request, session, actor, error)
    return redirect(request, _PAGE, f"Đã duyệt: {done.told}")


@post(f"{_PAGE}/{{request_id:uuid}}/tu-choi", guards=[_APPROVERS, step_up(_PAGE)])
async def refuse(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    request_id: FromPath[uuid.UUID],
    data: URLEncodedBody[DecisionForm],
) -> Html:
    """It is not done, for a reason."""
    try:
        refused = await service.refuse(session, actor, sign_in, request_id, data.ly_do)
    except (Conflict, Invalid) as error:
        return await _show(request, session, actor, error)
    return redirect(
        request, _PAGE, f"Đã từ chối đề nghị “{refused.title}”; {refused.asked_by_name} thấy lý do."
    )


@post(f"{_PAGE}/{{request_id:uuid}}/rut-lai", guards=[_APPROVERS])
async def withdraw(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    request_id: FromPath[uuid.UUID],
) -> Html:
    """Whoever asked does not want it any more."""
    withdrawn = await service.withdraw(session, actor, sign_in, request_id)
    return redirect(request, _PAGE, f"Đã rút lại đề nghị “{withdrawn.title}”.")


async def _show(
    request: Request, session: TenantSession, actor: Actor, error: AppError | None = None
) -> Html:
    now = clock.now()
    everything = await service.list_requests(session)
    waiting = rules.waiting(everything, now)
    return page(
        request,
        "tenants/approvals/requests.html",
        status_code=error.status if error else 200,
        waiting=waiting,
        past=[one for one in everything if one not in waiting],
        others=await service.approvers(session, actor),
        error=error.message if error else None,
    )
