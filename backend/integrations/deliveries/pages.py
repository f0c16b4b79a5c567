"""Deliveries: how many are where, one with its attempts, and the way back for a parked one."""

import uuid
from collections.abc import Sequence

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from backend.core import storage
from backend.core.actor import Actor
from backend.core.errors import Invalid
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    fragment,
    page,
    redirect,
    transaction,
    without_transaction,
)
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import board, looking, rehearsal, rules, service, troubles
from backend.integrations.deliveries.schemas import (
    ACTION_NAMES,
    CLASS_NAMES,
    LEVEL_NAMES,
    DeliveryState,
    Rehearsal,
)
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

PAGE_SIZE = 50
TONES = {
    DeliveryState.DRAFT: "neutral",
    DeliveryState.VALIDATED: "waiting",
    DeliveryState.QUEUED: "waiting",
    DeliveryState.SENDING: "info",
    DeliveryState.RECEIVED: "info",
    DeliveryState.UNKNOWN: "warn",
    DeliveryState.ACCEPTED: "ok",
    DeliveryState.REJECTED: "bad",
    DeliveryState.PARKED: "bad",
    DeliveryState.WAITING: "waiting",
    DeliveryState.HANDED: "info",
    DeliveryState.CANCELLED: "neutral",
}


@get("/gui", guards=[requires(Permission.DELIVERY_READ)])
async def show_deliveries(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Deliveries, newest first, as the filter in the address wants them."""
    form = {name: str(value) for name, value in request.query_params.items()}
    wanted, number = looking.wanted(form), looking.page_of(form)
    found = await board.look(session, actor, wanted, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)
    pages = max(1, -(-found.total // PAGE_SIZE))
    if number > pages:
        return redirect(request, f"{looking.address(wanted, wanted.state)}&{looking.PAGE}={pages}")
    return page(
        request,
        "integrations/deliveries/deliveries.html",
        authority=await authorities.name_of_current(session),
        board=found,
        wanted=wanted,
        is_narrowed=looking.is_narrowed(wanted),
        address=looking.address,
        action_names=ACTION_NAMES,
        page_number=number,
        pages=pages,
        names=rules.STATE_NAMES,
        tones=TONES,
    )


@get("/gui/tom-tat", guards=[requires(Permission.DELIVERY_READ)])
async def summary(request: Request, session: Session) -> Html:
    """The figures for the home page."""
    return fragment(
        request,
        "integrations/deliveries/_summary.html",
        counts=await service.counts(session),
        names=rules.STATE_NAMES,
        tones=TONES,
    )


@get("/gui/theo-lop", guards=[requires(Permission.DELIVERY_READ)])
async def by_class(request: Request, session: Session) -> Html:
    """For the season board: what of each class has been sent and accepted, and by when that is to be."""
    return fragment(
        request, "integrations/deliveries/_by_class.html", classes=await service.progress_by_class(session)
    )


@get("/gui/viec", guards=[requires(Permission.DELIVERY_RETRY)])
async def next_step(request: Request, session: Session) -> Html:
    """For the home page: deliveries that wait for a person. 204, which leaves the page as it is, when none do."""
    counts = await service.counts(session)
    parked, waiting = counts.get(DeliveryState.PARKED, 0), counts.get(DeliveryState.WAITING, 0)
    if not parked and not waiting:
        return Response(b"", status_code=204)
    return fragment(request, "integrations/deliveries/_next_step.html", parked=parked, waiting=waiting)


@get("/gui/dem", guards=[requires(Permission.DELIVERY_READ)])
async def count(session: Session) -> dict[str, int]:
    """Deliveries per state, for screens that follow them live."""
    return {state.value: number for state, number in (await service.counts(session)).items()}


@get("/gui/nguyen-nhan", guards=[requires(Permission.DELIVERY_READ)])
async def show_troubles(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What stopped, by cause."""
    groups = await troubles.groups(session)
    return page(
        request,
        "integrations/deliveries/troubles.html",
        groups=groups,
        class_names=CLASS_NAMES,
        authority_names={one.authority: authorities.name_of(one.authority) for one in groups},
        may_retry=actor.may(Permission.DELIVERY_RETRY),
        may_bind=actor.may(Permission.AUTHORITY_BIND),
    )


@get("/gui/nguyen-nhan/xem", guards=[requires(Permission.DELIVERY_READ)])
async def show_trouble(
    request: Request,
    session: Session,
    actor: CurrentActor,
    co_quan: FromQuery[str] = "",
    nguyen_nhan: FromQuery[str] = "",
) -> Html:
    """What stopped for one cause, each with the place where it is corrected."""
    group, stopped = await troubles.members(session, actor, co_quan, nguyen_nhan)
    return page(
        request,
        "integrations/deliveries/trouble.html",
        group=group,
        authority=authorities.name_of(group.authority),
        stopped=stopped,
        most=troubles.MOST,
        class_names=CLASS_NAMES,
        may_retry=actor.may(Permission.DELIVERY_RETRY),
        names=rules.STATE_NAMES,
        tones=TONES,
    )


@get("/gui/nguyen-nhan/chay-thu", guards=[requires(Permission.DELIVERY_RETRY), without_transaction])
async def rehearse_trouble(
    request: Request, actor: CurrentActor, co_quan: FromQuery[str] = "", nguyen_nhan: FromQuery[str] = ""
) -> Html:
    """All of one cause tried before they are sent again: what would go, and what still stops."""
    async with transaction(request) as session:
        group, stopped = await troubles.members(session, actor, co_quan, nguyen_nhan)
        drafts = await rehearsal.begin(session, actor, [one.delivery.id for one in stopped])
    seen = [await _looked(actor, draft) for draft in drafts]
    return page(
        request,
        "integrations/deliveries/rehearsals.html",
        group=group,
        seen=seen,
        good=sum(not one.hitches for one in seen),
        level_names=LEVEL_NAMES,
    )


@get("/gui/{delivery_id:uuid}/chay-thu", guards=[requires(Permission.DELIVERY_RETRY), without_transaction])
async def rehearse(request: Request, actor: CurrentActor, delivery_id: FromPath[uuid.UUID]) -> Html:
    """The package of one delivery, what is wrong with it, what is new in it."""
    async with transaction(request) as session:
        [draft] = await rehearsal.begin(session, actor, [delivery_id])
    return _rehearsed(request, await _looked(actor, draft))


@post(
    "/gui/{delivery_id:uuid}/chay-thu",
    guards=[requires(Permission.DELIVERY_RETRY), without_transaction],
    status_code=200,
)
async def rehearse_there(request: Request, actor: CurrentActor, delivery_id: FromPath[uuid.UUID]) -> Html:
    """The same, and the Authority's place for trials is asked what it thinks."""
    async with transaction(request) as session:
        [draft] = await rehearsal.begin(session, actor, [delivery_id])
    package = await storage.get(actor.tenant_id, draft.sending.package_sha256)
    return _rehearsed(request, await rehearsal.try_there(draft, package, await _looked(actor, draft)))


async def _looked(actor: Actor, draft: rehearsal.Draft) -> Rehearsal:
    package = await storage.get(actor.tenant_id, draft.sending.package_sha256)
    last = await storage.get(actor.tenant_id, draft.last_sent) if draft.last_sent else None
    return rehearsal.look(draft, package, last)


def _rehearsed(request: Request, seen: Rehearsal) -> Html:
    return page(request, "integrations/deliveries/rehearsal.html", seen=seen, level_names=LEVEL_NAMES)


@post("/gui/nguyen-nhan/gui-lai", guards=[requires(Permission.DELIVERY_RETRY)])
async def retry_cause(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Send again what is parked for one cause, all of it or what was ticked, each under its own id."""
    form = await request.form()
    chosen = _ids(form.getall("chon", [])) if form.get("da_chon") else None
    if chosen == []:
        raise Invalid("Chưa chọn học bạ nào; hãy đánh dấu những học bạ cần gửi lại.")
    cause = (str(form.get("co_quan", "")), str(form.get("nguyen_nhan", "")))
    number = await troubles.retry(session, actor, *cause, chosen)
    return redirect(
        request,
        "/gui/nguyen-nhan",
        f"Hệ thống sẽ hỏi cơ quan tiếp nhận về {number} học bạ rồi gửi lại nếu cần.",
    )


def _ids(written: Sequence[object]) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(str(one)) for one in written]
    except ValueError as error:
        raise Invalid("Danh sách đã chọn không đọc được; hãy mở lại trang rồi chọn lại.") from error


@get("/gui/{delivery_id:uuid}", guards=[requires(Permission.DELIVERY_READ)])
async def show_delivery(
    request: Request, session: Session, actor: CurrentActor, delivery_id: FromPath[uuid.UUID]
) -> Html:
    """One delivery with the evidence of each attempt."""
    delivery, attempts = await service.open_delivery(session, actor, delivery_id)
    addresses = await troubles.addresses_of(session, delivery)
    return page(
        request,
        "integrations/deliveries/delivery.html",
        delivery=delivery,
        authority=authorities.name_of(delivery.authority),
        attempts=attempts,
        action_names=ACTION_NAMES,
        addresses=addresses,
        may_retry=actor.may(Permission.DELIVERY_RETRY) and delivery.state is DeliveryState.PARKED,
        may_rehearse=actor.may(Permission.DELIVERY_RETRY) and delivery.state not in rules.FINAL,
        names=rules.STATE_NAMES,
        tones=TONES,
    )


@post("/gui/{delivery_id:uuid}/gui-lai", guards=[requires(Permission.DELIVERY_RETRY)])
async def retry(
    request: Request, session: Session, actor: CurrentActor, delivery_id: FromPath[uuid.UUID]
) -> Html:
    """Send a parked delivery again, under its own id."""
    await service.retry(session, actor, delivery_id)
    return redirect(request, f"/gui/{delivery_id}", "Hệ thống sẽ hỏi cơ quan tiếp nhận rồi gửi lại nếu cần.")
