"""The season board, one class of it, and reminders."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.errors import Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.gradebook.schemas import SHEET_STATES
from backend.records.season import service
from backend.records.season.schemas import AWAITED, MAX_REMARK, STAGE_NAMES, Filter, Stage
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_PLACE = "/mua-hoc-ba"


class NudgeForm(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to remind of which stage, and what to say with it."""

    nguoi: uuid.UUID
    buoc: Stage
    loi: str = ""
    csrf_token: str = ""


@get(_PLACE, guards=[requires(Permission.CLASSES_READ)])
async def show_board(
    request: Request,
    session: Session,
    actor: CurrentActor,
    khoi: FromQuery[str] = "",
    buoc: FromQuery[str] = "",
    nguoi: FromQuery[str] = "",
    tre: FromQuery[str] = "",
) -> Html:
    """Classes × stages and who is waited for, of one grade, stage, person, or only what is late."""
    wanted = Filter(
        grade=int(khoi) if khoi.isdecimal() and len(khoi) < 3 else None,
        stage=Stage(buoc) if buoc in AWAITED else None,
        person=_id(nguoi),
        late=bool(tre),
    )
    board = await service.board(session, actor, wanted)
    return page(
        request,
        "records/season/board.html",
        board=board,
        wanted=wanted,
        stages=STAGE_NAMES,
        awaited=AWAITED,
        max_remark=MAX_REMARK,
        sees_deliveries=actor.may(Permission.DELIVERY_READ),
    )


@get("/mua-hoc-ba/lop/{class_id:uuid}", guards=[requires(Permission.CLASSES_READ)])
async def show_class(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """One class: subject × term, its teacher, its state, empty cells, days to the last day."""
    return page(
        request,
        "records/season/class.html",
        board=await service.class_board(session, actor, class_id),
        stages=STAGE_NAMES,
        states=SHEET_STATES,
        opens_sheets=actor.may(Permission.SHEET_READ),
        sees_results=actor.may(Permission.RESULTS_READ),
        sees_transcripts=actor.may(Permission.TRANSCRIPT_READ),
    )


@post("/mua-hoc-ba/nhac", guards=[requires(Permission.SEASON_NUDGE)])
async def nudge(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[NudgeForm]
) -> Html:
    """Remind somebody; back to the board with one sentence."""
    try:
        name = await service.nudge(session, actor, data.nguoi, data.buoc, data.loi)
    except (Invalid, Conflict) as error:
        return redirect(request, _PLACE, error.message, "warn")
    return redirect(
        request, _PLACE, f"Đã nhắc {name}; lời nhắc hiện ở trang chủ của người ấy đến khi xong việc."
    )


def _id(typed: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(typed)
    except ValueError:
        return None
