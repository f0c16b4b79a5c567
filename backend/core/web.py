"""What page handlers are made of: `page`, `fragment`, `redirect`, and the dependencies `session`, `actor` and `sign_in`.

One request is one transaction (read-only for GET): it is committed when the handler has returned, before the
answer leaves, and rolled back when anything raises. A handler with long work or calls over the network between its
use cases carries the guard `without_transaction` and opens one `transaction` for each use case.
"""

import base64
import ipaddress
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import litestar
import msgspec
from litestar import Response
from litestar.datastructures import Cookie
from litestar.di import NamedDependency, Provide
from litestar.enums import MediaType
from litestar.handlers import BaseRouteHandler

from backend.core import cookies, csrf, settings, templates
from backend.core.actor import Actor, SignIn
from backend.core.crypto import keyed_digest, same
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.core.errors import Unauthenticated
from backend.core.visit import SAFE_METHODS, Connection, Visitor, visit_of, visitor_of

Request: TypeAlias = litestar.Request[Any, Any, Any]
Html: TypeAlias = Response[bytes]
#: Types of the handler parameters `session`, `actor` and `sign_in`.
Session: TypeAlias = NamedDependency[TenantSession]
CurrentActor: TypeAlias = NamedDependency[Actor]
CurrentSignIn: TypeAlias = NamedDependency[SignIn]
Tone = Literal["info", "ok", "warn", "bad"]

#: A message for the next page is forgotten after this many seconds.
FLASH_SECONDS = 60
#: So long a browser is known after a sign-in (180 days).
KNOWN_SECONDS = 180 * 86400
HOME = "/"
#: What stands for itself in an address (RFC 3986, 2.2), and the sign of what is quoted already.
_IN_ADDRESSES = "/?#[]@!$&'()*+,;=:%"


class NavItem(msgspec.Struct, frozen=True):
    """An entry of the main menu; shown to those who have the permission ("" is everybody).

    `also` are further addresses whose pages belong to the entry.
    """

    label: str
    url: str
    icon: str
    permission: str = ""
    also: tuple[str, ...] = ()


class NavGroup(msgspec.Struct, frozen=True):
    """Entries of the main menu that belong together, under a heading ("" is none)."""

    heading: str
    items: tuple[NavItem, ...]


def page(request: Request, template: str, *, status_code: int = 200, **context: object) -> Html:
    """A whole page in the frame of the site, with the message that a redirect left for it."""
    frame, set_cookies = frame_of(request), []
    if not frame["csrf_token"]:
        secret = secrets.token_urlsafe(32)
        frame["csrf_token"] = csrf.token_for(secret)
        set_cookies.append(cookies.write("form", secret))
    sent = cookies.read(request, "flash")
    message = _read_flash(sent)
    frame["messages"] = [message] if message else []
    if sent:
        set_cookies.append(cookies.clear("flash"))
    return _html(templates.render(template, frame | context), status_code, set_cookies=set_cookies)


def fragment(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **context: object,
) -> Html:
    """A part of a page, for htmx to swap in; it knows the same names as a page."""
    return _html(templates.render(template, frame_of(request) | context), status_code, headers=headers)


def redirect(request: Request, path: str, message: str = "", tone: Tone = "ok") -> Html:
    """Send the browser to another page of the site (303), with a message for it; htmx by its own header."""
    set_cookies = [_flash(message, tone)] if message else []
    if is_htmx(request):
        return _html("", 200, headers={"HX-Redirect": path}, set_cookies=set_cookies)
    return _html("", 303, headers={"Location": path}, set_cookies=set_cookies)


def with_session(answer: Html, token: str, known: str = "") -> Html:
    """The answer, after which the browser holds the session of that token; a refusal does not bring it.

    `known` is kept for half a year: who signed in here.
    """
    answer.cookies.append(cookies.write("session", token))
    if known:
        answer.cookies.append(cookies.write("known", known, max_age=KNOWN_SECONDS))
    return answer


def session_renewed(request: Request, token: str) -> None:
    """The session is known by that token already, in a transaction that has ended: a refusal brings it, too."""
    visit_of(request).renewed = token


def frame_of(request: Request) -> dict[str, object]:
    """The names that every template may use; see `frontend_templates/layouts/`."""
    visit = visit_of(request)
    frame: dict[str, object] = {
        "request_id": visit.request_id,
        "csrf_token": csrf.token_of(request),
        "sandbox": settings.get().is_sandbox,
        "lang": "vi",
        "help_address": _help_address(request),
        "may": lambda permission: visit.visitor is not None and visit.visitor.actor.may(permission),
    }
    return frame | (_person(request, visit.visitor) if visit.visitor else {})


def is_htmx(request: Request) -> bool:
    """Whether htmx asks for a part of a page; a boosted link asks for a whole one."""
    full = request.headers.get("hx-request-type") == "full" or "hx-boosted" in request.headers
    return request.headers.get("hx-request") == "true" and not full


def local_path(value: str, default: str = HOME) -> str:
    """`value` where it is a path of this site, else `default`: a redirect never leaves the site.

    Letters that a header cannot carry come back as a browser would send them.
    """
    outside = not value.startswith("/") or value.startswith("//") or "\\" in value or not value.isprintable()
    return default if outside else quote(value, safe=_IN_ADDRESSES)


def several(value: list[str] | str) -> list[str]:
    """What a form sends for a field with several values: one comes as a text, none as an empty one."""
    return [value] if isinstance(value, str) and value else list(value)


def network_of(connection: Connection) -> str:
    """The visitor's network, /24 of IPv4 or /64 of IPv6: one attacker has many addresses of it."""
    return _network_of(connection.client.host) if connection.client else ""


@lru_cache(maxsize=10_000)
def _network_of(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network(f"{host}/{24 if address.version == 4 else 64}", strict=False))


async def provide_actor(request: Request) -> Actor:
    """Dependency `actor`: who asks."""
    return visitor_of(request).actor


async def provide_sign_in(request: Request) -> SignIn:
    """Dependency `sign_in`: how they are signed in."""
    sign_in = visitor_of(request).sign_in
    if sign_in is None:
        raise Unauthenticated("Xin đăng nhập để xem phần này.")
    return sign_in


async def provide_session(
    request: Request,
    actor: CurrentActor,  # Named so that Litestar provides one after the other: at once, each costs a task.
) -> AsyncGenerator[TenantSession, None]:
    """Dependency `session`: the request's transaction, committed when the handler has returned."""
    session = visit_of(request).session
    if session is None:
        raise Unauthenticated("Xin đăng nhập để xem phần này.")
    try:
        yield session
    except BaseException:
        await session.rollback()
        raise
    await session.commit()


async def without_transaction(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard after `requires(…)`: ends the transaction in which the visitor was found; `session` is not there."""
    await visit_of(connection).leave()


@asynccontextmanager
async def transaction(request: Request) -> AsyncIterator[TenantSession]:
    """One use case of a handler `without_transaction`: committed when the block ends well, else rolled back."""
    tenant_id = TenantId(visitor_of(request).actor.tenant_id)
    read_only, address = request.method in SAFE_METHODS, visit_of(request).address
    async with tenant_session(tenant_id, read_only=read_only, address=address) as session:
        yield session


dependencies = {
    "actor": Provide(provide_actor),
    "sign_in": Provide(provide_sign_in),
    "session": Provide(provide_session),
}


def _help_address(request: Request) -> str:
    """Where the page that is asked for is explained; "" on a site without a handbook."""
    address_for = request.app.state.get("help_address")
    return address_for(request.scope["path"]) if address_for else ""


def _person(request: Request, visitor: Visitor) -> dict[str, object]:
    path = request.scope["path"]
    return {
        "actor": visitor.actor,
        "user_name": visitor.actor.name,
        "role_label": visitor.role_label,
        "school_name": visitor.school_name,
        "nav": [
            (group.heading, entries)
            for group in request.app.state.navigation
            if (entries := _entries(group, visitor, path))
        ],
    }


def _entries(group: NavGroup, visitor: Visitor, path: str) -> list[tuple[str, str, str, bool]]:
    """What the visitor sees of a group: label, address, icon, whether the page belongs to it."""
    return [
        (item.label, item.url, item.icon, any(_is_under(path, url) for url in (item.url, *item.also)))
        for item in group.items
        if not item.permission or visitor.actor.may(item.permission)
    ]


def _is_under(path: str, url: str) -> bool:
    return path == url or (url != HOME and path.startswith(f"{url}/"))


def _html(
    text: str,
    status_code: int,
    *,
    headers: dict[str, str] | None = None,
    set_cookies: list[Cookie] | None = None,
) -> Html:
    body = text.encode()
    return Response(
        body, status_code=status_code, media_type=MediaType.HTML, headers=headers, cookies=set_cookies
    )


def _flash(message: str, tone: Tone) -> Cookie:
    body = base64.urlsafe_b64encode(msgspec.json.encode((tone, message[:500]))).decode()
    return cookies.write("flash", f"{body}.{_signature(body)}", max_age=FLASH_SECONDS)


def _read_flash(sent: str) -> tuple[str, str] | None:
    body, _, signature = sent.partition(".")
    if not body or not same(signature, _signature(body)):
        return None
    return msgspec.json.decode(base64.urlsafe_b64decode(body), type=tuple[str, str])


def _signature(body: str) -> str:
    return keyed_digest(settings.get().secret_key, "flash", body)
