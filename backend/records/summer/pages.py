"""After a year: what is decided about the pupils of a class, and the lists of the school."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.assessment.schemas import PROMOTION_NAMES
from backend.records.decisions.schemas import DecisionKey, DecisionKind
from backend.records.roster.schemas import StudentId
from backend.records.summer import service
from backend.records.summer.schemas import NewWord
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_CLASS = "/lop/{class_id:uuid}/sau-nam-hoc"
#: What each of the two forms takes: the principal's word wants a proof, so it is not taken where none is asked.
_OF_TEACHERS = frozenset(DecisionKind) - {DecisionKind.PROMOTION}
_OF_PRINCIPAL = frozenset({DecisionKind.PROMOTION})


class WordForm(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody decides about the pupil `hoc_sinh`; `muc` is "kind:slot", `lan` the revision on the page."""

    hoc_sinh: uuid.UUID
    muc: str
    lan: int = 0
    gia_tri: str = ""
    ly_do: str = ""
    csrf_token: str = ""


@get(_CLASS, guards=[requires(Permission.RESULTS_READ)])
async def show_class(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """The pupils of a class about whom something is to be decided after the year."""
    return await _show(request, session, actor, class_id)


@post(_CLASS, guards=[requires(Permission.SHEET_WRITE)])
async def say(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    data: URLEncodedBody[WordForm],
) -> Html:
    """A teacher records a result after the summer, or takes it back; or the page with one sentence."""
    return await _say(request, session, actor, class_id, data, _OF_TEACHERS)


@post(
    "/lop/{class_id:uuid}/quyet-dinh-len-lop",
    guards=[requires(Permission.PROMOTION_DECIDE), step_up("/lop/{class_id}/sau-nam-hoc")],
)
async def decide(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    data: URLEncodedBody[WordForm],
) -> Html:
    """The principal decides about a pupil who is still Chưa hoàn thành (TT27 Đ.11.1.c), or takes it back."""
    return await _say(request, session, actor, class_id, data, _OF_PRINCIPAL)


@get("/sau-nam-hoc", guards=[requires(Permission.TRANSCRIPT_READ_ANY)])
async def show_lists(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Who is assessed again, trained or helped, and who completes a level: lists to be printed."""
    return page(request, "records/summer/lists.html", found=await service.lists(session, actor))


async def _say(
    request: Request,
    session: TenantSession,
    actor: Actor,
    class_id: uuid.UUID,
    data: WordForm,
    taken: frozenset[DecisionKind],
) -> Html:
    kind, _, slot = data.muc.partition(":")
    try:
        if kind not in taken:
            raise Invalid("Không có mục này; hãy tải lại trang.")
        new = NewWord(
            student_id=StudentId(data.hoc_sinh),
            key=DecisionKey(DecisionKind(kind), slot),
            value=data.gia_tri.strip(),
            reason=data.ly_do,
            seen=data.lan,
        )
        now = await service.say(session, actor, class_id, new)
    except (Invalid, Conflict) as error:
        return await _show(request, session, actor, class_id, data, error)
    told = f" Kết luận hiện nay: {PROMOTION_NAMES[now]}." if now else ""
    return redirect(request, f"/lop/{class_id}/sau-nam-hoc", f"Đã ghi.{told}")


async def _show(
    request: Request,
    session: TenantSession,
    actor: Actor,
    class_id: uuid.UUID,
    typed: WordForm | None = None,
    error: AppError | None = None,
) -> Html:
    found = await service.open_class(session, actor, class_id)
    return page(
        request,
        "records/summer/class.html",
        status_code=error.status if error else 200,
        error=error.message if error else None,
        school_class=found.school_class,
        pupils=found.pupils,
        only=found.only,
        typed=typed,
        promotions=PROMOTION_NAMES,
    )
