"""Results of a class and their confirmation."""

import uuid
from collections import Counter

from litestar import get, post
from litestar.params import FromPath

from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.assessment import service
from backend.records.assessment.schemas import PrimaryResult, Promotion, PupilResult, ResultState
from backend.records.gradebook import service as gradebook
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

#: For people: what follows from the year (TT22 Đ.12–14, TT27 Đ.11).
PROMOTIONS = {
    Promotion.PROMOTED: ("Được lên lớp", "ok"),
    Promotion.RETAINED: ("Không được lên lớp", "bad"),
    Promotion.REASSESSMENT: ("Đánh giá lại trong hè", "warn"),
    Promotion.SUMMER_TRAINING: ("Rèn luyện trong hè", "warn"),
    Promotion.SUPPLEMENTARY: ("Đánh giá bổ sung", "warn"),
    Promotion.PENDING: ("Chưa đủ dữ liệu", "waiting"),
    Promotion.NOT_ASSESSED: ("Không đánh giá (khuyết tật)", "info"),
}
LEVELS = {"T": "Tốt", "K": "Khá", "Đ": "Đạt", "CĐ": "Chưa đạt"}
YEAR_LEVELS = {
    "HTXS": "Hoàn thành xuất sắc",
    "HTT": "Hoàn thành tốt",
    "HT": "Hoàn thành",
    "CHT": "Chưa hoàn thành",
}
TITLES = {
    "XUAT_SAC": "Học sinh Xuất sắc",
    "GIOI": "Học sinh Giỏi",
    "TIEU_BIEU": "Học sinh Tiêu biểu",
}


@get("/lop/{class_id:uuid}/ket-qua", guards=[requires(Permission.RESULTS_READ)])
async def show_results(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """What the circular makes of each pupil's year, with the reasons."""
    school_class, results = await service.open_results(session, actor, class_id)
    waiting = [
        r for r in results if r.state is ResultState.COMPUTED and r.result.promotion is not Promotion.PENDING
    ]
    locked = await gradebook.is_class_locked(session, class_id)
    return page(
        request,
        "records/assessment/results.html",
        school_class=school_class,
        results=results,
        primary=bool(results) and isinstance(results[0].result, PrimaryResult),
        locked=locked,
        waiting=len(waiting),
        confirmed=sum(r.state is ResultState.CONFIRMED for r in results),
        may_confirm=locked and bool(waiting) and school_class.homeroom_teacher_id == actor.staff_id,
        outcomes=_outcomes(results),
        make_ups=await gradebook.awaited_make_ups(session, class_id) if results else [],
        promotions=PROMOTIONS,
        levels=LEVELS,
        year_levels=YEAR_LEVELS,
        titles=TITLES,
    )


@post("/lop/{class_id:uuid}/xac-nhan", guards=[requires(Permission.RESULTS_CONFIRM)])
async def confirm_results(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """The homeroom teacher confirms."""
    confirmed = await service.confirm_class(session, actor, class_id)
    message = f"Đã xác nhận kết quả của {confirmed} học sinh." if confirmed else ""
    return redirect(request, f"/lop/{class_id}/ket-qua", message)


def _outcomes(results: list[PupilResult]) -> list[tuple[str, str, int]]:
    """(words, tone, number of pupils) of each conclusion that occurs."""
    counts = Counter(one.result.promotion for one in results)
    return [(*words, counts[promotion]) for promotion, words in PROMOTIONS.items() if counts[promotion]]
