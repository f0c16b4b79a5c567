"""The words of authorities."""

import msgspec

from backend.integrations.deliveries.channels.port import Endpoint


class BoundAuthority(msgspec.Struct, frozen=True, kw_only=True):
    """The Authority that a school reports to, and how: profile, our sender code there, endpoint."""

    profile: str
    name: str
    sender_code: str
    endpoint: Endpoint
