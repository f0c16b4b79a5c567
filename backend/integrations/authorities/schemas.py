"""The words of authorities."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.integrations.profiles.schemas import Profile

BindingId = NewType("BindingId", uuid.UUID)


class Trial(StrEnum):
    """What came of a look at the Authority: a question about a message that there is not."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNREACHED = "unreached"
    UNREADABLE = "unreadable"


TRIAL_NAMES = {
    Trial.ANSWERED: "Kết nối được",
    Trial.REFUSED: "Cơ quan tiếp nhận từ chối khóa kết nối",
    Trial.UNREACHED: "Không kết nối được cơ quan tiếp nhận",
    Trial.UNREADABLE: "Cơ quan tiếp nhận trả lời không đọc được",
}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where, how and as whom: the profile with its files, its address, what the school bound. Times in seconds.

    `platform` is the platform's own sending key with its certificates (PEM), where it has one. `in_the_open`: the
    platform has consented to a wire without TLS; what goes there is signed and closed by itself.
    """

    profile: Profile
    base_url: str
    parameters: Mapping[str, str]
    secrets: Mapping[str, str]
    files: Mapping[str, bytes]
    platform: bytes | None
    connect_timeout: float
    total_timeout: float
    in_the_open: bool = False

    def __repr__(self) -> str:
        return f"Endpoint(profile={self.profile.profile!r}, base_url={self.base_url!r})"


class BoundAuthority(msgspec.Struct, frozen=True, kw_only=True):
    """The Authority that a school reports to, and how: profile, our sender code there, endpoint."""

    profile: str
    name: str
    sender_code: str
    endpoint: Endpoint


class BindingView(msgspec.Struct, frozen=True, kw_only=True):
    """A binding as a page shows it: the secrets are not in it."""

    id: BindingId
    profile: Profile
    parameters: dict[str, str]
    bound_by: uuid.UUID | None
    bound_at: datetime
    tried_at: datetime | None
    trial: Trial | None


class BoundSchool(msgspec.Struct, frozen=True, kw_only=True):
    """A school that reports through a profile, as the operator of the platform sees it: no parameter, no secret."""

    tenant_id: uuid.UUID
    profile: str
    school: str
    bound_at: datetime
