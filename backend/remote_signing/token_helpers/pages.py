"""The seal's USB token in the browser: a code for a computer, two people, when it was last there, taking it off."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core import settings
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, CurrentSignIn, Html, Request, Session, page, redirect
from backend.remote_signing.token_helpers import service
from backend.tenants.approvals import service as approvals
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_PAGE = "/chung-thu/con-dau/token"
_ONE = f"{_PAGE}/{{helper_id:uuid}}"
_READERS = requires(Permission.CREDENTIALS_READ, Permission.SEAL)
_MANAGERS = requires(Permission.CREDENTIALS_MANAGE)


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why."""

    ly_do: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[_READERS])
async def show_helpers(request: Request, session: Session, actor: CurrentActor) -> Html:
    """The computers that hold the seal's token."""
    return await _page(request, session, actor)


@post(_PAGE, guards=[_MANAGERS, step_up(_PAGE)], status_code=200)
async def offer(request: Request, session: Session, actor: CurrentActor) -> Html:
    """A code for one computer, shown once."""
    try:
        code = await service.offer(session, actor)
    except Conflict as error:
        return await _page(request, session, actor, error=error)
    return await _page(request, session, actor, code=code)


@post(f"{_ONE}/de-nghi", guards=[_MANAGERS, step_up(_PAGE)])
async def ask_pairing(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    helper_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """Ask a second person to have the seal held by that computer's token."""
    try:
        await service.ask_pairing(session, actor, sign_in, helper_id, data.ly_do)
    except (Conflict, Invalid) as error:
        return await _page(request, session, actor, error=error)
    return redirect(request, _PAGE, "Đã gửi đề nghị; máy ký được dùng ngay khi người thứ hai duyệt.")


@post(f"{_ONE}/go", guards=[_MANAGERS, step_up(_PAGE)])
async def end(
    request: Request, session: Session, actor: CurrentActor, helper_id: FromPath[uuid.UUID]
) -> Html:
    """Take a computer off."""
    ended = await service.end(session, actor, helper_id)
    return redirect(request, _PAGE, f"Đã gỡ {ended.machine or 'mã ghép máy'}; máy ấy không ký được nữa.")


async def _page(
    request: Request,
    session: TenantSession,
    actor: Actor,
    *,
    code: str = "",
    error: AppError | None = None,
) -> Html:
    waiting = await service.waiting(session)
    return page(
        request,
        "remote_signing/token_helpers/page.html",
        status_code=error.status if error else 200,
        helpers=await service.helpers(session),
        is_offered=service.is_offered(),
        waiting=waiting[0] if waiting else None,
        approvers=await approvals.approvers(session, actor),
        code=code,
        site=settings.get().public_url.rstrip("/"),
        error=error.message if error else None,
        actor=actor,
    )
