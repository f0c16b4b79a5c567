"""The operator's console: a site of its own, one process, apart from the schools' site and with no page of theirs."""

import gc

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler

import backend.workflow  # noqa: F401
from backend import own_routes
from backend.core import database, edge, error_answers, http_client, lookups, rate_limit
from backend.integrations.operations import pages
from backend.tenants import guards

#: Everything that answers here.
ROUTES: list[ControllerRouterHandler] = [
    own_routes.healthz,
    own_routes.static_files,
    pages.show_way_in,
    pages.enter,
    pages.show_console,
    pages.show_editions,
    pages.show_edition,
    pages.leave,
]
#: Forms of the console are a token and a button.
MAX_BODY = 10_000


async def leave() -> None:
    """After the last request: give connections back."""
    await database.engine().dispose()
    await lookups.close()
    await rate_limit.close()
    await http_client.aclose()


def create_console() -> Litestar:
    """The site. Raises ValueError when a handler has no guard."""
    app = edge.Site(
        route_handlers=ROUTES,
        exception_handlers=error_answers.handlers,
        state=State({"navigation": ()}),
        on_shutdown=[leave],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=MAX_BODY,
        debug=False,
    )
    guards.mark(app)
    return app


def site() -> object:
    """The ASGI application of the process."""
    app = create_console()
    gc.freeze()
    return app
