"""The words of running a school across its slices."""

import msgspec

from backend.records.duties.schemas import Duty
from backend.tenants.people.schemas import Staff


class SeasonUse(msgspec.Struct, frozen=True, kw_only=True):
    """Transcripts of the school by how far they have come."""

    issued: int
    on_the_way: int


class CoverageLine(msgspec.Struct, frozen=True, kw_only=True):
    """How many people of a department, or of the school, work here and how many of them have a certificate that signs."""

    name: str
    total: int
    having: int

    @property
    def lacking(self) -> int:
        """How many have none."""
        return self.total - self.having

    @property
    def percent(self) -> float | None:
        """Of a hundred, how many have one; None where nobody works."""
        return 100 * self.having / self.total if self.total else None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates over the staff, as the Authority's tables count them: each person in one line, lines add up to all."""

    lines: tuple[CoverageLine, ...]
    total: CoverageLine


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
