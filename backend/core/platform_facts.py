"""The words of what the operator of the platform may see of all schools: ids, kinds, counts, times. No I/O."""

from datetime import datetime, timedelta

import msgspec


class LaneView(msgspec.Struct, frozen=True, kw_only=True):
    """One lane: jobs that are due, that wait for their time, that are with a worker, that wait for a person; how many
    schools have due ones, and since when the oldest is due."""

    lane: str
    waiting: int
    later: int
    at_work: int
    parked: int
    schools: int
    oldest: datetime | None


class ShareView(msgspec.Struct, frozen=True, kw_only=True):
    """One school in a lane, by its id."""

    lane: str
    tenant_id: str
    waiting: int
    at_work: int
    oldest: datetime | None


class TroubleView(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs of a kind that met the same error: `error` is for whoever runs the platform."""

    kind: str
    state: str
    error: str
    number: int
    schools: int
    since: datetime


class CheckpointView(msgspec.Struct, frozen=True, kw_only=True):
    """One sealing of the audit of all schools."""

    number: int
    made_at: datetime


class ProbeView(msgspec.Struct, frozen=True, kw_only=True):
    """One probe of the store; `broken` names what it did not keep."""

    at: datetime
    tried: int
    broken: tuple[str, ...]


class PlatformView(msgspec.Struct, frozen=True, kw_only=True):
    """The platform at one moment."""

    at: datetime
    schools: int
    lanes: tuple[LaneView, ...]
    shares: tuple[ShareView, ...]
    troubles: tuple[TroubleView, ...]
    unread_events: int
    checkpoints: tuple[CheckpointView, ...]
    probes: tuple[ProbeView, ...]

    def age(self, moment: datetime | None) -> timedelta | None:
        """How long ago something was."""
        return self.at - moment if moment else None
