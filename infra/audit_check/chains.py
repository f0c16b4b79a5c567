"""One school's chain, event by event: hashes are computed anew from what stands in the table."""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from infra.audit_check.findings import Finding, Kind

NOTHING = "0" * 64
#: Clocks of servers, and the longest transaction between an event's time and its commit.
TOLERANCE = timedelta(minutes=5)
#: Events are joined on within seconds; after so long something is wrong with that.
WAITING_TOO_LONG = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Event:
    """A row of `audit_event`; `details` is the text that PostgreSQL gives of its JSON."""

    tenant_id: uuid.UUID
    n: int | None
    prev_hash: str | None
    hash: str | None
    settled_at: datetime | None
    id: uuid.UUID
    at: datetime
    actor_id: uuid.UUID | None
    actor_name: str
    action: str
    subject_id: uuid.UUID | None
    subject_label: str
    about: list[uuid.UUID]
    outcome: str
    details: str

    def digest(self) -> str:
        """SHA-256 over all parts, each with its length in bytes."""
        parts = (
            "hocba audit 1", self.tenant_id, self.n, self.prev_hash, _utc(self.settled_at), self.id, _utc(self.at),
            self.actor_id, self.actor_name, self.action, self.subject_id, self.subject_label,
            " ".join(str(one) for one in self.about), self.outcome, self.details,
        )  # fmt: skip
        return hashlib.sha256(",".join(_measured(part) for part in parts).encode()).hexdigest()


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def _measured(part: object) -> str:
    return "-" if part is None else f"{len(str(part).encode())}:{part}"


@dataclass(frozen=True)
class Fixed:
    """What a checkpoint says of a chain: its hash at some event, and when none was left outside."""

    checkpoint: int
    hash: str
    settled_at: datetime | None


@dataclass
class Chain:
    """The chain of one school while it is read. `fixed` is what the checkpoints say, by the number of the event."""

    school: uuid.UUID
    fixed: dict[int, Fixed]
    now: datetime
    n: int = 0
    hash: str = NOTHING
    waiting: int = 0
    _settled_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if before := self.fixed.get(0):
            self._settled_at = before.settled_at

    def read(self, event: Event) -> Iterator[Finding]:
        """The next event in the order of numbers; those outside the chain come last."""
        if event.n is None:
            yield from self._outside(event)
            return
        if event.n != self.n + 1:
            lost = f"từ số {self.n + 1} đến số {event.n - 1}"
            yield self._found(Kind.MISSING, "khoảng trống trong chuỗi", lost)
        elif event.prev_hash != self.hash:
            yield self._found(Kind.UNLINKED, f"sự kiện số {event.n}")
        if event.digest() != event.hash:
            yield self._found(Kind.ALTERED, f"sự kiện số {event.n}", event.subject_label)
        if self._is_backdated(event):
            yield self._found(Kind.BACKDATED, f"sự kiện số {event.n}", f"{event.at:%d/%m/%Y %H:%M} UTC")
        self.n, self.hash = event.n, event.hash or ""
        fixed = self.fixed.get(event.n)
        if fixed:
            yield from self._compare(fixed)

    def end(self, head: tuple[int, str] | None) -> Iterator[Finding]:
        """After the last event. `head` is what the table of heads says; None for a school that it does not have."""
        if (self.n, self.hash) != (head or (0, NOTHING)):
            yield self._found(Kind.CUT, "cuối chuỗi", f"chuỗi có {self.n}, sổ ghi {head[0] if head else 0}")
        beyond = {n: fixed for n, fixed in self.fixed.items() if n > self.n}
        if beyond:
            longest = max(beyond)
            said = f"điểm niêm phong số {beyond[longest].checkpoint} ghi {longest} sự kiện, chuỗi chỉ còn {self.n}"
            yield self._found(Kind.REWRITTEN, "cuối chuỗi", said)

    def _outside(self, event: Event) -> Iterator[Finding]:
        self.waiting += 1
        if self.now - event.at > WAITING_TOO_LONG:
            yield self._found(Kind.WAITING, f"sự kiện {event.id}", f"{event.at:%d/%m/%Y %H:%M} UTC")

    def _is_backdated(self, event: Event) -> bool:
        """When the chain was settled, the event was not there: it cannot be older than that."""
        known = self._settled_at
        if event.settled_at and (known is None or event.settled_at > known):
            self._settled_at = event.settled_at
        if known and (event.settled_at is None or event.settled_at < known):
            return True
        return bool(event.settled_at and event.at < event.settled_at - TOLERANCE)

    def _compare(self, fixed: Fixed) -> Iterator[Finding]:
        if fixed.hash != self.hash:
            said = f"khác điểm niêm phong số {fixed.checkpoint}"
            yield self._found(Kind.REWRITTEN, f"đến sự kiện số {self.n}", said)
        if fixed.settled_at and (self._settled_at is None or fixed.settled_at > self._settled_at):
            self._settled_at = fixed.settled_at

    def _found(self, kind: Kind, where: str, detail: str = "") -> Finding:
        return Finding(kind, where, detail, self.school)
