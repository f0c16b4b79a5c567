"""What is odd in a sheet before it goes on: on the sheet itself, on a page of its own, and for a head of department."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.errors import AppError, Conflict, Invalid, NotFound
from backend.core.web import CurrentActor, Html, Request, Session, fragment, page, redirect
from backend.records.review import service
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_PAGE = "/so-diem/{sheet_id:uuid}/ra-soat"


class WordForm(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen about the oddity with the key `diem`."""

    diem: str
    giai_thich: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[requires(Permission.SHEET_READ)])
async def show_review(
    request: Request, session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID]
) -> Html:
    """All that is odd in one sheet, with what was said about it."""
    return await _show(request, session, actor, sheet_id)


@get(f"{_PAGE}/tom-tat", guards=[requires(Permission.SHEET_READ)])
async def show_summary(
    request: Request, session: Session, actor: CurrentActor, sheet_id: FromPath[uuid.UUID]
) -> Html:
    """The same as a part of the page of the sheet."""
    review = await service.look_through(session, actor, sheet_id)
    return fragment(request, "records/review/_summary.html", review=review)


@post(_PAGE, guards=[requires(Permission.SHEET_WRITE, Permission.SHEET_CHECK, Permission.SHEET_LOCK_ANY)])
async def answer(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: FromPath[uuid.UUID],
    data: URLEncodedBody[WordForm],
) -> Html:
    """Say what was seen, or the page with what was typed and one sentence."""
    try:
        await service.answer(session, actor, sheet_id, data.diem, data.giai_thich)
    except (Invalid, Conflict, NotFound) as error:
        return await _show(request, session, actor, sheet_id, data, error)
    return redirect(request, f"/so-diem/{sheet_id}/ra-soat", "Đã ghi lời giải thích.")


@get("/duyet-so/ra-soat", guards=[requires(Permission.SHEET_CHECK)])
async def show_waiting(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What is odd in the sheets that wait for this head of department."""
    reviews, waiting = await service.look_through_waiting(session, actor)
    return page(request, "records/review/waiting.html", reviews=reviews, waiting=waiting, shown=service.SHOWN)


@get("/duyet-so/ra-soat/tom-tat", guards=[requires(Permission.SHEET_CHECK)])
async def show_waiting_summary(request: Request, session: Session, actor: CurrentActor) -> Html:
    """How many of the sheets that wait have something odd, as a part of the page of what waits."""
    reviews, _ = await service.look_through_waiting(session, actor)
    return fragment(request, "records/review/_waiting.html", reviews=reviews)


async def _show(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sheet_id: uuid.UUID,
    typed: WordForm | None = None,
    error: AppError | None = None,
) -> Html:
    return page(
        request,
        "records/review/review.html",
        status_code=error.status if error else 200,
        error=error.message if error else None,
        review=await service.look_through(session, actor, sheet_id),
        typed=typed,
    )
