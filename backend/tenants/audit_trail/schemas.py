"""The words of reading the audit."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime

import msgspec

#: Events on a page, and how far anybody turns pages before narrowing the question.
PAGE_SIZE = 50
MOST_PAGES = 100


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are asked for. Days are Vietnamese and both count; `about` are ids of a pupil or a document."""

    person: uuid.UUID | None = None
    action: str = ""
    since: date | None = None
    until: date | None = None
    refused: bool = False
    about: tuple[uuid.UUID, ...] = ()
    page: int = 1


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event in words; `n` is its number in the chain of the school, None while it waits for one."""

    id: uuid.UUID
    at: datetime
    person: str
    action: str
    subject: str
    refused: bool
    n: int | None


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """One page of events, newest first, for the page at `path`. `people` and `actions` are what the filter offers.

    `pages_at` is the address of the same question, with «{page}» for the number. With `more` there are older events
    than the last page shows. `name` is whom or what all of it is about, empty for everything.
    """

    question: Question
    path: str
    pages_at: str
    name: str
    events: Sequence[EventView]
    total: int
    pages: int
    more: bool
    people: Sequence[tuple[str, str]]
    actions: Sequence[tuple[str, str]]


class EventDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one event: its `details` as (what, value) and its place in the chain."""

    view: EventView
    outcome: str
    details: Sequence[tuple[str, str]]
    prev_hash: str | None
    hash: str | None
