"""`/van-hanh`: pages of a site of its own, for the people who run the platform; no page of a school is here."""

from litestar import get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery

from backend.core import cookies
from backend.core.errors import Unauthenticated
from backend.core.visit import Connection
from backend.core.web import Html, Request, page, redirect
from backend.integrations.operations import editions, profile_words, service
from backend.integrations.operations.schemas import SignedIn
from backend.integrations.operations.service import Door
from backend.tenants.guards import public

_HOME = "/van-hanh"
_PROFILES = f"{_HOME}/ho-so-ket-noi"
#: Everybody comes through this one.
door = Door()


async def operators(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard after `public()`: an operator who is in."""
    _who(connection)


@get(f"{_HOME}/vao/{{token:str}}", guards=[public()])
async def show_way_in(request: Request, token: FromPath[str]) -> Html:
    """Who the link is for; whoever only opens it, as programs do that look at links, does not use it up."""
    try:
        ticket = door.look_at(token)
    except Unauthenticated as error:
        return _told(request, error)
    return page(request, "integrations/operations/way_in.html", token=token, operator=ticket.operator)


@post(f"{_HOME}/vao/{{token:str}}", guards=[public()])
async def enter(request: Request, token: FromPath[str]) -> Html:
    """Come in, once."""
    try:
        cookie = door.enter(token)
    except Unauthenticated as error:
        return _told(request, error)
    answer = redirect(request, _HOME)
    answer.cookies.append(cookies.write("operator", cookie))
    return answer


@get(["/", _HOME], guards=[public()])
async def show_console(request: Request) -> Html:
    """The platform at a glance."""
    try:
        who = _who(request)
    except Unauthenticated as error:
        return _told(request, error)
    return page(
        request,
        "integrations/operations/console.html",
        who=who,
        found=await service.overview(who.operator),
    )


@get(_PROFILES, guards=[public()])
async def show_editions(request: Request) -> Html:
    """All editions of all profiles, and who is bound to them."""
    try:
        who = _who(request)
    except Unauthenticated as error:
        return _told(request, error)
    found = await editions.listed(who.operator)
    return page(request, "integrations/operations/editions.html", who=who, editions=found)


@get(f"{_PROFILES}/{{family:str}}/{{number:int}}", guards=[public()])
async def show_edition(
    request: Request, family: FromPath[str], number: FromPath[int], so_voi: FromQuery[str] = ""
) -> Html:
    """One edition, whole; beside another one, in what they differ."""
    try:
        who = _who(request)
    except Unauthenticated as error:
        return _told(request, error)
    profile_id = f"{family}/{number}"
    if so_voi:
        found = await editions.compared(so_voi, profile_id)
        return page(request, "integrations/operations/comparison.html", found=found)
    return page(
        request,
        "integrations/operations/edition.html",
        found=await editions.shown(who.operator, profile_id),
        actions=profile_words.ACTIONS,
        classes=profile_words.CLASSES,
    )


@post(f"{_HOME}/ra", guards=[public(), operators])
async def leave(request: Request) -> Html:
    """Leave the console."""
    door.leave(cookies.read(request, "operator"))
    answer = redirect(request, _HOME)
    answer.cookies.append(cookies.clear("operator"))
    return answer


def _who(connection: Connection) -> SignedIn:
    return door.who(cookies.read(connection, "operator"))


def _told(request: Request, error: Unauthenticated) -> Html:
    return page(request, "integrations/operations/outside.html", status_code=401, words=error.message)
