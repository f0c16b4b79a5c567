"""The words of the operator's console."""

from datetime import date, datetime

import msgspec

from backend.core.platform_facts import PlatformView
from backend.integrations.authorities.schemas import BoundSchool
from backend.integrations.profiles.schemas import Profile
from backend.tenants.openings.schemas import FiledApplication


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a link to the console says: who goes in, when it was made; `nonce` makes it one of its kind."""

    operator: str
    made_at: datetime
    nonce: str


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """An operator in the console, until when."""

    operator: str
    until: datetime


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the console shows: the schools that the operator opened and those that wait, the view over all of
    them, the services and Authorities that this installation has; `alarms` are what somebody must look at now."""

    schools: tuple[FiledApplication, ...]
    pending: tuple[FiledApplication, ...]
    platform: PlatformView
    providers: tuple[str, ...]
    authorities: tuple[str, ...]
    alarms: tuple[str, ...]


class EditionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One edition of a profile in the list: whose it is, from when until when, how it travels, who signed it.

    `signed_by` is the name of the key, empty for a draft; `problem` why it cannot be used, and then nothing else is
    known of it. `is_offered`: schools may bind it today.
    """

    profile: str
    title: str = ""
    confirmed: bool = False
    environment: str = ""
    effective_from: date | None = None
    effective_until: date | None = None
    transport: str = ""
    auth: str = ""
    signed_by: str = ""
    is_offered: bool = False
    bound: tuple[BoundSchool, ...] = ()
    problem: str = ""


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """One place of a tree that is written: its path, where its value comes from, what it becomes, under which terms."""

    place: str
    source: str
    made: str
    terms: str


class RuleLine(msgspec.Struct, frozen=True, kw_only=True):
    """When an answer means what."""

    when: str
    meaning: str
    number: str
    uncorrelated: bool


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a profile: name, method and path; what is written, and done with that then; how an answer is read."""

    name: str
    address: str
    package: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    facts: tuple[tuple[str, str], ...]
    rules: tuple[RuleLine, ...]


class EditionPage(msgspec.Struct, frozen=True, kw_only=True):
    """One edition, whole. `goldens`: each sample, and whether the golden file says the same; `others`: the other editions
    of the same profile."""

    line: EditionLine
    profile: Profile
    digest: str
    facts: tuple[tuple[str, str], ...]
    calls: tuple[Call, ...]
    goldens: tuple[tuple[str, bool], ...]
    others: tuple[str, ...]
    source: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """In what two editions differ, lines of a unified diff; none where they do not."""

    first: str
    second: str
    lines: tuple[str, ...]
