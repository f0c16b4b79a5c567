"""The signing tray: what waits, one consent for a batch, and how far it has come."""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.web import CurrentActor, Html, Request, Session, fragment, is_htmx, page, redirect
from backend.remote_signing.requests import service
from backend.remote_signing.requests.rules import BatchState
from backend.remote_signing.requests.schemas import ROLE_NAMES
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_SIGNERS = requires(Permission.SIGN, Permission.SEAL)
#: Documents listed before the consent; the count and the root cover all.
SHOWN = 300


class ConsentForm(msgspec.Struct, frozen=True):
    """What the signer agrees to: role, group ("" means all), and root and moment of the list that was shown."""

    vai: str
    ma: str
    luc: Annotated[datetime, msgspec.Meta(tz=True)]
    nhom: str = ""
    csrf_token: str = ""


@get("/ky", guards=[_SIGNERS])
async def show_tray(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What waits for this signer, and the newest batches."""
    groups = await service.tray(session, actor)
    return page(
        request,
        "remote_signing/requests/tray.html",
        roles={
            role: [group for group in groups if group.role == role]
            for role in dict.fromkeys(g.role for g in groups)
        },
        batches=await service.list_batches(session, actor),
        names=ROLE_NAMES,
    )


@get("/ky/xem", guards=[_SIGNERS])
async def show_offer(
    request: Request, session: Session, actor: CurrentActor, vai: FromQuery[str], nhom: FromQuery[str] = ""
) -> Html:
    """The exact documents, with the consent below them."""
    offer = await service.offer(session, actor, vai, nhom or None)
    groups = dict.fromkeys(item.group for item in offer.items)
    return page(
        request,
        "remote_signing/requests/consent.html",
        offer=offer,
        group=nhom,
        groups={group: sum(item.group == group for item in offer.items) for group in groups},
        shown=offer.items[:SHOWN],
        names=ROLE_NAMES,
    )


@post("/ky", guards=[_SIGNERS])
async def consent(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[ConsentForm]
) -> Html:
    """One consent for the whole list."""
    batch_id = await service.consent(session, actor, data.vai, data.nhom or None, data.ma, data.luc)
    return redirect(request, f"/ky/lo/{batch_id}")


@get("/ky/lo/{batch_id:uuid}", guards=[_SIGNERS])
async def show_batch(
    request: Request, session: Session, actor: CurrentActor, batch_id: FromPath[uuid.UUID]
) -> Html:
    """A batch, live: htmx asks for the part that moves."""
    batch = await service.batch_progress(session, actor, batch_id)
    running = batch.state == BatchState.RUNNING
    if is_htmx(request):
        show, template = fragment, "remote_signing/requests/_batch.html"
    else:
        show, template = page, "remote_signing/requests/batch.html"
    return show(request, template, batch=batch, running=running, names=ROLE_NAMES)
