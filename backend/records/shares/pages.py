"""Sharing a học bạ by a link: the school makes it, the recipient opens it, the family follows and ends it."""

import uuid

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core import admission, clock, rate_limit, settings
from backend.core.actor import Actor
from backend.core.admission import RouteClass
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.core.web import CurrentActor, Html, Request, Session, network_of, page, redirect
from backend.records.assessment.schemas import SUBJECT_LEVEL_NAMES, TRAIT_LEVEL_NAMES
from backend.records.roster import service as roster
from backend.records.shares import asking, rules, service
from backend.records.shares.schemas import MEANS, RELATIONS, VISITS, Made, ShareView
from backend.records.transcripts.schemas import JSON_TYPE, PDF_TYPE, XML_TYPE
from backend.tenants.guards import public, requires, step_up
from backend.tenants.permissions import Permission

_KEEPS = requires(Permission.TRANSCRIPT_READ_ANY)
_LOOKUP = {admission.OPTION: RouteClass.LOOKUP}
#: A request is a row that stays, and somebody reads it.
ASKING = rate_limit.Limit(name="ask-share", burst=10, per_seconds=3600)
_TYPES = {"pdf": PDF_TYPE, "xml": XML_TYPE, "json": JSON_TYPE}


class ShareForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the family has agreed to, and how."""

    chia_se_cho: str = ""
    muc_dich: str = ""
    so_ngay: str = str(rules.USUAL_DAYS)
    du_lieu: str = ""
    nguoi_dong_y: str = ""
    quan_he: str = ""
    cach: str = ""
    ngay: str = ""
    hoc_sinh: str = ""
    csrf_token: str = ""


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a link is closed."""

    ly_do: str = ""
    csrf_token: str = ""


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is answered: refused for a reason, or granted as the family agreed."""

    tra_loi: str = ""
    ly_do: str = ""
    so_ngay: str = str(rules.USUAL_DAYS)
    nguoi_dong_y: str = ""
    quan_he: str = ""
    cach: str = ""
    ngay: str = ""
    hoc_sinh: str = ""
    csrf_token: str = ""


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks to see which học bạ, and what for."""

    ma: str = ""
    co_quan: str = ""
    ma_so: str = ""
    lien_he: str = ""
    muc_dich: str = ""
    du_lieu: str = ""
    csrf_token: str = ""


class PinForm(msgspec.Struct, frozen=True, kw_only=True):
    """The PIN of a link, and, to take a file away, which."""

    pin: str = ""
    nam_hoc: str = ""
    loai: str = ""
    csrf_token: str = ""


@get("/hoc-ba/{version_id:uuid}/chia-se", guards=[_KEEPS])
async def show_shares(
    request: Request, session: Session, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Html:
    """The links of a học bạ so far, and the form that makes another."""
    return await _show(request, session, actor, version_id, ShareForm())


@post(
    "/hoc-ba/{version_id:uuid}/chia-se",
    guards=[_KEEPS, step_up("/hoc-ba/{version_id}/chia-se")],
    status_code=200,
)
async def make_share(
    request: Request,
    session: Session,
    actor: CurrentActor,
    version_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ShareForm],
) -> Html:
    """Make a link; it is shown with its PIN this once."""
    typed = (data.chia_se_cho, data.muc_dich, data.so_ngay, bool(data.du_lieu))
    consent = (data.nguoi_dong_y, data.quan_he, data.cach, data.ngay, bool(data.hoc_sinh))
    try:
        made = await service.make(session, actor, version_id, typed, consent)
    except (Invalid, Conflict) as error:
        return await _show(request, session, actor, version_id, data, error=error)
    return await _show(request, session, actor, version_id, ShareForm(), made=made)


@post("/hoc-ba/{version_id:uuid}/chia-se/{share_id:uuid}/thu-hoi", guards=[_KEEPS])
async def revoke_share(
    request: Request,
    session: Session,
    actor: CurrentActor,
    version_id: FromPath[uuid.UUID],
    share_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """Close a link; from now on it opens nothing."""
    try:
        await service.revoke(session, actor, version_id, share_id, data.ly_do)
    except (Invalid, Conflict) as error:
        return await _show(request, session, actor, version_id, ShareForm(), error=error)
    return redirect(
        request,
        f"/hoc-ba/{version_id}/chia-se",
        "Đã thu hồi liên kết; từ bây giờ liên kết không mở được nữa.",
    )


@post(
    "/hoc-ba/{version_id:uuid}/de-nghi/{share_request_id:uuid}",
    guards=[_KEEPS, step_up("/hoc-ba/{version_id}/chia-se")],
    status_code=200,
)
async def answer_request(
    request: Request,
    session: Session,
    actor: CurrentActor,
    version_id: FromPath[uuid.UUID],
    share_request_id: FromPath[uuid.UUID],
    data: URLEncodedBody[AnswerForm],
) -> Html:
    """Grant what an organisation asks, as the family agreed, or refuse it."""
    try:
        if data.tra_loi == "tu-choi":
            await asking.refuse(session, actor, version_id, share_request_id, data.ly_do)
            said = "Đã từ chối; nơi đề nghị đọc được lý do ở liên kết của họ."
            return redirect(request, f"/hoc-ba/{version_id}/chia-se", said)
        consent = (data.nguoi_dong_y, data.quan_he, data.cach, data.ngay, bool(data.hoc_sinh))
        made = await asking.grant(session, actor, version_id, share_request_id, data.so_ngay, consent)
    except (Invalid, Conflict) as error:
        return await _show(request, session, actor, version_id, ShareForm(), error=error)
    return await _show(request, session, actor, version_id, ShareForm(), made=made)


@get("/de-nghi-xem-hoc-ba", guards=[_KEEPS])
async def show_requests(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What organisations ask and the school has not answered."""
    waiting = await asking.waiting(session, actor)
    return page(request, "records/shares/requests.html", waiting=waiting)


@get("/xin-xem-hoc-ba", guards=[public()])
async def show_asking(request: Request) -> Html:
    """Where an organisation asks."""
    return page(request, "records/shares/ask.html", typed=AskForm(), error=None, token="", site="")


@post("/xin-xem-hoc-ba", guards=[public()], opt=_LOOKUP, status_code=200)
async def ask(request: Request, data: URLEncodedBody[AskForm]) -> Html:
    """Send a request to the school of a code; the link to its answer is shown this once."""
    error, token = None, ""
    try:
        await rate_limit.take(ASKING, network_of(request))
        wanted = rules.read_request(
            data.co_quan,
            data.ma_so,
            data.lien_he,
            data.muc_dich,
            with_data=bool(data.du_lieu),
            is_known_school=False,
        )
        token = await asking.ask(data.ma, wanted)
    except (Invalid, NotFound) as refused:
        error = refused
    return page(
        request,
        "records/shares/ask.html",
        status_code=error.status if error else 200,
        typed=data,
        error=error.message if error else None,
        token=token,
        site=settings.get().public_url.rstrip("/"),
    )


@get("/xin-xem-hoc-ba/{token:str}", guards=[public()], opt=_LOOKUP)
async def show_answer(request: Request, token: FromPath[str]) -> Html:
    """How far a request has come."""
    try:
        asked, error = await asking.look(token), None
    except NotFound as unknown:
        asked, error = None, unknown
    return page(
        request,
        "records/shares/answer.html",
        status_code=error.status if error else 200,
        asked=asked,
        token=token,
        error=error.message if error else None,
    )


@get("/chia-se/{token:str}", guards=[public()], opt=_LOOKUP)
async def show_link(request: Request, token: FromPath[str]) -> Html:
    """Where the recipient types the PIN."""
    try:
        return _link(request, token, await service.look(token))
    except (NotFound, Forbidden) as error:
        return _link(request, token, None, error)


@post("/chia-se/{token:str}", guards=[public()], opt=_LOOKUP, status_code=200)
async def open_link(request: Request, token: FromPath[str], data: URLEncodedBody[PinForm]) -> Html:
    """What the transcript says."""
    try:
        view, shown = await service.open_content(token, data.pin, network_of(request))
    except Invalid as error:
        return await _again(request, token, error)
    except (NotFound, Forbidden) as error:
        return _link(request, token, None, error)
    return page(
        request,
        "records/shares/shared.html",
        share=view,
        shown=shown,
        token=token,
        pin=data.pin,
        level_words={"subject": SUBJECT_LEVEL_NAMES, "trait": TRAIT_LEVEL_NAMES},
    )


@post("/chia-se/{token:str}/tep", guards=[public()], opt=_LOOKUP, status_code=200)
async def take_shared_file(
    request: Request, token: FromPath[str], data: URLEncodedBody[PinForm]
) -> Html | Response[bytes]:
    """A file of a year: as it was signed, or the data as it was frozen."""
    try:
        file, version = await service.take_file(token, data.pin, data.nam_hoc, data.loai, network_of(request))
    except Invalid as error:
        return await _again(request, token, error)
    except (NotFound, Forbidden) as error:
        return _link(request, token, None, error)
    name = f"hoc-ba-{version.academic_year}-phien-ban-{version.number}.{data.loai}"
    return Response(
        file,
        media_type=_TYPES[data.loai],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@get("/chia-se/gia-dinh/{token:str}", guards=[public()], opt=_LOOKUP)
async def show_family(request: Request, token: FromPath[str]) -> Html:
    """What the family has agreed to, who has used it, and how it ends it."""
    return await _family(request, token)


@post("/chia-se/gia-dinh/{token:str}", guards=[public()], opt=_LOOKUP, status_code=200)
async def end_as_family(request: Request, token: FromPath[str]) -> Html:
    """The family takes its consent back."""
    try:
        await service.revoke_as_family(token)
    except (NotFound, Conflict) as error:
        return await _family(request, token, error)
    return redirect(
        request, f"/chia-se/gia-dinh/{token}", "Đã rút lại sự đồng ý; liên kết không mở được nữa."
    )


async def _family(request: Request, token: str, error: AppError | None = None) -> Html:
    try:
        school, view = await service.look_as_family(token)
    except NotFound as unknown:
        return _link(request, token, None, unknown)
    return page(
        request,
        "records/shares/family.html",
        status_code=error.status if error else 200,
        error=error.message if error else None,
        school_name=school,
        share=view,
        token=token,
        relations=RELATIONS,
        means=MEANS,
        visits=VISITS,
    )


async def _again(request: Request, token: str, error: AppError) -> Html:
    try:
        return _link(request, token, await service.look(token), error)
    except (NotFound, Forbidden) as closed:
        return _link(request, token, None, closed)


def _link(request: Request, token: str, view: ShareView | None, error: AppError | None = None) -> Html:
    return page(
        request,
        "records/shares/link.html",
        status_code=error.status if error else 200,
        share=view,
        token=token,
        error=error.message if error else None,
    )


async def _show(
    request: Request,
    session: TenantSession,
    actor: Actor,
    version_id: uuid.UUID,
    typed: ShareForm,
    *,
    error: AppError | None = None,
    made: Made | None = None,
) -> Html:
    version, born, shares = await service.open_shares(session, actor, version_id)
    return page(
        request,
        "records/shares/shares.html",
        status_code=error.status if error else 200,
        version=version,
        school_class=await roster.get_class(session, version.class_id),
        needs_child=rules.age(born, clock.today()) >= rules.OWN_CONSENT_FROM,
        shares=shares,
        waiting=await asking.waiting_of(session, version.transcript_id),
        made=made,
        site=settings.get().public_url.rstrip("/"),
        typed=typed,
        relations=RELATIONS,
        means=MEANS,
        visits=VISITS,
        error=error.message if error else None,
    )
