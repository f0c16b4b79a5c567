"""What of the queued messages may go now; the others wait as rows of the queue, with the reason where people read it."""

import random
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from msgspec.structs import replace

from backend.core import clock, far_side, jobs, rate_limit
from backend.core.database import TenantSession
from backend.core.rate_limit import Charge, Limit, TooManyTries
from backend.integrations.authorities.schemas import BoundAuthority
from backend.integrations.deliveries import gate_rules, queries, rules
from backend.integrations.deliveries.channels.port import (
    ForPerson,
    NotSent,
    QueryResult,
    SendResult,
    Unknown,
)
from backend.integrations.deliveries.gate_rules import Flow, Gate, Try
from backend.integrations.deliveries.models import Delivery
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.profiles.schemas import Profile
from backend.records.transcripts import service as transcripts

_QUIET = "Ngoài giờ nhận của cơ quan tiếp nhận; hệ thống gửi tiếp lúc {at}."
_PAUSED = "Cơ quan tiếp nhận không trả lời nhiều lần liền; hệ thống tạm dừng gửi và thử lại lúc {at}."
_RATE = "Đang chờ lượt theo tốc độ mà cơ quan tiếp nhận cho phép; hệ thống tự gửi tiếp."
_ORDER = "Chờ cơ quan tiếp nhận trả lời về học bạ trước đó của cùng học sinh; hệ thống tự gửi tiếp."
#: What waits for another message looks again after so long (seconds).
_LOOK_AGAIN = 5.0
#: A minute's tokens come in so many parts.
_PARTS = 6
#: Messages that have to wait for their turn look again after one to so many times the wait: not all at once.
_SPREAD = 5.0
#: How long a job waits for its turn at an Authority; it is leased meanwhile. And how much longer than a call a probe may
#: be under way (seconds).
_PATIENCE, _PROBE_MARGIN = 20.0, 10.0


async def let_through(
    session: TenantSession, queued: Sequence[Delivery], found: Mapping[str, BoundAuthority]
) -> list[Delivery]:
    """Those that may go now. The rest is put off, each with the reason."""
    through: list[Delivery] = []
    for name in sorted({row.authority for row in queued}):
        rows = [row for row in queued if row.authority == name]
        through += await _through(session, rows, found[name].endpoint.profile)
    return through


async def in_order(session: TenantSession, queued: Sequence[Delivery]) -> list[Delivery]:
    """Those of which nothing that comes before is still under way: an Authority that lacks what one refers to, a recall
    or an earlier year of the pupil, would refuse it. The rest is put off. What waits for a person holds up nothing.
    """
    preceding = await transcripts.preceding_versions(session, [row.version_id for row in queued])
    before = {one for found in preceding.values() for one in found}
    waiting = await queries.under_way(session, sorted(before)) if before else set()
    late = [row for row in queued if waiting.intersection(preceding.get(row.version_id, ()))]
    if late:
        await _put_off(session, late, _ORDER, timedelta(seconds=_LOOK_AGAIN * random.uniform(1.0, 2.0)))
    return [row for row in queued if row not in late]


async def state(session: TenantSession, profile: Profile) -> Gate:
    """How an Authority is left alone at the moment: by all schools, or by this one, which alone may be to blame."""
    limits, now = profile.limits, clock.now()
    quiet = gate_rules.quiet_until(limits.quiet, now, clock.VIETNAM)
    if quiet is not None:
        return Gate(Flow.CLOSED, 0, quiet)
    silence = await far_side.silence(profile.profile)
    if silence is not None:
        shared = gate_rules.shared_gate(silence.number, silence.since, limits.breaker, now)
        if shared.flow is not Flow.CLOSED:
            return shared
    tries = await _tries(session, profile)
    return gate_rules.gate(tries, limits.breaker, now)


@asynccontextmanager
async def turns(profiles: Iterable[Profile], wanted: int) -> AsyncIterator[int]:
    """How many calls may be under way now, of those that these Authorities bear from all schools; 0: none came free.

    No job takes more than half of them, so that another's need not wait for the whole of it.
    """
    given = wanted
    async with AsyncExitStack() as held:
        for name, most in sorted({(one.profile, one.limits.concurrency) for one in profiles}):
            half = min(wanted, -(-most // 2))
            given = min(
                given, await held.enter_async_context(far_side.turns(name, most, half, patience=_PATIENCE))
            )
        yield given


async def note(tenant_id: uuid.UUID, answers: Iterable[tuple[Profile, SendResult | QueryResult]]) -> None:
    """Let all schools know whether an Authority answers. What never left this machine says nothing of it."""
    heard: dict[str, list[bool]] = {}
    for profile, answer in answers:
        if isinstance(answer, Unknown):
            heard.setdefault(profile.profile, []).append(answer.refused)
        elif not isinstance(answer, ForPerson) and not (isinstance(answer, NotSent) and answer.needs_person):
            heard.setdefault(profile.profile, []).append(not isinstance(answer, NotSent))
    for name, answered in heard.items():
        silent = answered.count(False)
        await far_side.note(name, str(tenant_id), answered=any(answered), silent=silent)


def soon() -> float:
    """Seconds until what did not get its turn looks again."""
    return random.uniform(1.0, _SPREAD)


def words(gate: Gate) -> str:
    """Why messages wait, in a sentence; empty where they do not."""
    if gate.until is None:
        return ""
    said = _QUIET if gate.flow is Flow.CLOSED else _PAUSED
    return said.format(at=gate.until.astimezone(clock.VIETNAM).strftime("%H:%M %d/%m/%Y"))


async def _through(session: TenantSession, rows: list[Delivery], profile: Profile) -> list[Delivery]:
    gate = await state(session, profile)
    if gate.flow is not Flow.CLOSED:
        # One probe: who comes second sees the try of the first.
        await session.hold(f"probe of {profile.profile}")
        gate = await state(session, profile)
    if gate.flow is Flow.PROBING and gate.most:
        timeout = profile.transport.timeouts.total + _PROBE_MARGIN
        gate = gate if await far_side.is_probe(profile.profile, timeout) else replace(gate, most=0)
    if gate.most is not None and gate.until is not None:
        later = gate.until - clock.now()
        await _put_off(session, rows[gate.most :], words(gate), later, DeliveryState.VALIDATED)
        rows = rows[: gate.most]
    wait = await _turn(profile, len(rows))
    if wait:
        await _put_off(session, rows, _RATE, timedelta(seconds=wait * random.uniform(1.0, _SPREAD)))
        return []
    return rows


async def _turn(profile: Profile, number: int) -> float:
    """0 when so many messages may go by what the Authority takes of all schools; else seconds to wait."""
    rate = profile.limits.per_minute
    if rate is None or not number:
        return 0.0
    limit = Limit(name="authority", burst=max(1, rate // _PARTS), per_seconds=60 // _PARTS)
    try:
        await rate_limit.charge([Charge(limit, profile.profile, number)])
    except TooManyTries as error:
        return float(error.retry_after)
    return 0.0


async def _put_off(
    session: TenantSession,
    rows: Sequence[Delivery],
    reason: str,
    wait: timedelta,
    state: DeliveryState = DeliveryState.QUEUED,
) -> None:
    ids: list[uuid.UUID] = [row.id for row in rows]
    await queries.update_deliveries(session, ids, {"state": state, "reason": reason})
    await jobs.enqueue(session, rules.SEND, *ids, after=max(0.0, wait.total_seconds()))


async def _tries(session: TenantSession, profile: Profile) -> list[Try]:
    # One more than may fail: those that are under way do not count.
    number = profile.limits.breaker.failures + profile.limits.concurrency
    rows = await queries.last_tries(session, profile.profile, number)
    return [Try(row.started_at, row.ended_at, row.outcome) for row in rows]
