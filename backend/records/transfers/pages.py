"""A học bạ goes to another school, or comes from one: at the pupil; and what schools of the platform send here."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, URLEncodedBody

from backend.core import admission, rate_limit, storage
from backend.core.actor import Actor
from backend.core.admission import RouteClass
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid, NotFound, Unavailable
from backend.core.templates import vn_datetime
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
from backend.records.transfers import checking, receiving, rules, service
from backend.records.transfers.schemas import (
    PDF_TYPE,
    Desk,
    OfferState,
    Package,
    ReceivedState,
    RefusalReason,
    TransferState,
)
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_PAGE = "/hoc-sinh/{student_id:uuid}/chuyen-hoc-ba"
_BACK = "/hoc-sinh/{student_id}/chuyen-hoc-ba"
_OFFERS = "/hoc-ba-chuyen-den"
_MANAGES = requires(Permission.TRANSFER_MANAGE)
#: A package costs a second of a processor for each of its years, and one more.
FILES = rate_limit.Limit(name="check-package", burst=10, per_seconds=120)

TONES = {
    TransferState.DRAFTED: "waiting",
    TransferState.SIGNING: "info",
    TransferState.READY: "ok",
    TransferState.OFFERED: "info",
    TransferState.REFUSED: "bad",
    TransferState.HANDED_OVER: "official",
    TransferState.CANCELLED: "neutral",
}
RECEIVED_TONES = {
    ReceivedState.CHECKED: "waiting",
    ReceivedState.ACCEPTED: "ok",
    ReceivedState.DISCARDED: "neutral",
}
OFFER_WORDS = {
    OfferState.OFFERED: ("Chờ trả lời", "waiting"),
    OfferState.ACCEPTED: ("Đã nhận", "ok"),
    OfferState.REFUSED: ("Đã từ chối", "neutral"),
}
_QUESTIONS = {"intact": "Còn nguyên vẹn?", "signed": "Ai ký?", "in_force": "Còn hiệu lực?"}


class ReceiverForm(msgspec.Struct, frozen=True, kw_only=True):
    """Where a học bạ goes."""

    truong_nhan: str = ""
    ma_truong: str = ""


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why something goes, or does not."""

    ly_do: str = ""


class UploadForm(msgspec.Struct):
    """A package as somebody brought it."""

    tep: UploadFile | None = None
    csrf_token: str = ""


@get(_PAGE, guards=[_MANAGES])
async def show_desk(
    request: Request, session: Session, actor: CurrentActor, student_id: FromPath[uuid.UUID]
) -> Html:
    """What has gone out and come in for a pupil, and what may happen next."""
    return _desk(request, await service.open_desk(session, actor, student_id))


@post(f"{_PAGE}/lap", guards=[_MANAGES, without_transaction])
async def draft(
    request: Request, actor: CurrentActor, student_id: FromPath[uuid.UUID], data: URLEncodedBody[ReceiverForm]
) -> Html:
    """Have the package made and signed."""

    async def deed(session: TenantSession) -> str:
        await service.draft(session, actor, student_id, data.truong_nhan, data.ma_truong)
        return "Đang lập gói chuyển học bạ; gói sẽ có trong khay ký của hiệu trưởng, rồi của người giữ con dấu số."

    return await _answer(request, actor, student_id, deed, data)


@post(
    f"{_PAGE}/goi/{{transfer_id:uuid}}/tai",
    guards=[_MANAGES, step_up(_BACK), without_transaction],
    opt={admission.OPTION: RouteClass.EXPORT},
    status_code=200,
)
async def download(
    request: Request, actor: CurrentActor, student_id: FromPath[uuid.UUID], transfer_id: FromPath[uuid.UUID]
) -> Response[bytes]:
    """The package; by POST, because taking it away is a deed that is recorded."""
    async with transaction(request) as session:
        digest, name = await service.take_file(session, actor, student_id, transfer_id)
    data = await storage.get(actor.tenant_id, digest)
    return Response(
        data, media_type=PDF_TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@post(f"{_PAGE}/goi/{{transfer_id:uuid}}/ban-giao", guards=[_MANAGES, step_up(_BACK), without_transaction])
async def hand_over(
    request: Request,
    actor: CurrentActor,
    student_id: FromPath[uuid.UUID],
    transfer_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """The file was given to the other school."""

    async def deed(session: TenantSession) -> str:
        await service.hand_over(session, actor, student_id, transfer_id, data.ly_do)
        return "Đã ghi chuyển giao quyền quản lý; học bạ ở trường này từ nay chỉ để đọc."

    return await _answer(request, actor, student_id, deed)


@post(f"{_PAGE}/goi/{{transfer_id:uuid}}/huy", guards=[_MANAGES, without_transaction])
async def cancel(
    request: Request,
    actor: CurrentActor,
    student_id: FromPath[uuid.UUID],
    transfer_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """The package does not go."""

    async def deed(session: TenantSession) -> str:
        await service.cancel(session, actor, student_id, transfer_id, data.ly_do)
        return "Đã hủy gói chuyển học bạ."

    return await _answer(request, actor, student_id, deed)


@post(
    f"{_PAGE}/nhan",
    guards=[_MANAGES, without_transaction],
    request_max_body_size=checking.MAX_UPLOAD + 100_000,
)
async def upload(
    request: Request,
    actor: CurrentActor,
    student_id: FromPath[uuid.UUID],
    data: Annotated[UploadForm, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Html:
    """Check a package and show what it says; no year is taken over yet, and of a bad one nothing is kept."""

    async def deed(session: TenantSession) -> str:
        await receiving.keep(session, actor, student_id, package)
        return "Đã kiểm tra gói học bạ; xin xem ba câu trả lời bên dưới rồi nhận hoặc bỏ."

    try:
        content = await data.tep.read() if data.tep else b""
        if not content:
            raise Invalid("Bạn chưa chọn tệp, hoặc tệp rỗng; hãy chọn tệp PDF mà trường cũ đã gửi.")
        await rate_limit.take(FILES, str(actor.id))
        package = await checking.check(content)
        async with transaction(request) as session:
            await receiving.require_pupil(session, student_id, package)
        await storage.put(actor.tenant_id, content)
    except (Invalid, Conflict, Unavailable) as error:
        return await _again(request, actor, student_id, error)
    return await _answer(request, actor, student_id, deed)


@post(f"{_PAGE}/nhan/{{received_id:uuid}}/ghi", guards=[_MANAGES, without_transaction])
async def accept(
    request: Request, actor: CurrentActor, student_id: FromPath[uuid.UUID], received_id: FromPath[uuid.UUID]
) -> Html:
    """Take the years of a package over, which is checked once more."""
    async with transaction(request) as session:
        digest = await receiving.digest_of(session, student_id, received_id)
    try:
        package = await _package(actor, digest)
    except (Invalid, Unavailable) as error:
        return await _again(request, actor, student_id, error)

    async def deed(session: TenantSession) -> str:
        years = await receiving.accept(session, actor, student_id, received_id, package)
        return f"Đã nhận {years} năm học ở trường trước, chỉ để đọc; gói có chữ ký được giữ làm bằng chứng."

    return await _answer(request, actor, student_id, deed)


@post(f"{_PAGE}/nhan/{{received_id:uuid}}/bo", guards=[_MANAGES, without_transaction])
async def discard(
    request: Request, actor: CurrentActor, student_id: FromPath[uuid.UUID], received_id: FromPath[uuid.UUID]
) -> Html:
    """A package is not taken over."""

    async def deed(session: TenantSession) -> str:
        await receiving.discard(session, actor, student_id, received_id)
        return "Đã bỏ gói học bạ này; không năm học nào được ghi."

    return await _answer(request, actor, student_id, deed)


@get(_OFFERS, guards=[_MANAGES])
async def show_offers(request: Request, session: Session) -> Html:
    """What other schools of the platform send: by whom and when, and nothing about the pupil."""
    return page(
        request,
        "records/transfers/offers.html",
        offers=await receiving.list_offers(session),
        words=OFFER_WORDS,
        reasons=rules.REFUSAL_NAMES,
    )


@get(f"{_OFFERS}/{{offer_id:uuid}}", guards=[_MANAGES, without_transaction])
async def show_offer(request: Request, actor: CurrentActor, offer_id: FromPath[uuid.UUID]) -> Html:
    """One of them, opened and checked."""
    return await _offer(request, actor, offer_id)


@post(f"{_OFFERS}/{{offer_id:uuid}}/nhan", guards=[_MANAGES, without_transaction])
async def accept_offer(request: Request, actor: CurrentActor, offer_id: FromPath[uuid.UUID]) -> Html:
    """Take it over: the right to manage is this school's from now on."""
    try:
        async with transaction(request) as session:
            offer = await receiving.get_offer(session, offer_id)
        package = await _package(actor, offer.sha256)
        async with transaction(request) as session:
            student_id = await receiving.accept_offer(session, actor, offer_id, package)
    except (Invalid, Conflict, Unavailable) as error:
        return await _offer(request, actor, offer_id, error)
    return redirect(
        request,
        f"/hoc-sinh/{student_id}/chuyen-hoc-ba",
        "Đã nhận học bạ và quyền quản lý; trường gửi được báo tự động.",
    )


@post(f"{_OFFERS}/{{offer_id:uuid}}/ho-so", guards=[_MANAGES, without_transaction])
async def add_pupil(request: Request, actor: CurrentActor, offer_id: FromPath[uuid.UUID]) -> Html:
    """Make a record of the pupil with what the package says, so that it can be taken over."""
    try:
        async with transaction(request) as session:
            offer = await receiving.get_offer(session, offer_id)
        package = await _package(actor, offer.sha256)
        async with transaction(request) as session:
            record = await receiving.add_pupil(session, actor, offer_id, package)
    except (Invalid, Conflict, Unavailable) as error:
        return await _offer(request, actor, offer_id, error)
    said = f"Đã lập hồ sơ của {record.full_name} theo học bạ; xin xem lại rồi nhận học bạ."
    return redirect(request, _OFFERS + f"/{offer_id}", said)


@post(f"{_OFFERS}/{{offer_id:uuid}}/tu-choi", guards=[_MANAGES, without_transaction])
async def refuse_offer(
    request: Request, actor: CurrentActor, offer_id: FromPath[uuid.UUID], data: URLEncodedBody[ReasonForm]
) -> Html:
    """Do not take it; the sender reads why."""
    try:
        async with transaction(request) as session:
            await receiving.refuse_offer(session, actor, offer_id, data.ly_do)
    except (Invalid, Conflict) as error:
        return await _offer(request, actor, offer_id, error)
    return redirect(request, _OFFERS, "Đã từ chối; trường gửi sẽ thấy lý do.")


async def _package(actor: Actor, digest: str) -> Package:
    return await checking.check(await storage.get(actor.tenant_id, digest))


async def _offer(request: Request, actor: Actor, offer_id: uuid.UUID, error: AppError | None = None) -> Html:
    async with transaction(request) as session:
        offer = await receiving.get_offer(session, offer_id)
    package, told = None, error
    if offer.state is OfferState.OFFERED:
        try:
            package = await _package(actor, offer.sha256)
        except (Invalid, NotFound, Unavailable) as problem:
            told = told or problem
    async with transaction(request) as session:
        pupil = await receiving.pupil_of(session, actor, offer, package.manifest.student) if package else None
    return page(
        request,
        "records/transfers/offer.html",
        status_code=error.status if error else 200,
        offer=offer,
        state=OFFER_WORDS[offer.state],
        manifest=package.manifest if package else None,
        answers=_answers(rules.verdict_of(package, offer.offered_at)) if package else [],
        pupil=pupil,
        reasons=[("", "Chọn một"), *((one.value, rules.REFUSAL_NAMES[one]) for one in RefusalReason)],
        error=told.message if told else None,
    )


async def _answer(
    request: Request,
    actor: Actor,
    student_id: uuid.UUID,
    deed: Callable[[TenantSession], Awaitable[str]],
    typed: ReceiverForm | None = None,
) -> Html:
    """Do it and say so; or show the page again as it is now, with one sentence."""
    try:
        async with transaction(request) as session:
            said = await deed(session)
    except (Invalid, Conflict) as error:
        return await _again(request, actor, student_id, error, typed)
    return redirect(request, _BACK.format(student_id=student_id), said)


async def _again(
    request: Request,
    actor: Actor,
    student_id: uuid.UUID,
    error: AppError,
    typed: ReceiverForm | None = None,
) -> Html:
    async with transaction(request) as session:
        return _desk(request, await service.open_desk(session, actor, student_id), typed, error)


def _desk(
    request: Request, desk: Desk, typed: ReceiverForm | None = None, error: AppError | None = None
) -> Html:
    return page(
        request,
        "records/transfers/desk.html",
        status_code=error.status if error else 200,
        desk=desk,
        typed=typed or ReceiverForm(),
        names=rules.STATE_NAMES,
        tones=TONES,
        open_states=rules.OPEN,
        by_hand=rules.BY_HAND,
        received_names=rules.RECEIVED_NAMES,
        received_tones=RECEIVED_TONES,
        answers={one.id: _answers(one.verdict) for one in desk.received},
        error=error.message if error else None,
    )


def _answers(verdict: dict[str, str]) -> list[dict[str, str]]:
    """Intact, signed by whom, in force as far as is known: three answers, never mixed."""
    checked = vn_datetime(datetime.fromisoformat(verdict["checked_at"]))
    tones = {"intact": "ok", "signed": "ok", "in_force": "ok" if verdict["known"] else "warn"}
    return [
        {"question": question, "answer": verdict[key], "tone": tones[key]}
        | ({"detail": f"Kiểm tra lúc {checked}"} if key == "intact" else {})
        for key, question in _QUESTIONS.items()
    ]
