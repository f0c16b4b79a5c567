"""Personal data: requests with their last days, the copy that is handed over, and the register of what is kept."""

import uuid
from datetime import date

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core import admission, clock, data_register, storage
from backend.core.admission import RouteClass
from backend.core.errors import AppError, Invalid
from backend.core.personal_data import DataKind
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
from backend.records.privacy import service
from backend.records.privacy.schemas import (
    KIND_NAMES,
    RELATION_NAMES,
    STATE_NAMES,
    NewDataRequest,
    Relation,
    RequestKind,
    RequestState,
)
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

ROOT = "/du-lieu-ca-nhan"
TONES = {
    RequestState.RECEIVED: "warn",
    RequestState.UNDER_WAY: "info",
    RequestState.ANSWERED: "ok",
    RequestState.REFUSED: "neutral",
}
_MANAGES = requires(Permission.PRIVACY_MANAGE)


class RequestForm(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is typed in; `day` is an ISO date."""

    student_code: str = ""
    kind: str = ""
    requester_name: str = ""
    relation: str = ""
    contact: str = ""
    wanted: str = ""
    day: str = ""


class TextForm(msgspec.Struct, frozen=True, kw_only=True):
    """A reason or an answer; `refused` where the answer is no."""

    text: str = ""
    refused: str = ""


@get(ROOT, guards=[_MANAGES])
async def show_requests(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Requests, what is due first, and the form for a new one."""
    return await _page(request, session, actor)


@post(ROOT, guards=[_MANAGES])
async def record_request(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[RequestForm]
) -> Html:
    """Write a request down."""
    try:
        request_id = await service.record_request(session, actor, _new(data))
    except Invalid as error:
        return await _page(request, session, actor, typed=data, error=error)
    return redirect(request, f"{ROOT}/{request_id}", "Đã ghi yêu cầu và tính hạn trả lời.")


@get(f"{ROOT}/danh-muc", guards=[requires(Permission.PRIVACY_REGISTER_READ)])
async def show_register(request: Request) -> Html:
    """Which data about people the school keeps here: why, on which ground, for how long."""
    return page(
        request,
        "records/privacy/register.html",
        holdings=data_register.register(),
        personal=DataKind.PERSONAL,
        sensitive=DataKind.SENSITIVE,
    )


@get(f"{ROOT}/{{request_id:uuid}}", guards=[_MANAGES])
async def show_request(
    request: Request, session: Session, actor: CurrentActor, request_id: FromPath[uuid.UUID]
) -> Html:
    """One request and what can be done with it."""
    return page(
        request,
        "records/privacy/request.html",
        one=await service.read_request(session, actor, request_id),
        today=clock.today(),
        kinds=KIND_NAMES,
        relations=RELATION_NAMES,
        states=STATE_NAMES,
        tones=TONES,
    )


@post(f"{ROOT}/{{request_id:uuid}}/xac-nhan", guards=[_MANAGES])
async def acknowledge(
    request: Request, session: Session, actor: CurrentActor, request_id: FromPath[uuid.UUID]
) -> Html:
    """Whoever asks was told that the request has come."""
    await service.acknowledge(session, actor, request_id)
    return redirect(request, f"{ROOT}/{request_id}", "Đã ghi nhận việc xác nhận với người yêu cầu.")


@post(f"{ROOT}/{{request_id:uuid}}/gia-han", guards=[_MANAGES])
async def extend(
    request: Request,
    session: Session,
    actor: CurrentActor,
    request_id: FromPath[uuid.UUID],
    data: URLEncodedBody[TextForm],
) -> Html:
    """Put the last day off, once."""
    await service.extend(session, actor, request_id, data.text.strip())
    return redirect(request, f"{ROOT}/{request_id}", "Đã gia hạn; xin báo lý do cho người yêu cầu.")


@post(f"{ROOT}/{{request_id:uuid}}/tra-loi", guards=[_MANAGES])
async def close(
    request: Request,
    session: Session,
    actor: CurrentActor,
    request_id: FromPath[uuid.UUID],
    data: URLEncodedBody[TextForm],
) -> Html:
    """Answer a request or refuse it."""
    await service.close(session, actor, request_id, data.text.strip(), refused=bool(data.refused))
    return redirect(request, ROOT, "Đã ghi câu trả lời.")


@post(
    f"{ROOT}/{{request_id:uuid}}/ban-sao",
    guards=[_MANAGES, step_up(ROOT), without_transaction],
    opt={admission.OPTION: RouteClass.EXPORT},
    status_code=200,
)
async def download_copy(
    request: Request, actor: CurrentActor, request_id: FromPath[uuid.UUID]
) -> Response[bytes]:
    """All that is kept about the pupil, as a ZIP; that it was taken is recorded first."""
    async with transaction(request) as session:
        data = await service.collect(session, actor, request_id)
    files = {name: await storage.get(actor.tenant_id, digest) for name, digest in data.files}
    name = f'attachment; filename="du-lieu-{request_id}.zip"'
    packed = service.packed(data, files)
    return Response(packed, media_type="application/zip", headers={"Content-Disposition": name})


async def _page(
    request: Request,
    session: Session,
    actor: CurrentActor,
    *,
    typed: RequestForm | None = None,
    error: AppError | None = None,
) -> Html:
    return page(
        request,
        "records/privacy/requests.html",
        status_code=error.status if error else 200,
        requests=await service.list_requests(session, actor),
        typed=typed or RequestForm(day=clock.today().isoformat()),
        error=error.message if error else None,
        today=clock.today(),
        kinds=KIND_NAMES,
        relations=RELATION_NAMES,
        states=STATE_NAMES,
        tones=TONES,
    )


def _new(form: RequestForm) -> NewDataRequest:
    try:
        kind, relation = RequestKind(form.kind), Relation(form.relation)
        day = date.fromisoformat(form.day)
    except ValueError:
        raise Invalid("Hãy chọn loại yêu cầu, quan hệ với học sinh và ngày nhận yêu cầu.") from None
    return NewDataRequest(
        student_code=form.student_code.strip(),
        kind=kind,
        requester_name=form.requester_name.strip(),
        relation=relation,
        contact=form.contact.strip(),
        wanted=form.wanted.strip(),
        received_on=day,
    )
