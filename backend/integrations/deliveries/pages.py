"""Deliveries: how many are where, one with its attempts, and the way back for a parked one."""

import uuid

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.web import CurrentActor, Html, Request, Session, fragment, page, redirect
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import rules, service, troubles
from backend.integrations.deliveries.schemas import ACTION_NAMES, CLASS_NAMES, DeliveryState
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission


class CauseForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the causes."""

    co_quan: str = ""
    nguyen_nhan: str = ""
    csrf_token: str = ""


PAGE_SIZE = 50
TONES = {
    DeliveryState.QUEUED: "waiting",
    DeliveryState.SENDING: "info",
    DeliveryState.RECEIVED: "info",
    DeliveryState.UNKNOWN: "warn",
    DeliveryState.ACCEPTED: "ok",
    DeliveryState.REJECTED: "bad",
    DeliveryState.PARKED: "bad",
    DeliveryState.WAITING: "waiting",
    DeliveryState.HANDED: "info",
}


@get("/gui", guards=[requires(Permission.DELIVERY_READ)])
async def show_deliveries(
    request: Request,
    session: Session,
    actor: CurrentActor,
    trang_thai: FromQuery[DeliveryState | None] = None,
    trang: FromQuery[int] = 1,
) -> Html:
    """Deliveries, newest first."""
    counts = await service.counts(session)
    total = counts.get(trang_thai, 0) if trang_thai else sum(counts.values())
    number = min(max(1, trang), max(1, -(-total // PAGE_SIZE)))
    return page(
        request,
        "integrations/deliveries/deliveries.html",
        authority=await authorities.name_of_current(session),
        deliveries=await service.open_list(
            session, actor, trang_thai, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE
        ),
        counts=counts,
        action_names=ACTION_NAMES,
        state=trang_thai,
        page_number=number,
        pages=max(1, -(-total // PAGE_SIZE)),
        total=total,
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
    """For the home page: parked deliveries wait for a person. 204, which leaves the page as it is, when none do."""
    parked = (await service.counts(session)).get(DeliveryState.PARKED, 0)
    if not parked:
        return Response(b"", status_code=204)
    return fragment(request, "integrations/deliveries/_next_step.html", parked=parked)


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


@post("/gui/nguyen-nhan/gui-lai", guards=[requires(Permission.DELIVERY_RETRY)])
async def retry_cause(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[CauseForm]
) -> Html:
    """Send again all that is parked for one cause, each under its own id."""
    number = await troubles.retry(session, actor, data.co_quan, data.nguyen_nhan)
    return redirect(
        request,
        "/gui/nguyen-nhan",
        f"Hệ thống sẽ hỏi cơ quan tiếp nhận về {number} học bạ rồi gửi lại nếu cần.",
    )


@get("/gui/{delivery_id:uuid}", guards=[requires(Permission.DELIVERY_READ)])
async def show_delivery(
    request: Request, session: Session, actor: CurrentActor, delivery_id: FromPath[uuid.UUID]
) -> Html:
    """One delivery with the evidence of each attempt."""
    delivery, attempts = await service.open_delivery(session, actor, delivery_id)
    return page(
        request,
        "integrations/deliveries/delivery.html",
        delivery=delivery,
        authority=authorities.name_of(delivery.authority),
        attempts=attempts,
        action_names=ACTION_NAMES,
        may_retry=actor.may(Permission.DELIVERY_RETRY) and delivery.state is DeliveryState.PARKED,
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
