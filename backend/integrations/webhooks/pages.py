"""Webhooks for the school's IT teacher: who is told what, what became of each message, and sending again."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect, several
from backend.integrations.webhooks import service
from backend.integrations.webhooks.schemas import (
    BOTH_KEYS,
    EVENT_NAMES,
    PROBLEM_NAMES,
    STATE_NAMES,
    TOLD,
    EventKind,
    MessageState,
    NewEndpoint,
)
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

PAGE_SIZE = 50
LIST = "/ket-noi/bao-tin"
TONES = {MessageState.DUE: "waiting", MessageState.DELIVERED: "ok", MessageState.FAILED: "bad"}
_MANAGES = requires(Permission.API_CLIENTS_MANAGE)


class EndpointForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new endpoint as typed; one kind of event comes as a text, several as a list."""

    dia_chi: str = ""
    tin: list[str] | str = ""
    csrf_token: str = ""


@get(LIST, guards=[_MANAGES])
async def show_endpoints(request: Request, session: Session) -> Html:
    """Endpoints, and the form for a new one."""
    return await _list(request, session)


@post(LIST, guards=[_MANAGES, step_up(LIST)], status_code=200)
async def add_endpoint(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[EndpointForm]
) -> Html:
    """Tell another system from now on; its page has the key that checks the signatures."""
    chosen = {*several(data.tin)}
    wanted = NewEndpoint(url=data.dia_chi, events=frozenset(kind for kind in TOLD if kind in chosen))
    try:
        endpoint_id = await service.add_endpoint(session, actor, wanted)
    except (Invalid, Conflict) as error:
        return await _list(request, session, wanted, error)
    said = "Đã thêm địa chỉ nhận tin. Việc tiếp theo: chuyển khóa công khai cho bên kết nối rồi gửi tin thử."
    return redirect(request, f"{LIST}/{endpoint_id}", said)


@get(f"{LIST}/{{endpoint_id:uuid}}", guards=[_MANAGES])
async def show_endpoint(
    request: Request,
    session: Session,
    endpoint_id: FromPath[uuid.UUID],
    trang_thai: FromQuery[MessageState | None] = None,
    trang: FromQuery[int] = 1,
) -> Html:
    """One endpoint with its messages, newest first."""
    endpoint = await service.get_endpoint(session, endpoint_id)
    counts = {state: getattr(endpoint, state) for state in MessageState}
    total = counts[trang_thai] if trang_thai else sum(counts.values())
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(max(1, trang), pages)
    return page(
        request,
        "integrations/webhooks/endpoint.html",
        endpoint=endpoint,
        sent=await service.list_messages(
            session, endpoint_id, trang_thai, PAGE_SIZE, (number - 1) * PAGE_SIZE
        ),
        counts=counts,
        total=total,
        pages=pages,
        page_number=number,
        state=trang_thai,
        list_url=LIST,
        names=EVENT_NAMES,
        states=STATE_NAMES,
        tones=TONES,
        problems=PROBLEM_NAMES,
        both_days=BOTH_KEYS.days,
        of_class=EventKind.RESULTS_CONFIRMED,
        ping=EventKind.PING,
    )


@post(f"{LIST}/{{endpoint_id:uuid}}/thu", guards=[_MANAGES])
async def ping(
    request: Request, session: Session, actor: CurrentActor, endpoint_id: FromPath[uuid.UUID]
) -> Html:
    """Send it something that says nothing."""
    await service.ping(session, actor, endpoint_id)
    return redirect(
        request, f"{LIST}/{endpoint_id}", "Đang gửi tin thử; tải lại trang sau vài giây để xem kết quả."
    )


@post(f"{LIST}/{{endpoint_id:uuid}}/gui-lai", guards=[_MANAGES])
async def replay(
    request: Request, session: Session, actor: CurrentActor, endpoint_id: FromPath[uuid.UUID]
) -> Html:
    """Send all again that were given up."""
    count = await service.replay(session, actor, endpoint_id, None)
    return redirect(request, f"{LIST}/{endpoint_id}", f"Đang gửi lại {count} tin, mã tin giữ nguyên.")


@post(f"{LIST}/{{endpoint_id:uuid}}/gui-lai/{{message_id:uuid}}", guards=[_MANAGES])
async def replay_one(
    request: Request,
    session: Session,
    actor: CurrentActor,
    endpoint_id: FromPath[uuid.UUID],
    message_id: FromPath[uuid.UUID],
) -> Html:
    """Send one again."""
    count = await service.replay(session, actor, endpoint_id, message_id)
    said = "Đang gửi lại tin, mã tin giữ nguyên." if count else "Tin này đang chờ gửi, không cần gửi lại."
    return redirect(request, f"{LIST}/{endpoint_id}", said)


@post(f"{LIST}/{{endpoint_id:uuid}}/doi-khoa", guards=[_MANAGES, step_up(f"{LIST}/{{endpoint_id}}")])
async def rotate_key(
    request: Request, session: Session, actor: CurrentActor, endpoint_id: FromPath[uuid.UUID]
) -> Html:
    """Sign with a new key, and for a while with the one before as well."""
    await service.rotate_key(session, actor, endpoint_id)
    said = f"Đã đổi khóa ký; trong {BOTH_KEYS.days} ngày mỗi tin có cả chữ ký của khóa cũ."
    return redirect(request, f"{LIST}/{endpoint_id}", said)


@post(f"{LIST}/{{endpoint_id:uuid}}/bat-lai", guards=[_MANAGES])
async def resume(
    request: Request, session: Session, actor: CurrentActor, endpoint_id: FromPath[uuid.UUID]
) -> Html:
    """An endpoint that was stopped is told again."""
    count = await service.resume(session, actor, endpoint_id)
    return redirect(request, f"{LIST}/{endpoint_id}", f"Đã bật lại; {count} tin đang chờ được gửi ngay.")


@post(f"{LIST}/{{endpoint_id:uuid}}/bo", guards=[_MANAGES])
async def end_endpoint(
    request: Request, session: Session, actor: CurrentActor, endpoint_id: FromPath[uuid.UUID]
) -> Html:
    """Tell it nothing any more."""
    url = await service.end_endpoint(session, actor, endpoint_id)
    return redirect(request, LIST, f"Đã bỏ địa chỉ {url}; từ bây giờ địa chỉ này không nhận tin nữa.")


async def _list(
    request: Request, session: Session, wanted: NewEndpoint | None = None, error: AppError | None = None
) -> Html:
    return page(
        request,
        "integrations/webhooks/endpoints.html",
        status_code=error.status if error else 200,
        endpoints=await service.list_endpoints(session),
        wanted=wanted,
        error=error.message if error else None,
        list_url=LIST,
        kinds={kind: EVENT_NAMES[kind] for kind in TOLD},
        names=EVENT_NAMES,
    )
