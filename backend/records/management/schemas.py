"""The words of running a school across its slices."""

from datetime import date
from enum import StrEnum

import msgspec

from backend.records.duties.schemas import Duty
from backend.tenants.people.schemas import Staff


class CertificateState(StrEnum):
    """How a certificate stands today: valid, or what needs doing, the most urgent last."""

    VALID = "valid"
    IN_60_DAYS = "in_60_days"
    IN_30_DAYS = "in_30_days"
    IN_7_DAYS = "in_7_days"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    MISSING = "missing"


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """Whose certificate (a signer's, or the school's seal), until when, and how that stands."""

    holder: str
    role_label: str
    staff_id: str
    valid_until: date | None
    days_left: int | None
    state: CertificateState


class SeasonUse(msgspec.Struct, frozen=True, kw_only=True):
    """Transcripts of the school by how far they have come."""

    issued: int
    on_the_way: int


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """What still hangs on a person: documents to sign by class, classes of this year that they lead or teach, and the
    connections of other systems that they have made.
    """

    staff: Staff
    to_sign: dict[str, int]
    duties: tuple[Duty, ...]
    connections: tuple[str, ...]

    @property
    def documents(self) -> int:
        """Documents that wait for their signature, now or after somebody else's."""
        return sum(self.to_sign.values())
