"""The list of what an Authority has of a school, page by page over HTTP. A list that is not whole is none."""

from urllib.parse import quote

from backend.core import http_client
from backend.integrations.deliveries.channels import access, port
from backend.integrations.deliveries.schemas import FetchedList
from backend.integrations.profiles import listings, messages
from backend.integrations.profiles.listings import BadList
from backend.integrations.profiles.schemas import Listed, Listing
from backend.remote_signing.formats.service import BadKey

#: More pages no school has.
_MOST_PAGES = 500
_REFUSED = (401, 403)


async def fetch(endpoint: port.Endpoint, sender_code: str) -> FetchedList:
    """All pages, or why there is no list."""
    listing = endpoint.profile.reconcile
    assert listing is not None
    pages: list[bytes] = []
    items: list[Listed] = []
    try:
        for number in range(1, _MOST_PAGES + 1):
            page = listings.read(listing, *await _page(endpoint, listing, sender_code, number, pages))
            items += page.items
            if len(items) == page.total:
                return FetchedList(pages=tuple(pages), items=tuple(items))
            if not page.items or len(items) > page.total:
                break
    except (access.Refused, BadKey):
        return FetchedList(pages=tuple(pages), problem="refused")
    except http_client.HttpFailure:
        return FetchedList(pages=tuple(pages), problem="unreached")
    except BadList:
        return FetchedList(pages=tuple(pages), problem="unreadable")
    return FetchedList(pages=tuple(pages), problem="unreadable")


async def _page(
    endpoint: port.Endpoint, listing: Listing, sender_code: str, number: int, pages: list[bytes]
) -> tuple[int, bytes]:
    """Status and bytes of a page, which is kept. Raises access.Refused, BadKey and what `http_client.request` raises."""
    places = {
        **messages.known_of(endpoint.profile, endpoint.parameters).parameters,
        "sender_code": sender_code,
    }
    path = listing.path.format_map(
        {name: quote(value, safe="") for name, value in places.items()} | {"page": number}
    )
    proof = await access.proof(endpoint)
    answer = await http_client.request(
        "GET",
        endpoint.base_url + path,
        headers={"accept": f"application/{listing.format}", **proof.headers},
        total_timeout=endpoint.total_timeout,
        connect_timeout=endpoint.connect_timeout,
        max_bytes=endpoint.profile.transport.max_answer,
        tls=access.tls(endpoint),
    )
    if answer.status in _REFUSED:
        # The next run asks for another token.
        access.forget(endpoint)
        raise access.Refused
    pages.append(answer.body)
    return answer.status, answer.body
