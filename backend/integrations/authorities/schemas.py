"""The words of authorities."""

from collections.abc import Mapping

import msgspec

from backend.integrations.profiles.schemas import Profile


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where, how and as whom: the profile, its address, what the school bound. Times in seconds."""

    profile: Profile
    base_url: str
    parameters: Mapping[str, str]
    secrets: Mapping[str, str]
    connect_timeout: float
    total_timeout: float

    def __repr__(self) -> str:
        return f"Endpoint(profile={self.profile.profile!r}, base_url={self.base_url!r})"


class BoundAuthority(msgspec.Struct, frozen=True, kw_only=True):
    """The Authority that a school reports to, and how: profile, our sender code there, endpoint."""

    profile: str
    name: str
    sender_code: str
    endpoint: Endpoint
