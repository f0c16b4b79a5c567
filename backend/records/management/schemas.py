"""The words of running a school across its slices."""

import msgspec

from backend.records.duties.schemas import Duty
from backend.tenants.people.schemas import Staff


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
