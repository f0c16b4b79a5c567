"""The list of what an Authority has of a school, page by page, over whichever wire. A list that is not whole is none."""

from urllib.parse import quote

from backend.core import http_client
from backend.integrations.deliveries.channels import access, port
from backend.integrations.deliveries.schemas import FetchedList
from backend.integrations.profiles import answers, listings, messages
from backend.integrations.profiles.listings import BadList
from backend.integrations.profiles.mapping import BadMapping
from backend.integrations.profiles.schemas import Listed, Listing
from backend.remote_signing.formats.service import BadKey

#: More pages no school has.
_MOST_PAGES = 500
_OK, _REFUSED = 200, (401, 403)


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
    except (BadList, BadMapping):
        return FetchedList(pages=tuple(pages), problem="unreadable")
    return FetchedList(pages=tuple(pages), problem="unreadable")


async def _page(
    endpoint: port.Endpoint, listing: Listing, sender_code: str, number: int, pages: list[bytes]
) -> tuple[int, bytes]:
    """Status and bytes of a page, which is kept. A token that is over is asked for once more.

    Raises access.Refused, BadKey, BadMapping and what `http_client.request` raises.
    """
    if endpoint.profile.transport.kind == "sftp":
        # Loaded by whoever has such an Authority: asyncssh is large.
        from backend.integrations.deliveries.channels import sftp

        places = _places(endpoint, sender_code) | {"page": str(number)}
        status, body = _OK, await sftp.fetch(endpoint, listing.path.format_map(places))
    else:
        status, body = await _called(endpoint, listing, sender_code, number)
        if _is_refused(endpoint, status, body):
            access.forget(endpoint)
            status, body = await _called(endpoint, listing, sender_code, number)
            if _is_refused(endpoint, status, body):
                access.forget(endpoint)
                raise access.Refused
    pages.append(body)
    return status, body


async def _called(
    endpoint: port.Endpoint, listing: Listing, sender_code: str, number: int
) -> tuple[int, bytes]:
    quoted = {name: quote(value, safe="") for name, value in _places(endpoint, sender_code).items()}
    content = listings.ask(
        listing, sender_code, number, messages.known_of(endpoint.profile, endpoint.parameters)
    )
    proof = await access.proof(endpoint)
    headers = {"accept": "text/xml" if listing.format == "soap" else f"application/{listing.format}"}
    if content:
        headers["content-type"] = "text/xml; charset=utf-8"
    if listing.soap_action is not None:
        headers["soapaction"] = f'"{listing.soap_action}"'
    answer = await http_client.request(
        "POST" if content else "GET",
        endpoint.base_url + listing.path.format_map(quoted | {"page": str(number)}),
        headers={**headers, **proof.headers},
        content=proof.on(content) or None,
        total_timeout=endpoint.total_timeout,
        connect_timeout=endpoint.connect_timeout,
        max_bytes=endpoint.profile.transport.max_answer,
        tls=access.tls(endpoint),
    )
    return answer.status, answer.body


def _places(endpoint: port.Endpoint, sender_code: str) -> dict[str, str]:
    known = messages.known_of(endpoint.profile, endpoint.parameters)
    return {**known.parameters, "sender_code": sender_code}


def _is_refused(endpoint: port.Endpoint, status: int, body: bytes) -> bool:
    """By the status, or in the words in which this Authority refuses a question about a message."""
    if status in _REFUSED:
        return True
    asked = endpoint.profile.operations.query.answer
    reading = answers.read(asked, status, body, "") if asked is not None and status != _OK else None
    return reading is not None and reading.meaning in ("refused", "renew")
