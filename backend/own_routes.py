"""Routes of the site itself, of no slice: whether it runs, what browsers report, its files and its components."""

import logging

from litestar import Response, get, post
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from backend.core import admission, csrf, database, headers, rate_limit, settings, templates, web
from backend.core.admission import RouteClass
from backend.core.errors import NotFound
from backend.tenants import guards

log = logging.getLogger(__name__)

#: Neither data nor secrets: asked as often as anybody likes.
FREE = {admission.OPTION: RouteClass.FREE}


@get("/healthz", guards=[guards.public()], opt=FREE)
async def healthz() -> str:
    """This process runs."""
    return "ok\n"


@get("/readyz", guards=[guards.public()], opt=FREE)
async def readyz() -> Response[dict[str, str]]:
    """What this process needs answers. Without Valkey only speed is lost, so it does not count."""
    ready = await database.answers()
    state = {"database": ready, "valkey": await rate_limit.answers()}
    body = {name: "up" if up else "down" for name, up in state.items()}
    return Response(body, status_code=200 if ready else 503)


@post(headers.REPORT_PATH, guards=[guards.public()], opt={csrf.EXEMPT: "sent by browsers"}, status_code=204)
async def csp_report() -> None:
    """A browser stopped what our policy forbids. Counted, not read: anybody may send anything here."""
    log.warning("content security policy report", extra={"event": "csp"})


@get("/favicon.ico", guards=[guards.public()], opt=FREE)
async def favicon() -> Redirect:
    """Browsers ask here when a page names no icon: a PDF, an answer in JSON."""
    return Redirect(templates.asset("mark.svg"))


@get("/styleguide", guards=[guards.public()], opt=FREE)
async def styleguide(request: web.Request) -> web.Html:
    """Every component in every state, for people who write pages; not there in production."""
    if settings.get().environment == "production":
        raise NotFound("Không tìm thấy trang này.")
    return web.page(request, "styleguide/page.html")


static_files = create_static_files_router(
    path=templates.STATIC_URL,
    directories=[templates.DIST, templates.PICTURES],
    guards=[guards.public()],
    opt=FREE,
)
