"""Connections of the school: who is let in, a new one whose key is shown once, and the end of one."""

import uuid

from litestar import get, post
from litestar.params import FromPath

from backend.core import clock
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.tenants.api_clients import service
from backend.tenants.api_clients.schemas import (
    KIND_NAMES,
    SCOPE_NAMES,
    ApiClientId,
    ClientKind,
    NewApiClient,
    NewKey,
    Scope,
)
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_MANAGES = requires(Permission.API_CLIENTS_MANAGE)


@get("/ket-noi", guards=[_MANAGES])
async def show_clients(request: Request, session: Session) -> Html:
    """Connections, and the form for a new one."""
    return await _page(request, session)


@post("/ket-noi", guards=[_MANAGES, step_up("/ket-noi")], status_code=200)
async def add_client(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Let a system in. Its key stands on the answer and nowhere else."""
    sent = await request.form()
    new = _wanted({name: str(value) for name, value in sent.items()})
    try:
        key = await service.add_client(session, actor, new)
    except (Invalid, Conflict) as error:
        return await _page(request, session, wanted=new, error=error)
    return await _page(request, session, key=key)


@post("/ket-noi/{client_id:uuid}/ngat", guards=[_MANAGES])
async def end_client(
    request: Request, session: Session, actor: CurrentActor, client_id: FromPath[uuid.UUID]
) -> Html:
    """End a connection at once."""
    name = await service.end_client(session, actor, ApiClientId(client_id))
    return redirect(request, "/ket-noi", f"Đã ngắt kết nối {name}; mã của nó không dùng được nữa.")


async def _page(
    request: Request,
    session: Session,
    *,
    wanted: NewApiClient | None = None,
    error: AppError | None = None,
    key: NewKey | None = None,
) -> Html:
    return page(
        request,
        "tenants/api_clients/clients.html",
        status_code=error.status if error else 200,
        clients=await service.list_clients(session),
        wanted=wanted,
        error=error.message if error else None,
        key=key,
        now=clock.now(),
        kinds=KIND_NAMES,
        scopes=SCOPE_NAMES,
        months=service.MONTHS,
    )


def _wanted(sent: dict[str, str]) -> NewApiClient:
    months = sent.get("months", "")
    return NewApiClient(
        name=" ".join(sent.get("name", "").split()),
        kind=ClientKind.OAUTH if sent.get("kind") == ClientKind.OAUTH else ClientKind.TOKEN,
        scopes=frozenset(scope for scope in Scope if sent.get(scope)),
        months=int(months) if months.isdecimal() and len(months) < 3 else 0,
    )
