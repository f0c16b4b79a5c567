"""Home: the season board."""

import msgspec
from litestar import Response, get, post

from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.reports import service
from backend.records.reports.schemas import Board, Stage
from backend.records.season.schemas import STAGE_NAMES
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

#: What waits for a person, on their home page; the rest is on the season board.
WAITS_SHOWN = 6


@get("/", guards=[requires()])
async def show_home(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What to do next, and how far the school has come; to the choice of schools, where nothing is left to do here."""
    if not actor.permissions:
        return redirect(request, "/chon-truong")
    board = await service.board(session, actor)
    return page(
        request,
        "records/reports/home.html",
        board=board,
        steps=_steps(board.stages),
        stages=STAGE_NAMES,
        waits_shown=WAITS_SHOWN,
        may_resume=actor.may(Permission.WORK_RESUME),
        sees_deliveries=actor.may(Permission.DELIVERY_READ),
        acts_on_deliveries=actor.may(Permission.DELIVERY_RETRY),
    )


@get("/tien-do", guards=[requires(Permission.CLASSES_READ)])
async def progress(session: Session, actor: CurrentActor) -> Response[bytes]:
    """The board as JSON, for screens that follow it live."""
    board: Board = await service.board(session, actor)
    return Response(msgspec.json.encode(board), media_type="application/json")


@get("/viec-dung", guards=[requires(Permission.WORK_RESUME)])
async def show_stopped(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Work that the machine has given up, with its reasons."""
    return page(request, "records/reports/stopped.html", stopped=await service.stopped_work(session, actor))


@post("/viec-dung", guards=[requires(Permission.WORK_RESUME)])
async def resume(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Set it going again."""
    resumed = await service.resume_work(session, actor)
    said = f"Hệ thống đang làm lại {resumed} việc." if resumed else "Không còn việc nào đang dừng."
    return redirect(request, "/", said)


def _steps(stages: tuple[Stage, ...]) -> list[dict[str, object]]:
    """The stages for the stepper: the first one that is not complete is the current one."""
    steps: list[dict[str, object]] = []
    current = next((stage.key for stage in stages if stage.done < stage.total or not stage.total), None)
    for stage in stages:
        state = (
            "current"
            if stage.key == current
            else "done"
            if stage.total and stage.done >= stage.total
            else "waiting"
        )
        steps.append({"label": stage.label, "state": state, "hint": f"{stage.done} / {stage.total}"})
    return steps
