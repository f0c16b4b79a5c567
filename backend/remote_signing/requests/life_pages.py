"""What became of consents, in the browser: held calls, and what a person makes of them."""

import uuid

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core import admission, storage
from backend.core.actor import Actor
from backend.core.admission import RouteClass
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid, NotFound
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    page,
    redirect,
    transaction,
    without_transaction,
)
from backend.remote_signing.providers import port
from backend.remote_signing.requests import calls, declining, held
from backend.remote_signing.requests.schemas import HELD_ADDRESS, PDF_TYPE, ROLE_NAMES, XML_TYPE
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_ALL = HELD_ADDRESS
_ONE = f"{_ALL}/{{call_id:uuid}}"
_TURN = "/ky/luot/{step_id:uuid}"
_DECLINED = "/ky/da-tu-choi"
_SIGNERS = requires(Permission.SIGN, Permission.SEAL)
_SETTLERS = requires(Permission.SIGN, Permission.SEAL, Permission.TRANSCRIPT_WITHDRAW)
_CONCERNED = requires(Permission.SIGN, Permission.SEAL, Permission.WORK_RESUME)


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why something goes back to a tray, or out of it."""

    ly_do: str = ""
    csrf_token: str = ""


@get(_ALL, guards=[_CONCERNED])
async def show_held(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Calls of which it cannot be told what was signed."""
    return await _shown(request, session, actor)


@post(f"{_ONE}/hoi-lai", guards=[_CONCERNED, step_up(_ALL), without_transaction])
async def ask(request: Request, actor: CurrentActor, call_id: FromPath[uuid.UUID]) -> Html:
    """Have the signing service say what became of a call; the answer is told at once."""
    try:
        async with transaction(request) as session:
            call = await held.call_to_ask(session, actor, call_id)
        if call is None:
            return redirect(request, _ALL, "Chữ ký đã có sẵn; hệ thống đang ghép vào hồ sơ.")
        answer = await calls.ask_again(call)
        async with transaction(request) as session:
            told = await held.record_answer(session, actor, call_id, answer)
    except Conflict as error:
        async with transaction(request) as session:
            return await _shown(request, session, actor, error)
    except port.ProviderError as error:
        async with transaction(request) as session:
            await held.record_silence(session, actor, call_id, error)
            return await _shown(request, session, actor, error)
    return redirect(request, _ALL, told)


@post(f"{_ONE}/tra-lai", guards=[_CONCERNED, step_up(_ALL)])
async def give_back(
    request: Request,
    session: Session,
    actor: CurrentActor,
    call_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """Nothing was signed, or what was signed is not used: to the signer's tray."""
    try:
        call = await held.give_back(session, actor, call_id, data.ly_do)
    except (Conflict, Invalid) as error:
        return await _shown(request, session, actor, error, data.ly_do)
    told = f"{len(call.labels)} hồ sơ đã về khay ký của {call.signer_name}; người ký xem lại rồi xác nhận ký lại."
    return redirect(request, _ALL, told)


async def _shown(
    request: Request,
    session: TenantSession,
    actor: Actor,
    error: AppError | None = None,
    reason: str = "",
) -> Html:
    return page(
        request,
        "remote_signing/requests/held.html",
        status_code=error.status if error else 200,
        held=await held.list_held(session, actor),
        names=ROLE_NAMES,
        reason=reason,
        error=error.message if error else None,
    )


@get(f"{_TURN}/tep", guards=[_SIGNERS, without_transaction], opt={admission.OPTION: RouteClass.EXPORT})
async def show_file(
    request: Request, actor: CurrentActor, step_id: FromPath[uuid.UUID], loai: FromQuery[str] = "pdf"
) -> Response[bytes]:
    """The stored bytes that a consent is about, checked against their digest, for the signer to look at."""
    async with transaction(request) as session:
        turn = await declining.open_turn(session, actor, step_id)
    digests = {"pdf": turn.document_sha256, "xml": turn.xml_sha256}
    sha256 = digests.get(loai)
    if sha256 is None:
        raise NotFound("Hồ sơ chờ ký này không có loại tệp vừa chọn.")
    data = await storage.get(actor.tenant_id, sha256)
    name = f'attachment; filename="cho-ky-{sha256[:8]}.{loai}"'
    media_type = XML_TYPE if loai == "xml" else PDF_TYPE
    return Response(data, media_type=media_type, headers={"Content-Disposition": name})


@get(f"{_TURN}/tu-choi", guards=[_SIGNERS])
async def show_decline(
    request: Request, session: Session, actor: CurrentActor, step_id: FromPath[uuid.UUID]
) -> Html:
    """One document, and why its signer would not sign it."""
    return await _turn(request, session, actor, step_id)


@post(f"{_TURN}/tu-choi", guards=[_SIGNERS])
async def decline(
    request: Request,
    session: Session,
    actor: CurrentActor,
    step_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """Not this one."""
    try:
        turn = await declining.decline(session, actor, step_id, data.ly_do)
    except (Conflict, Invalid) as error:
        return await _turn(request, session, actor, step_id, error, data.ly_do)
    told = f"Đã từ chối ký {turn.noun} của {turn.label}; nhà trường đọc được lý do của bạn."
    return redirect(request, "/ky", told)


@get(_DECLINED, guards=[_SETTLERS])
async def show_declined(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What somebody would not sign."""
    return await _refused(request, session, actor)


@post(f"{_TURN}/dua-lai", guards=[_SETTLERS])
async def offer_again(
    request: Request,
    session: Session,
    actor: CurrentActor,
    step_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """Into its signer's tray again."""
    try:
        turn = await declining.offer_again(session, actor, step_id, data.ly_do)
    except (Conflict, Invalid) as error:
        return await _refused(request, session, actor, error, data.ly_do)
    return redirect(request, _DECLINED, f"{turn.label} đã vào lại khay ký của {turn.signer_name}.")


@post("/ky/lo/{batch_id:uuid}/dung", guards=[_SIGNERS])
async def stop_batch(
    request: Request, session: Session, actor: CurrentActor, batch_id: FromPath[uuid.UUID]
) -> Html:
    """What was not sent yet is not sent."""
    try:
        stopped = await declining.stop_batch(session, actor, batch_id)
    except Conflict as error:
        return redirect(request, f"/ky/lo/{batch_id}", error.message, "warn")
    return redirect(
        request, f"/ky/lo/{batch_id}", f"Đã dừng: {stopped} hồ sơ chưa gửi đi đã về khay ký của bạn."
    )


async def _turn(
    request: Request,
    session: TenantSession,
    actor: Actor,
    step_id: uuid.UUID,
    error: AppError | None = None,
    reason: str = "",
) -> Html:
    return page(
        request,
        "remote_signing/requests/decline.html",
        status_code=error.status if error else 200,
        turn=await declining.open_turn(session, actor, step_id),
        names=ROLE_NAMES,
        reason=reason,
        error=error.message if error else None,
    )


async def _refused(
    request: Request,
    session: TenantSession,
    actor: Actor,
    error: AppError | None = None,
    reason: str = "",
) -> Html:
    return page(
        request,
        "remote_signing/requests/declined.html",
        status_code=error.status if error else 200,
        declined=await declining.list_declined(session, actor),
        names=ROLE_NAMES,
        reason=reason,
        error=error.message if error else None,
    )
