"""The audit for people who may read it: all of it by person, deed and day, and one event."""

import uuid

from litestar import get
from litestar.params import FromPath

from backend.core import audit_chain, store_promise
from backend.core.web import CurrentActor, Html, Request, Session, page
from backend.tenants.audit_trail import service
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_PATH = "/nhat-ky"


@get(_PATH, guards=[requires(Permission.AUDIT_READ)])
async def show_trail(request: Request, session: Session, actor: CurrentActor) -> Html:
    """The events of the school, newest first."""
    return page(
        request,
        "tenants/audit_trail/trail.html",
        trail=await service.trail(session, actor, request.query_params, _PATH),
        sealed=await audit_chain.newest(session),
        store=await store_promise.told(session),
    )


@get(_PATH + "/{event_id:uuid}", guards=[requires(Permission.AUDIT_READ)])
async def show_event(
    request: Request, session: Session, actor: CurrentActor, event_id: FromPath[uuid.UUID]
) -> Html:
    """One event with its place in the chain."""
    event = await service.get_event(session, actor, event_id)
    return page(request, "tenants/audit_trail/event.html", event=event)
