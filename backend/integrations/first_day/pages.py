"""A person's first day: their steps with what is done, and a line of it at home until they hide it."""

import msgspec
from litestar import Response, get, post
from litestar.params import URLEncodedBody

from backend.core.web import CurrentActor, CurrentSignIn, Html, Request, Session, fragment, page, redirect
from backend.integrations.first_day import service
from backend.integrations.first_day.schemas import ADDRESS
from backend.tenants.guards import requires


class HidingForm(msgspec.Struct, frozen=True, kw_only=True):
    """Whether home is to speak of it: "1" hides it."""

    an: str = ""
    csrf_token: str = ""


@get(ADDRESS, guards=[requires()])
async def show_tour(request: Request, session: Session, actor: CurrentActor, sign_in: CurrentSignIn) -> Html:
    """The steps of this person."""
    tour = await service.tour(session, actor, sign_in)
    return page(request, "integrations/first_day/tour.html", tour=tour)


@get(f"{ADDRESS}/tom-tat", guards=[requires()])
async def show_at_home(
    request: Request, session: Session, actor: CurrentActor, sign_in: CurrentSignIn
) -> Html:
    """A line for home; nothing where there is nothing to say."""
    tour = await service.told_at_home(session, actor, sign_in)
    if tour is None:
        return Response(b"", status_code=204, media_type="text/html")
    return fragment(request, "integrations/first_day/_at_home.html", tour=tour)


@post(ADDRESS, guards=[requires()])
async def hide(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[HidingForm]
) -> Html:
    """Home stays silent about it, or speaks again."""
    if data.an == "1":
        await service.hide(session, actor)
        return redirect(request, "/", "Đã ẩn ở trang chủ; lúc nào cũng mở lại được ở Hướng dẫn.")
    await service.show(session, actor)
    return redirect(request, ADDRESS, "Trang chủ lại nhắc các việc này.")
