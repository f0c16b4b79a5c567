"""Reconciliation: the runs, what differed in one, and a run at once."""

import uuid

from litestar import Response, get, post
from litestar.params import FromPath

from backend.core.web import CurrentActor, Html, Request, Session, fragment, page, redirect
from backend.integrations.authorities import service as authorities
from backend.integrations.reconciliation import service
from backend.integrations.reconciliation.schemas import KIND_ADVICE, KIND_NAMES, OUTCOME_NAMES, Kind, Outcome
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

TONES = {
    Outcome.WAITING: "info",
    Outcome.COMPARED: "ok",
    Outcome.UNREACHED: "warn",
    Outcome.REFUSED: "bad",
    Outcome.UNREADABLE: "warn",
}
KIND_TONES = {Kind.EXTRA: "bad", Kind.MISSING: "bad", Kind.CONTENT: "bad", Kind.STATE: "warn"}


@get("/doi-soat", guards=[requires(Permission.DELIVERY_READ)])
async def show_runs(request: Request, session: Session, actor: CurrentActor) -> Html:
    """The runs, the newest first."""
    return page(
        request,
        "integrations/reconciliation/runs.html",
        authority=await authorities.name_of_current(session),
        runs=await service.runs(session),
        may_ask=actor.may(Permission.DELIVERY_RETRY) and await service.can_compare(session),
        names=OUTCOME_NAMES,
        tones=TONES,
    )


@get("/doi-soat/viec", guards=[requires(Permission.DELIVERY_RETRY)])
async def next_step(request: Request, session: Session) -> Html:
    """For the home page: the two lists differ. 204, which leaves the page as it is, when they agree."""
    run = await service.last_differences(session)
    if run is None:
        return Response(b"", status_code=204)
    return fragment(request, "integrations/reconciliation/_next_step.html", run=run)


@get("/doi-soat/{reconciliation_id:uuid}", guards=[requires(Permission.DELIVERY_READ)])
async def show_run(
    request: Request, session: Session, actor: CurrentActor, reconciliation_id: FromPath[uuid.UUID]
) -> Html:
    """What differed in one run."""
    run, findings = await service.open_run(session, actor, reconciliation_id)
    return page(
        request,
        "integrations/reconciliation/run.html",
        run=run,
        authority=authorities.name_of(run.authority),
        findings=findings,
        most=service.MOST_FINDINGS,
        names=OUTCOME_NAMES,
        tones=TONES,
        kind_names=KIND_NAMES,
        kind_tones=KIND_TONES,
        advice=KIND_ADVICE,
    )


@post("/doi-soat", guards=[requires(Permission.DELIVERY_RETRY)])
async def ask(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Compare now."""
    run_id = await service.ask(session, actor)
    return redirect(
        request,
        f"/doi-soat/{run_id}",
        "Hệ thống đang lấy danh sách của cơ quan tiếp nhận; xin mở lại trang sau ít giây.",
    )
