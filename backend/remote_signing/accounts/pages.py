"""A school's own accounts at providers, in the browser: written, never read."""

from collections.abc import Mapping

from litestar import get, post
from litestar.params import FromPath

from backend.core import settings
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, CurrentSignIn, Html, Request, Session, page, redirect
from backend.remote_signing.accounts import service
from backend.tenants.approvals import service as approvals
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_ALL = "/chung-thu/ket-noi"
_MANAGERS = requires(Permission.CREDENTIALS_MANAGE)


@get(_ALL, guards=[_MANAGERS])
async def show_accounts(request: Request, session: Session, actor: CurrentActor) -> Html:
    """At which providers the school has accounts of its own."""
    return await _shown(request, session, actor)


@post(f"{_ALL}/doi-khoa", guards=[_MANAGERS, step_up(_ALL)])
async def rotate(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Close everything under a new key."""
    try:
        count = await service.rotate(session, actor)
    except Conflict as error:
        return await _shown(request, session, actor, error)
    return redirect(request, _ALL, f"Đã đổi khóa niêm phong và niêm phong lại {count} tài khoản.")


@post(f"{_ALL}/nha-cung-cap/{{provider:str}}", guards=[_MANAGERS, step_up(_ALL)])
async def propose(
    request: Request, session: Session, actor: CurrentActor, sign_in: CurrentSignIn, provider: FromPath[str]
) -> Html:
    """Ask a second person to use another account."""
    sent = await request.form()
    typed = {name: value for name, value in sent.items() if isinstance(value, str)}
    try:
        await service.propose(session, actor, sign_in, provider, typed, typed.get("ly_do", ""))
    except (Conflict, Invalid) as error:
        return await _shown(request, session, actor, error, provider, typed)
    told = "Đã gửi đề nghị; tài khoản được dùng ngay khi người thứ hai duyệt."
    return redirect(request, _ALL, told)


async def _shown(
    request: Request,
    session: TenantSession,
    actor: Actor,
    error: AppError | None = None,
    provider: str = "",
    typed: Mapping[str, str] | None = None,
) -> Html:
    """What was typed comes back, but no secret."""
    files = await service.list_files(session)
    shown = {one.name for file in files for one in file.fields if not one.secret} | {"ly_do"}
    return page(
        request,
        "remote_signing/accounts/accounts.html",
        status_code=error.status if error else 200,
        files=files,
        public_url=settings.get().public_url,
        approvers=await approvals.approvers(session, actor),
        error=error.message if error else None,
        provider=provider,
        typed={name: value for name, value in (typed or {}).items() if name in shown},
    )
