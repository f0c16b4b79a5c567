"""The words of running a school across its slices."""

import msgspec

from backend.tenants.people.schemas import Staff


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """What still waits for a person: documents to sign by class, and classes of this year that they lead or teach."""

    staff: Staff
    to_sign: dict[str, int]
    leads: tuple[str, ...]
    teaches: tuple[str, ...]

    @property
    def documents(self) -> int:
        """Documents that wait for their signature, now or after somebody else's."""
        return sum(self.to_sign.values())
