"""A certificate tried by its holder, and the minutes of what was decided about it, in the browser."""

import uuid
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, URLEncodedBody

from backend.core import clock
from backend.core.actor import Actor
from backend.core.crypto import sha256_hex
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.rate_limit import TooManyTries
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    page,
    transaction,
    without_transaction,
)
from backend.remote_signing.credentials import ceremony, service, trial
from backend.remote_signing.credentials.schemas import Minutes, TrialResult, TrialState
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_ONE = "/chung-thu/so/{credential_id:uuid}/thu-ky"
_BACK = "/chung-thu/so/{credential_id}"
_MINUTES = "/chung-thu/so/{credential_id:uuid}/bien-ban"
_HOLDERS = requires(Permission.SIGN, Permission.SEAL)
_READERS = requires(Permission.CREDENTIALS_READ, Permission.SIGN, Permission.SEAL)
#: A record has a few kilobytes.
MOST_BYTES = 64 * 1024


class RecordForm(msgspec.Struct):
    """The record of a key ceremony, as `hocba hsm generate` wrote it."""

    tep: UploadFile | None = None
    csrf_token: str = ""


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


@get(_MINUTES, guards=[_READERS])
async def show_minutes(
    request: Request, session: Session, actor: CurrentActor, credential_id: FromPath[uuid.UUID]
) -> Html:
    """Who was present when what was decided, to be printed and signed."""
    return _minutes(request, await service.minutes(session, actor, credential_id))


@post(_MINUTES, guards=[_READERS], status_code=200)
async def add_record(
    request: Request,
    session: Session,
    actor: CurrentActor,
    credential_id: FromPath[uuid.UUID],
    data: Annotated[RecordForm, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Html:
    """The same, with what the record of the key's making says. It is shown and not kept."""
    minutes = await service.minutes(session, actor, credential_id)
    content = await data.tep.read(MOST_BYTES) if data.tep else b""
    try:
        record = ceremony.record_of(content, minutes.credential.certificate)
    except Invalid as error:
        return _minutes(request, minutes, error=error)
    return _minutes(request, minutes, record, sha256_hex(content))


def _minutes(
    request: Request,
    minutes: Minutes,
    record: ceremony.Record | None = None,
    record_sha256: str = "",
    error: AppError | None = None,
) -> Html:
    return page(
        request,
        "remote_signing/credentials/minutes.html",
        status_code=error.status if error else 200,
        minutes=minutes,
        record=record,
        record_sha256=record_sha256,
        printed_at=clock.now(),
        error=error.message if error else None,
    )


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
