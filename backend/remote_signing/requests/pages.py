"""The signing tray: what waits, one consent for a batch, and how far it has come."""

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody

from backend.core.actor import Actor, SignIn
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
from backend.remote_signing.requests import challenges, documents, service, turns
from backend.remote_signing.requests.rules import BatchState, called, consent_statement, told
from backend.remote_signing.requests.schemas import ROLE_NAMES, CallToSend
from backend.tenants.access import service as access
from backend.tenants.access.schemas import Proof
from backend.tenants.factors.service import Unproven
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_T = TypeVar("_T")
_SIGNERS = requires(Permission.SIGN, Permission.SEAL)
#: Documents listed before the consent; the count and the root cover all.
SHOWN = 300


class _Asked(NamedTuple):
    """Which list: of a role, of one group and one part ("" means all)."""

    role: str
    group: str
    part: str


class ConsentForm(Proof, frozen=True, kw_only=True):
    """What the signer agrees to: role, group and part ("" means all), and root, length and moment of the list shown.

    With it the proof that the signer is the one who sends it, for exactly this.
    """

    vai: str
    ma: str
    so: int
    luc: Annotated[datetime, msgspec.Meta(tz=True)]
    nhom: str = ""
    phan: str = ""


@get("/ky", guards=[_SIGNERS])
async def show_tray(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What waits for this signer, and the newest batches."""
    groups = await service.tray(session, actor)
    order = list(ROLE_NAMES)
    found = sorted(_each(one.role for one in groups), key=order.index)
    roles = {role: [group for group in groups if group.role == role] for role in found}
    return page(
        request,
        "remote_signing/requests/tray.html",
        roles=roles,
        told={
            role: told(_counted((called(one.noun, one.part), one.count) for one in found))
            for role, found in roles.items()
        },
        batches=await service.list_batches(session, actor),
        names=ROLE_NAMES,
    )


@get("/ky/xem", guards=[_SIGNERS, without_transaction])
async def show_offer(
    request: Request,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    vai: FromQuery[str],
    nhom: FromQuery[str] = "",
    phan: FromQuery[str] = "",
) -> Html:
    """The exact documents, with the consent below them."""
    return await _offered(request, actor, sign_in, _Asked(vai, nhom, phan))


@post("/ky", guards=[_SIGNERS, without_transaction])
async def consent(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, data: URLEncodedBody[ConsentForm]
) -> Html:
    """One consent for the whole list, together with the signer's proof for it."""
    asked = _Asked(data.vai, data.nhom, data.phan)
    statement = consent_statement(asked.role, asked.group or None, asked.part or None, data.ma, data.so)
    try:
        verified, token = await access.verify(actor, sign_in, data, statement, signing=True)
    except (Unproven, TooManyTries, Conflict) as error:
        async with transaction(request) as session:
            # A code or passkey answers once: with it, the first click has begun what the second asks for.
            begun = await service.batch_over(session, actor, data.ma)
        if begun is not None:
            return redirect(request, f"/ky/lo/{begun}")
        return await _offered(request, actor, sign_in, asked, error)
    session_renewed(request, token)
    async with transaction(request) as session:
        batch_id = await service.consent(
            session, actor, asked.role, asked.group or None, data.ma, data.luc, verified, asked.part or None
        )
    return redirect(request, f"/ky/lo/{batch_id}")


async def _offered(
    request: Request, actor: Actor, sign_in: SignIn, asked: _Asked, error: AppError | None = None
) -> Html:
    async with transaction(request) as session:
        offer = await service.offer(session, actor, asked.role, asked.group or None, asked.part or None)
        wanted = await access.wanted(session, sign_in, offer.statement, signing=True)
    # Read when the list is settled: while it is being made, nothing may come into anybody's tray.
    shown = offer.items[:SHOWN]
    said = await documents.said_in(actor.tenant_id, shown)
    groups = dict.fromkeys(item.group for item in offer.items)
    return page(
        request,
        "remote_signing/requests/consent.html",
        status_code=error.status if error else 200,
        error=error.message if error else None,
        wanted=wanted,
        offer=offer,
        what=told(_counted((called(item.noun, item.part), 1) for item in offer.items)),
        samples=_each(offer.items[at] for at in (0, len(offer.items) // 2, -1)),
        noted=[item for item in offer.items if item.note],
        asked=asked,
        groups={group: sum(item.group == group for item in offer.items) for group in groups},
        shown=shown,
        said=said,
        said_labels=_each(label for texts in said.values() for label in texts),
        names=ROLE_NAMES,
    )


def _counted(found: Iterable[tuple[str, int]]) -> Counter[str]:
    """How many of each kind of document."""
    counts: Counter[str] = Counter()
    for noun, number in found:
        counts[noun] += number
    return counts


def _each(found: Iterable[_T]) -> list[_T]:
    """Each once, in their order."""
    return list(dict.fromkeys(found))


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
    questions = await challenges.open_challenges(session, actor, batch_id) if running else []
    listed = [] if is_htmx(request) else await turns.of_batch(session, batch.id, SHOWN)
    return show(
        request,
        template,
        batch=batch,
        running=running,
        questions=questions,
        turns=listed,
        names=ROLE_NAMES,
    )


@get("/ky/lo/{batch_id:uuid}/hoi", guards=[_SIGNERS])
async def show_questions(
    request: Request, session: Session, actor: CurrentActor, batch_id: FromPath[uuid.UUID]
) -> Html:
    """What the provider wants of the signer now; htmx asks until there is something."""
    return fragment(
        request,
        "remote_signing/requests/_questions.html",
        batch=await service.batch_progress(session, actor, batch_id),
        questions=await challenges.open_challenges(session, actor, batch_id),
    )


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the signer typed; both empty: have a code sent."""

    pin: str = ""
    otp: str = ""

    def __repr__(self) -> str:
        return "AnswerForm()"


@post("/ky/lan/{call_id:uuid}/tra-loi", guards=[_SIGNERS, without_transaction])
async def answer(
    request: Request, actor: CurrentActor, call_id: FromPath[uuid.UUID], data: URLEncodedBody[AnswerForm]
) -> Html:
    """Hand on a PIN or OTP: what was typed goes to the provider and nowhere else."""
    values = {name: typed.strip() for name, typed in (("pin", data.pin), ("otp", data.otp)) if typed.strip()}
    async with transaction(request) as session:
        call = await challenges.begin(session, actor, call_id, sending=not values)
    return await _hand_on(request, actor, call_id, call, values)


@get("/ky/lan/{call_id:uuid}/cap-quyen", guards=[_SIGNERS])
async def set_out(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    call_id: FromPath[uuid.UUID],
) -> Html:
    """Off to the provider's page, where the signer agrees."""
    return redirect(request, await challenges.set_out(session, actor, sign_in, call_id))


@get(challenges.RETURN_PATH, guards=[_SIGNERS])
async def come_back(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    sent_state: Annotated[str, QueryParameter(name="state")] = "",
    code: FromQuery[str] = "",
) -> Html:
    """Back from the provider's page. Reading changes nothing: what was brought is sent on by a form, at once."""
    call_id = await challenges.returned(session, actor, sign_in, sent_state)
    batch_id = await challenges.batch_of(session, actor, call_id)
    return page(
        request, "remote_signing/requests/returned.html", state=sent_state, code=code, batch_id=batch_id
    )


class ReturnForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider's page brought back; no code: the signer did not agree."""

    state: str
    code: str = ""

    def __repr__(self) -> str:
        return "ReturnForm()"


@post(challenges.RETURN_PATH, guards=[_SIGNERS, without_transaction])
async def accept_return(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, data: URLEncodedBody[ReturnForm]
) -> Html:
    """Hand on the signer's consent."""
    async with transaction(request) as session:
        call_id = await challenges.returned(session, actor, sign_in, data.state)
        if not data.code:
            await challenges.withhold(session, actor, call_id)
            return redirect(request, f"/ky/lo/{await challenges.batch_of(session, actor, call_id)}")
        call = await challenges.begin(session, actor, call_id)
    return await _hand_on(request, actor, call_id, call, challenges.consent_values(call, data.code))


async def _hand_on(
    request: Request, actor: Actor, call_id: uuid.UUID, call: CallToSend, values: dict[str, str]
) -> Html:
    said = await challenges.hand_on(call, values)
    async with transaction(request) as session:
        await challenges.record(session, actor, call, said)
        batch_id = await challenges.batch_of(session, actor, call_id)
    return redirect(request, f"/ky/lo/{batch_id}")
