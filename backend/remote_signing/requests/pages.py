"""The signing tray: what waits, one consent for a batch, and how far it has come."""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.actor import Actor, SignIn
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict
from backend.core.rate_limit import TooManyTries
from backend.core.web import (
    CurrentActor,
    CurrentSignIn,
    Html,
    Request,
    Session,
    fragment,
    is_htmx,
    page,
    redirect,
    session_renewed,
    transaction,
    without_transaction,
)
from backend.remote_signing.requests import service
from backend.remote_signing.requests.rules import BatchState, consent_statement
from backend.remote_signing.requests.schemas import ROLE_NAMES
from backend.tenants.access import service as access
from backend.tenants.access.schemas import Proof
from backend.tenants.factors.service import Unproven
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_SIGNERS = requires(Permission.SIGN, Permission.SEAL)
#: Documents listed before the consent; the count and the root cover all.
SHOWN = 300


class ConsentForm(Proof, frozen=True, kw_only=True):
    """What the signer agrees to: role, group ("" means all), and root, length and moment of the list that was shown.

    With it the proof that the signer is the one who sends it, for exactly this.
    """

    vai: str
    ma: str
    so: int
    luc: Annotated[datetime, msgspec.Meta(tz=True)]
    nhom: str = ""


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
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    vai: FromQuery[str],
    nhom: FromQuery[str] = "",
) -> Html:
    """The exact documents, with the consent below them."""
    return await _offered(request, session, actor, sign_in, vai, nhom)


@post("/ky", guards=[_SIGNERS, without_transaction])
async def consent(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, data: URLEncodedBody[ConsentForm]
) -> Html:
    """One consent for the whole list, together with the signer's proof for it."""
    statement = consent_statement(data.vai, data.nhom or None, data.ma, data.so)
    try:
        verified, token = await access.verify(actor, sign_in, data, statement, signing=True)
    except (Unproven, TooManyTries, Conflict) as error:
        async with transaction(request) as session:
            # A code or passkey answers once: with it, the first click has begun what the second asks for.
            begun = await service.batch_over(session, actor, data.ma)
            if begun is not None:
                return redirect(request, f"/ky/lo/{begun}")
            return await _offered(request, session, actor, sign_in, data.vai, data.nhom, error)
    session_renewed(request, token)
    async with transaction(request) as session:
        batch_id = await service.consent(
            session, actor, data.vai, data.nhom or None, data.ma, data.luc, verified
        )
    return redirect(request, f"/ky/lo/{batch_id}")


async def _offered(
    request: Request,
    session: TenantSession,
    actor: Actor,
    sign_in: SignIn,
    role: str,
    group: str,
    error: AppError | None = None,
) -> Html:
    offer = await service.offer(session, actor, role, group or None)
    groups = dict.fromkeys(item.group for item in offer.items)
    return page(
        request,
        "remote_signing/requests/consent.html",
        status_code=error.status if error else 200,
        error=error.message if error else None,
        wanted=await access.wanted(session, sign_in, offer.statement, signing=True),
        offer=offer,
        group=group,
        groups={group: sum(item.group == group for item in offer.items) for group in groups},
        shown=offer.items[:SHOWN],
        names=ROLE_NAMES,
    )


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
