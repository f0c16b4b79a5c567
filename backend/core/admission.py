"""How many requests are let in: one table of limits by kind of address, counted for all processes together.

Somebody signed in counts by person and by school, a stranger by network: a school's office behind one address is many
persons. Where something may be guessed (passwords, lookup codes), tries that fail have a limit of their own, so that
a network whose tries succeed goes on.
"""

import logging
import math
from collections.abc import Mapping, Set
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache

import msgspec

from backend.core import rate_limit, settings
from backend.core.rate_limit import Charge, Limit, TooManyTries, charge
from backend.core.visit import SAFE_METHODS, Connection, Visit, visit_of
from backend.core.web import network_of

log = logging.getLogger(__name__)

#: Handler option: the kind of address. Without it: read for safe methods, write for others.
OPTION = "route_class"


class RouteClass(StrEnum):
    """What an address is for, as far as its limit goes."""

    READ = "read"
    WRITE = "write"
    SIGN_IN = "sign-in"
    LOOKUP = "lookup"
    EXPORT = "export"
    API = "api"
    #: Health checks and files of the site: they touch neither data nor secrets.
    FREE = "free"


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """Requests a minute, and as many at once; None: not counted. `failures` are those of one network that failed."""

    network: int | None = None
    person: int | None = None
    school: int | None = None
    failures: int | None = None


TABLE: dict[RouteClass, Allowance] = {
    RouteClass.READ: Allowance(network=300, person=300, school=6000),
    RouteClass.WRITE: Allowance(network=60, person=300, school=6000),
    RouteClass.SIGN_IN: Allowance(network=60, failures=30),
    RouteClass.LOOKUP: Allowance(network=60, failures=10),
    RouteClass.EXPORT: Allowance(person=120, school=600),
    RouteClass.API: Allowance(person=600, school=1200),
    RouteClass.FREE: Allowance(),
}
_FAILURES = "failures"
#: Codes that nobody has, asked for from all networks together: more than this a minute is a sweep.
SWEEP = ("lookup-all-failures", 300)
#: Told once, and held back for so long after the last time that it was told.
ALARM = Limit(name="lookup-alarm", burst=1, per_seconds=600)
#: What a network may miss while the alarm lasts; codes that exist are answered as ever.
MISSES_IN_A_SWEEP = ("lookup-sweep-failures", 2)
#: Cookies and tokens that open nothing, by network.
STRANGE_KEYS = 60
#: Answers that say: what was tried is not right.
_FAILED = frozenset({400, 401, 403, 404, 422})


def class_of(options: Mapping[str, object], methods: Set[str], *, guessable: bool) -> RouteClass:
    """The class of a handler: what it says, else by its methods. `guessable`: public, with a part that may be guessed."""
    if OPTION in options:
        return RouteClass(str(options[OPTION]))
    if guessable:
        return RouteClass.LOOKUP
    return RouteClass.READ if methods <= SAFE_METHODS else RouteClass.WRITE


async def admit(connection: Connection, route_class: RouteClass) -> None:
    """Count a request of whoever is known by now. Raises TooManyTries."""
    visit, allowance = visit_of(connection), TABLE[route_class]
    factor = settings.get().route_limit_factor
    if visit.visitor is not None:
        actor = visit.visitor.actor
        wanted = [
            ("person", allowance.person, str(actor.id)),
            ("school", allowance.school, str(actor.tenant_id)),
        ]
    else:
        network = network_of(connection)
        wanted = [("network", allowance.network, network), (_FAILURES, allowance.failures, network)]
    charges = [
        Charge(_limit(f"{route_class}-{kind}", number, factor), subject)
        for kind, number, subject in wanted
        if number
    ]
    if route_class is RouteClass.API:
        visit.told_limits = {kind: one for (kind, *_), one in zip(wanted, charges, strict=True)}
    if route_class is RouteClass.LOOKUP and visit.visitor is None:
        charges += await _pay_for_looking_up(charges, factor)
    elif charges:
        await charge(charges)
    visit.paid_for_failing = [one for one in charges if one.limit.name.endswith(_FAILURES)]


async def refuse_strange_key(connection: Connection) -> None:
    """A cookie or a token that opens nothing: such tries are few from one network. Raises TooManyTries."""
    limit = _limit("strange-keys", STRANGE_KEYS, settings.get().route_limit_factor)
    await charge([Charge(limit, network_of(connection))])


async def settle(visit: Visit, status: int) -> None:
    """The answer is known: give back what was taken for failing, when nothing failed."""
    paid, visit.paid_for_failing = visit.paid_for_failing, []
    if paid and status not in _FAILED:
        await charge([msgspec.structs.replace(one, cost=-1) for one in paid])


def told(visit: Visit) -> list[tuple[bytes, bytes]]:
    """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers): how much there is, how much is left."""
    policies, states = [], []
    for kind, one in visit.told_limits.items():
        policies.append(f'"{kind}";q={one.limit.burst};w={one.limit.per_seconds}')
        left = rate_limit.left(one.limit, one.subject)
        if left is not None:
            full_in = math.ceil((one.limit.burst - left) * one.limit.per_seconds / one.limit.burst)
            states.append(f'"{kind}";r={left};t={full_in}')
    named = {b"ratelimit-policy": policies, b"ratelimit": states}
    return [(name, ", ".join(values).encode()) for name, values in named.items() if values]


async def _pay_for_looking_up(charges: list[Charge], factor: int) -> list[Charge]:
    """Pay for a look-up, and watch what all networks miss together; returns what was paid besides."""
    missed = Charge(_limit(*SWEEP, factor), "", soft=True)
    *_, swept, alarmed = await charge([*charges, missed, Charge(ALARM, "", cost=0)])
    if not swept and not alarmed:
        return [missed]
    if not alarmed:
        await _tell_of_a_sweep()
    held_back = Charge(_limit(*MISSES_IN_A_SWEEP, factor), charges[0].subject)
    await charge([held_back])
    return [missed, held_back]


async def _tell_of_a_sweep() -> None:
    with suppress(TooManyTries):  # another process was first
        await charge([Charge(ALARM, "")])
        log.error("sweep of lookup codes: networks that miss are held back", extra={"event": "sweep"})


@lru_cache(maxsize=64)
def _limit(name: str, number: int, factor: int) -> Limit:
    return Limit(name=name, burst=number * factor, per_seconds=60)
