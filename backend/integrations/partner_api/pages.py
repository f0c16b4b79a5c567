"""The guide for whoever writes the other system, in English as programmers read it."""

from litestar import get

from backend.core.api_document import GUIDE_PATH, MOST
from backend.core.web import Html, Request, page
from backend.integrations.webhooks.schemas import BOTH_KEYS, SCHEDULE, STOPPED_AFTER
from backend.tenants.guards import public


@get(GUIDE_PATH, guards=[public()])
async def show_guide(request: Request) -> Html:
    """How to read, write and be told; each address by itself is in the OpenAPI document."""
    return page(
        request,
        "integrations/partner_api/guide.html",
        most=MOST,
        tries=len(SCHEDULE) + 1,
        stopped_days=STOPPED_AFTER.days,
        both_days=BOTH_KEYS.days,
    )
