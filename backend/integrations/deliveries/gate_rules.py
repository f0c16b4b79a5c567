"""When nothing is sent to an Authority: at its quiet hours, and while it does not answer. No I/O."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

import msgspec

from backend.integrations.profiles.schemas import Breaker, Quiet

#: A try of which nothing is known for so long was cut off.
_CUT_OFF = timedelta(minutes=3)
#: What became of a try to which the Authority said nothing of use. That it refuses a key is an answer.
_FAILED = frozenset({"notsent", "unknown"})
#: Until a probe is back, the others look again after so long.
_LOOK_AGAIN = timedelta(seconds=5)


class Try(msgspec.Struct, frozen=True):
    """One attempt of the school at this Authority."""

    started_at: datetime
    ended_at: datetime | None
    outcome: str | None


class Flow(StrEnum):
    """`probing`: the pause is over, and one message goes ahead to see."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


class Gate(msgspec.Struct, frozen=True):
    """How many messages may go now (None: all of them), and until when the others wait."""

    flow: Flow
    most: int | None = None
    until: datetime | None = None


def quiet_until(hours: Sequence[Quiet], now: datetime, zone: tzinfo) -> datetime | None:
    """When the quiet hours end in which we are; None at other times."""
    local = now.astimezone(zone)
    for one in hours:
        begins, ends = time.fromisoformat(one.begins), time.fromisoformat(one.ends)
        for day in (local.date() - timedelta(days=1), local.date()):
            first = datetime.combine(day, begins, zone)
            last = datetime.combine(day + timedelta(days=int(ends <= begins)), ends, zone)
            if first <= local < last:
                return last
    return None


def gate(tries: Sequence[Try], breaker: Breaker, now: datetime) -> Gate:
    """What the last tries, the newest first, say of an Authority: it is left alone after too many without an answer."""
    under_way = [one for one in tries if one.ended_at is None and now - one.started_at < _CUT_OFF]
    done = [one for one in tries if one not in under_way][: breaker.failures]
    if len(done) < breaker.failures or not all(_failed(one) for one in done):
        return Gate(Flow.CLOSED)
    again = max(one.ended_at or one.started_at for one in done) + timedelta(seconds=breaker.pause)
    if now < again:
        return Gate(Flow.OPEN, 0, again)
    return Gate(Flow.PROBING, 0 if under_way else 1, now + _LOOK_AGAIN)


def shared_gate(silent: int, since: datetime, breaker: Breaker, now: datetime) -> Gate:
    """The same from what all schools together know: so many messages in a row without an answer, the last one then."""
    if silent < breaker.failures:
        return Gate(Flow.CLOSED)
    again = since + timedelta(seconds=breaker.pause)
    return Gate(Flow.OPEN, 0, again) if now < again else Gate(Flow.PROBING, 1, now + _LOOK_AGAIN)


def _failed(one: Try) -> bool:
    return one.outcome is None or one.outcome in _FAILED
