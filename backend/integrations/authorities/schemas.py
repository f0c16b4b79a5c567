"""The words of authorities."""

import msgspec


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where and as whom. `base_url` without a trailing slash; times in seconds."""

    base_url: str
    api_key: str
    connect_timeout: float = 5.0
    total_timeout: float = 60.0

    def __repr__(self) -> str:
        return f"Endpoint(base_url={self.base_url!r})"


class BoundAuthority(msgspec.Struct, frozen=True, kw_only=True):
    """The Authority that a school reports to, and how: profile, our sender code there, endpoint."""

    profile: str
    name: str
    sender_code: str
    endpoint: Endpoint
