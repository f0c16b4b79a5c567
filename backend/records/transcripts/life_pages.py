"""Taking versions back: withdrawn before the issue, one or a whole class; recalled after it."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, CurrentSignIn, Html, Request, Session, page, redirect
from backend.records.roster import service as roster
from backend.records.transcripts import life, rules, service
from backend.records.transcripts.schemas import Deed
from backend.tenants.approvals import service as approvals
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_WITHDRAWS = requires(Permission.TRANSCRIPT_WITHDRAW)


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a version does not stand."""

    ly_do: str = ""
    csrf_token: str = ""


@get("/hoc-ba/{version_id:uuid}/rut-lai", guards=[_WITHDRAWS, step_up()])
async def show_withdrawal(
    request: Request, session: Session, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Html:
    """Why a version is not to be issued."""
    return await _withdrawal(request, session, actor, version_id, ReasonForm())


@post("/hoc-ba/{version_id:uuid}/rut-lai", guards=[_WITHDRAWS, step_up("/hoc-ba/{version_id}/rut-lai")])
async def withdraw(
    request: Request,
    session: Session,
    actor: CurrentActor,
    version_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """The version is void, its signing ends, its pupil's marks may be corrected; or the form again with one sentence."""
    try:
        version = await life.withdraw(session, actor, version_id, data.ly_do)
    except (Invalid, Conflict) as error:
        return await _withdrawal(request, session, actor, version_id, data, error)
    return redirect(
        request,
        f"/hoc-ba/{version_id}",
        f"Đã rút lại học bạ của {version.full_name}; nay có thể mở lại sổ điểm để sửa, rồi chốt phiên bản tiếp theo.",
    )


@get("/hoc-ba/{version_id:uuid}/thu-hoi", guards=[_WITHDRAWS, step_up()])
async def show_recall(
    request: Request, session: Session, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Html:
    """Why an issued version is to be recalled, and who else decides."""
    return await _recall(request, session, actor, version_id, ReasonForm())


@post("/hoc-ba/{version_id:uuid}/thu-hoi", guards=[_WITHDRAWS, step_up("/hoc-ba/{version_id}/thu-hoi")])
async def ask_recall(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    version_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """Ask a second person to have it recalled; or the form again with one sentence."""
    try:
        waiting = await life.ask_recall(session, actor, sign_in, version_id, data.ly_do)
    except (Invalid, Conflict) as error:
        return await _recall(request, session, actor, version_id, data, error)
    said = (
        "Đã gửi đề nghị; việc thu hồi bắt đầu ngay khi người thứ hai duyệt."
        if waiting
        else "Việc thu hồi đã bắt đầu; kết quả hiện ở trang này."
    )
    return redirect(request, f"/hoc-ba/{version_id}", said)


async def _recall(
    request: Request,
    session: TenantSession,
    actor: Actor,
    version_id: uuid.UUID,
    form: ReasonForm,
    error: AppError | None = None,
) -> Html:
    version = await service.open_version(session, actor, version_id)
    return page(
        request,
        "records/transcripts/recall.html",
        status_code=error.status if error else 200,
        version=version,
        school_class=await roster.get_class(session, version.class_id),
        obstacle=await life.why_no_recall(session, actor, version),
        closing=await service.closing_of(session, version),
        approvers=await approvals.approvers(session, actor),
        waiting=await life.recall_waiting(session, version),
        form_data=form,
        error=error.message if error else None,
        names=rules.STATE_NAMES,
        tones=rules.TONES,
    )


async def _withdrawal(
    request: Request,
    session: TenantSession,
    actor: Actor,
    version_id: uuid.UUID,
    form: ReasonForm,
    error: AppError | None = None,
) -> Html:
    version = await service.open_version(session, actor, version_id)
    return page(
        request,
        "records/transcripts/withdrawal.html",
        status_code=error.status if error else 200,
        version=version,
        school_class=await roster.get_class(session, version.class_id),
        obstacle=rules.why_not(actor, version, Deed.WITHDRAW),
        form_data=form,
        error=error.message if error else None,
        names=rules.STATE_NAMES,
        tones=rules.TONES,
    )


@get("/lop/{class_id:uuid}/hoc-ba/rut-lai", guards=[_WITHDRAWS, step_up()])
async def show_class_withdrawal(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """Why nothing of a class is to be issued as it is."""
    return await _class_withdrawal(request, session, actor, class_id, ReasonForm())


@post("/lop/{class_id:uuid}/hoc-ba/rut-lai", guards=[_WITHDRAWS, step_up("/lop/{class_id}/hoc-ba/rut-lai")])
async def withdraw_class(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ReasonForm],
) -> Html:
    """All versions of a class that are not issued are void; or the form again with one sentence."""
    try:
        count = await life.withdraw_class(session, actor, class_id, data.ly_do)
    except (Invalid, Conflict) as error:
        return await _class_withdrawal(request, session, actor, class_id, data, error)
    return redirect(request, f"/lop/{class_id}/hoc-ba", f"Đã rút lại {count} học bạ chưa phát hành của lớp.")


async def _class_withdrawal(
    request: Request,
    session: TenantSession,
    actor: Actor,
    class_id: uuid.UUID,
    form: ReasonForm,
    error: AppError | None = None,
) -> Html:
    school_class, versions = await service.open_class(session, actor, class_id)
    return page(
        request,
        "records/transcripts/class_withdrawal.html",
        status_code=error.status if error else 200,
        school_class=school_class,
        count=sum(rules.may(actor, one, Deed.WITHDRAW) for one in versions),
        form_data=form,
        error=error.message if error else None,
    )
