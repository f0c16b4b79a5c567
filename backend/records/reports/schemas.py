"""The words of the season board."""

from datetime import datetime

import msgspec

from backend.records.calendar.schemas import Notice
from backend.records.season.schemas import Nudge, Waiting


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """How far the school has come in one step, in pupils (or sheets, for the first one)."""

    key: str
    label: str
    done: int
    total: int


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """The one thing that this person should do now."""

    title: str
    text: str
    action: str
    url: str


class StoppedWork(msgspec.Struct, frozen=True, kw_only=True):
    """Work that the machine has given up: what, about whom (names where known), why, since when.

    `resumable`: the machine can be told to try again; else `address` is the page on which a person decides.
    """

    title: str
    subjects: tuple[str, ...]
    count: int
    reason: str
    since: datetime
    resumable: bool
    address: str | None = None


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The season at a glance.

    `next_step` is None when nothing waits for this person; `waiting_for` says what the school waits for then.
    `stopped` counts the jobs that the machine has given up, `approvals` the requests that this person may decide,
    `declined` the documents that somebody would not sign, `certificates` what is to be done about certificates, as far as
    they concern this person.
    `halted` says why nothing is issued, empty when it is. `notices` tell the management of last days that are near or
    over; `waits` is what waits for this very person, the most urgent first, `nudges` of what they were reminded.
    """

    academic_year: str | None
    term: int | None
    stages: tuple[Stage, ...]
    next_step: NextStep | None
    waiting_for: str
    stopped: int
    declined: int
    certificates: tuple[str, ...]
    approvals: int
    halted: str
    notices: tuple[Notice, ...]
    waits: tuple[Waiting, ...]
    nudges: tuple[Nudge, ...]
