"""Results of a class and their confirmation."""

import uuid
from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.assessment import service
from backend.records.assessment.explaining import subjects_of
from backend.records.assessment.schemas import (
    LEVEL_NAMES,
    PROMOTION_NAMES,
    YEAR_LEVEL_NAMES,
    PrimaryResult,
    Promotion,
    PupilResult,
    ResultState,
)
from backend.records.gradebook import service as gradebook
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

#: How each conclusion looks; first what somebody still has to do something about.
_TONES = {
    Promotion.PENDING: "waiting",
    Promotion.REASSESSMENT: "warn",
    Promotion.SUMMER_TRAINING: "warn",
    Promotion.SUPPLEMENTARY: "warn",
    Promotion.RETAINED: "bad",
    Promotion.PROMOTED: "ok",
    Promotion.NOT_ASSESSED: "info",
}

TITLES = {
    "XUAT_SAC": "Học sinh Xuất sắc",
    "GIOI": "Học sinh Giỏi",
    "TIEU_BIEU": "Học sinh Tiêu biểu",
}


class ConfirmForm(msgspec.Struct, frozen=True, kw_only=True):
    """`xem`: the digest of the results on the page."""

    xem: str = ""
    csrf_token: str = ""


@get("/lop/{class_id:uuid}/ket-qua", guards=[requires(Permission.RESULTS_READ)])
async def show_results(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """What the circular makes of each pupil's year, in groups of the same conclusion; or a teacher's own subjects."""
    view = await service.open_results(session, actor, class_id)
    if view.only is not None:
        return page(
            request,
            "records/assessment/own_subjects.html",
            school_class=view.school_class,
            rows=[(one, subjects_of(one, view.only)) for one in view.results],
            primary=bool(view.results) and isinstance(view.results[0].result, PrimaryResult),
        )
    waiting = service.awaiting_confirmation(view.results)
    locked = await gradebook.is_class_locked(session, class_id)
    return page(
        request,
        "records/assessment/results.html",
        school_class=view.school_class,
        groups=_groups(view.results),
        assessed=len(view.results),
        missing=view.missing,
        primary=bool(view.results) and isinstance(view.results[0].result, PrimaryResult),
        locked=locked,
        waiting=len(waiting),
        seen=service.digest_of(waiting),
        again=sum(one.settled for one in waiting),
        confirmed=sum(one.state is ResultState.CONFIRMED for one in view.results),
        may_confirm=locked and bool(waiting) and view.school_class.homeroom_teacher_id == actor.staff_id,
        make_ups=await gradebook.awaited_make_ups(session, class_id) if view.results else [],
        levels=LEVEL_NAMES,
        year_levels=YEAR_LEVEL_NAMES,
        titles=TITLES,
    )


@get("/ket-qua/{result_id:uuid}", guards=[requires(Permission.RESULTS_READ)])
async def show_explanation(
    request: Request, session: Session, actor: CurrentActor, result_id: FromPath[uuid.UUID]
) -> Html:
    """Why the result of one pupil is what it is, every conclusion with its numbers and its article."""
    school_class, found = await service.explain(session, actor, result_id)
    return page(
        request,
        "records/assessment/explanation.html",
        school_class=school_class,
        found=found,
        primary=isinstance(found.pupil.result, PrimaryResult),
        conclusion=_conclusion(found.pupil.result.promotion),
    )


@post("/lop/{class_id:uuid}/xac-nhan", guards=[requires(Permission.RESULTS_CONFIRM)])
async def confirm_results(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    data: Annotated[ConfirmForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Html:
    """The homeroom teacher confirms what the page showed."""
    confirmed = await service.confirm_class(session, actor, class_id, data.xem)
    message = f"Đã xác nhận kết quả của {confirmed} học sinh." if confirmed else ""
    return redirect(request, f"/lop/{class_id}/ket-qua", message)


def _groups(results: Sequence[PupilResult]) -> list[tuple[str, str, list[PupilResult]]]:
    """(words, tone, pupils) of each conclusion that occurs; first what somebody still has to do something about."""
    found: dict[Promotion, list[PupilResult]] = {}
    for one in results:
        found.setdefault(one.result.promotion, []).append(one)
    return [(*_conclusion(promotion), found[promotion]) for promotion in _TONES if promotion in found]


def _conclusion(promotion: Promotion) -> tuple[str, str]:
    return PROMOTION_NAMES[promotion], _TONES[promotion]
