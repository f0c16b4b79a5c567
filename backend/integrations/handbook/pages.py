"""The handbook: its contents with a search, and its pages. They hold no data, so anybody may read them."""

from litestar import get
from litestar.params import FromPath, FromQuery

from backend.core import admission, templates
from backend.core.admission import RouteClass
from backend.core.web import Html, Request, page
from backend.integrations.handbook import service
from backend.integrations.handbook.schemas import HANDBOOK
from backend.tenants.guards import public
from backend.tenants.permissions import ROLE_NAMES

#: Longest question that is looked at, in characters.
MAX_QUESTION = 100

#: Which page helps with an address; the frame of every page asks.
address_for = service.address_for


@get(HANDBOOK, guards=[public()])
async def show_contents(request: Request, hoi: FromQuery[str] = "") -> Html:
    """All pages, or those that answer a question."""
    question = " ".join(hoi.split())[:MAX_QUESTION]
    return page(
        request,
        "help/contents.html",
        groups=service.groups(),
        question=question,
        hits=service.search(question) if question else [],
    )


@get(f"{HANDBOOK}/{{slug:str}}", guards=[public()], opt={admission.OPTION: RouteClass.READ})
async def show_article(request: Request, slug: FromPath[str]) -> Html:
    """One page."""
    article, sections = service.get(slug)
    return page(
        request,
        "help/article.html",
        article=article,
        sections=[one for one in sections if one.anchor],
        roles=[ROLE_NAMES[role] for role in article.roles],
        pictures=templates.pictures(),
    )
