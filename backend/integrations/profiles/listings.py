"""An Authority's list of what it has of a school. What is not wholly a list is none: nothing is concluded from a part."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from backend.integrations.profiles import documents, expressions, mapping, messages
from backend.integrations.profiles.mapping import Known
from backend.integrations.profiles.schemas import Listed, Listing

_ITEM = ("message_id", "lookup_code", "version", "sha256", "state")
_LONGEST = 200
#: No page has more.
MOST_OF_A_PAGE = 5000
#: No school has more messages with one Authority.
_MOST = 500_000


class BadList(Exception):
    """The answer is not a page of the list. The text is technical."""


class Page(msgspec.Struct, frozen=True):
    """A page of the list, and how many the whole list has."""

    total: int
    items: tuple[Listed, ...]


def read(listing: Listing, status: int, content: bytes) -> Page:
    """A page. Raises BadList."""
    if status != 200:
        raise BadList(f"HTTP {status}")
    try:
        document = documents.read(listing.format, content)
        total = int(str(expressions.find(listing.total, document)))
        found = expressions.find(listing.each, document)
    except (documents.Unreadable, expressions.BadExpression, ValueError) as error:
        raise BadList(str(error)[:_LONGEST]) from error
    items = [] if found in (None, "") else found if isinstance(found, list) else [found]
    if not 0 <= total <= _MOST or len(items) > min(total, MOST_OF_A_PAGE):
        raise BadList(f"{len(items)} items of {total}")
    return Page(total, tuple(_item(listing, one) for one in items))


def ask(listing: Listing, sender_code: str, page: int, known: Known) -> bytes:
    """The question for a page, where a list is asked for by a message; empty else. Raises BadMapping."""
    if listing.body is None:
        return b""
    value = mapping.fill(listing.body, {"sender_code": sender_code, "page": page}, known)
    return messages.written(listing.format, value, listing.namespaces)


def write(listing: Listing, total: int, items: Sequence[Mapping[str, Any]], known: Known) -> bytes:
    """A page as the Authority writes it. Raises BadMapping."""
    words = {meaning: word for word, meaning in reversed(listing.states.items())}
    said = [{**one, "state": words[one["state"]]} for one in items]
    value = mapping.fill(listing.example, {"total": total, "items": said}, known)
    return messages.written(listing.format, value, {})


def _item(listing: Listing, item: Any) -> Listed:
    try:
        words = {name: expressions.find(getattr(listing, name), item) for name in _ITEM}
    except expressions.BadExpression as error:
        raise BadList(str(error)[:_LONGEST]) from error
    if not all(_is_word(one) for one in words.values()):
        raise BadList("an item without all its words")
    told = {name: str(one) for name, one in words.items()}
    state = listing.states.get(told.pop("state"))
    if state is None:
        raise BadList("a state that the profile does not know")
    return Listed(**told, state=state)


def _is_word(found: Any) -> bool:
    return isinstance(found, str | int) and not isinstance(found, bool) and 0 < len(str(found)) <= _LONGEST
