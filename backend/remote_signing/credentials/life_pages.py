"""A certificate tried by its holder, in the browser."""

import uuid

import msgspec
from litestar import post
from litestar.params import FromPath, URLEncodedBody

from backend.core.actor import Actor
from backend.core.errors import AppError, Conflict
from backend.core.rate_limit import TooManyTries
from backend.core.web import CurrentActor, Html, Request, page, transaction, without_transaction
from backend.remote_signing.credentials import service, trial
from backend.remote_signing.credentials.schemas import TrialResult, TrialState
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_ONE = "/chung-thu/so/{credential_id:uuid}/thu-ky"
_BACK = "/chung-thu/so/{credential_id}"
_HOLDERS = requires(Permission.SIGN, Permission.SEAL)


class TicketForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser keeps of a trial that waits for the telephone."""

    phieu: str = ""
    csrf_token: str = ""


@post(_ONE, guards=[_HOLDERS, step_up(_BACK), without_transaction], status_code=200)
async def try_it(request: Request, actor: CurrentActor, credential_id: FromPath[uuid.UUID]) -> Html:
    """Ask for a harmless signature."""
    try:
        async with transaction(request) as session:
            begun = await trial.begin(session, actor, credential_id)
    except (Conflict, TooManyTries) as error:
        return await _refused(request, actor, credential_id, error)
    return await _asked(request, actor, begun)


@post(f"{_ONE}/ket-qua", guards=[_HOLDERS, without_transaction], status_code=200)
async def look_at_it(
    request: Request,
    actor: CurrentActor,
    credential_id: FromPath[uuid.UUID],
    data: URLEncodedBody[TicketForm],
) -> Html:
    """How far it is."""
    try:
        async with transaction(request) as session:
            begun = await trial.resume(session, actor, credential_id, data.phieu)
    except Conflict as error:
        return await _refused(request, actor, credential_id, error)
    return await _asked(request, actor, begun)


async def _asked(request: Request, actor: Actor, begun: trial.Trial) -> Html:
    said = await trial.ask(begun)
    async with transaction(request) as session:
        result = await trial.record(session, actor, begun, said)
        return page(
            request, "remote_signing/credentials/trial.html", credential=begun.credential, result=result
        )


async def _refused(request: Request, actor: Actor, credential_id: uuid.UUID, error: AppError) -> Html:
    async with transaction(request) as session:
        shown = await service.credential_file(session, actor, credential_id)
        return page(
            request,
            "remote_signing/credentials/trial.html",
            status_code=error.status,
            credential=shown.credential,
            result=TrialResult(state=TrialState.FAILS, told=error.message),
        )
