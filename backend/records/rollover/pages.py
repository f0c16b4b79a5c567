"""Rolling a school year over: the preview, class by class; doing it, undoing it, and whoever is left."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
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
from backend.records.rollover import service
from backend.records.rollover.schemas import OUTCOME_NAMES, Outcome
from backend.records.roster import service as roster
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_ROLLS = requires(Permission.YEAR_ROLL)
_PAGE = "/truong/nam-hoc/{year_id:uuid}/len-lop"
_CLASS = "/lop/{class_id:uuid}/len-lop"


class ApplyForm(msgspec.Struct, frozen=True, kw_only=True):
    """Do what was shown: `xem` is what the page brought along of it."""

    xem: str = ""
    giu_giao_vien: str = ""
    csrf_token: str = ""


class PlaceForm(msgspec.Struct, frozen=True, kw_only=True):
    """One pupil who is left, and their class."""

    hoc_sinh: uuid.UUID
    lop: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[_ROLLS])
async def show_rollover(
    request: Request, session: Session, actor: CurrentActor, year_id: FromPath[uuid.UUID]
) -> Html:
    """Every class of a year: how many go up, stay, have finished, are not decided; and by name who is left."""
    return await _show(request, session, actor, year_id)


@get(_CLASS, guards=[_ROLLS])
async def show_class_moves(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
) -> Html:
    """One class: where each pupil goes, to be changed before it is done."""
    return await _show_class(request, session, actor, class_id)


@post(_CLASS, guards=[_ROLLS, without_transaction])
async def choose_classes(request: Request, actor: CurrentActor, class_id: FromPath[uuid.UUID]) -> Html:
    """Save it, all or nothing; or show it as it is now, with one sentence."""
    sent = await request.form()
    typed, seen = [
        {name.removeprefix(of): str(value) for name, value in sent.items() if name.startswith(of)}
        for of in ("lop.", "cu.")
    ]
    try:
        async with transaction(request) as session:
            year_id = (await roster.get_class(session, class_id)).academic_year_id
            count = await service.choose(session, actor, year_id, typed, seen)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _show_class(request, session, actor, class_id, error)
    return redirect(
        request,
        f"/truong/nam-hoc/{year_id}/len-lop",
        f"Đã chọn lớp mới cho {count} học sinh; chưa kết chuyển.",
    )


@post(_PAGE, guards=[_ROLLS, without_transaction])
async def apply_rollover(
    request: Request, actor: CurrentActor, year_id: FromPath[uuid.UUID], data: URLEncodedBody[ApplyForm]
) -> Html:
    """Do it, or show what stands against it."""
    try:
        async with transaction(request) as session:
            count = await service.apply(
                session, actor, year_id, data.xem, keep_teachers=bool(data.giu_giao_vien)
            )
    except Conflict as error:
        async with transaction(request) as session:
            return await _show(request, session, actor, year_id, error)
    said = f"Đã kết chuyển {count} học sinh sang năm học sau." if count else "Năm học này đã kết chuyển rồi."
    return redirect(request, f"/truong/nam-hoc/{year_id}/len-lop", said)


@post(f"{_PAGE}/hoan-tac", guards=[_ROLLS, without_transaction])
async def undo_rollover(request: Request, actor: CurrentActor, year_id: FromPath[uuid.UUID]) -> Html:
    """Take it back, or show what stands against that."""
    try:
        async with transaction(request) as session:
            count = await service.undo(session, actor, year_id)
    except Conflict as error:
        async with transaction(request) as session:
            return await _show(request, session, actor, year_id, error)
    return redirect(
        request,
        f"/truong/nam-hoc/{year_id}/len-lop",
        f"Đã hoàn tác: {count} học sinh không còn lớp ở năm học sau.",
    )


@post(f"{_PAGE}/xep", guards=[_ROLLS, without_transaction])
async def place_pupil(
    request: Request, actor: CurrentActor, year_id: FromPath[uuid.UUID], data: URLEncodedBody[PlaceForm]
) -> Html:
    """Give one pupil who is left a place."""
    try:
        async with transaction(request) as session:
            name = await service.place_one(session, actor, year_id, data.hoc_sinh, data.lop)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _show(request, session, actor, year_id, error)
    return redirect(request, f"/truong/nam-hoc/{year_id}/len-lop", f"Đã xếp {name} vào lớp {data.lop}.")


async def _show(
    request: Request,
    session: TenantSession,
    actor: Actor,
    year_id: uuid.UUID,
    error: AppError | None = None,
) -> Html:
    found, left = await service.open_proposal(session, actor, year_id)
    return page(
        request,
        "records/rollover/rollover.html",
        status_code=error.status if error else 200,
        found=found,
        outcomes=list(OUTCOME_NAMES.items()),
        totals={outcome: sum(one.count(outcome) for one in found.classes) for outcome in Outcome},
        left=[(school_class, pupil, found.targets_for(pupil)) for school_class, pupil in left],
        whole=[one for one in found.classes if one.waits_for],
        opening=[one.name for one in found.targets if one.class_id is None],
        moving=sum(one.is_decided for one in found.pupils),
        placed=sum(one.placed is not None for one in found.pupils),
        error=error.message if error else None,
    )


async def _show_class(
    request: Request,
    session: TenantSession,
    actor: Actor,
    class_id: uuid.UUID,
    error: AppError | None = None,
) -> Html:
    found, one = await service.open_class(session, actor, class_id)
    return page(
        request,
        "records/rollover/class.html",
        status_code=error.status if error else 200,
        found=found,
        school_class=one.school_class,
        rows=[(pupil, found.targets_for(pupil)) for pupil in one.pupils],
        outcomes=OUTCOME_NAMES,
        error=error.message if error else None,
    )
