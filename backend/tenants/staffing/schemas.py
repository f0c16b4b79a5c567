"""The words of taking people in and letting them go."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.tenants.people.schemas import Staff, role_label
from backend.tenants.permissions import Role
from backend.tenants.subscriptions.schemas import Seats, Subscription

InvitationId = NewType("InvitationId", uuid.UUID)


class InvitationState(StrEnum):
    """An open invitation waits for the person; the others are over."""

    OPEN = "open"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A person whom the school has asked to join, and as what."""

    id: InvitationId
    email: str
    full_name: str
    title: str
    roles: frozenset[Role]
    invited_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None = None
    accepted_at: datetime | None = None

    @property
    def role_label(self) -> str:
        """The roles in words."""
        return role_label(self.roles)


class OpenInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation as the person who was invited sees it. `signed_in_as` is who the browser's session is, if any."""

    school_name: str
    full_name: str
    email: str
    role_label: str
    invited_by: str
    expires_at: datetime
    signed_in_as: str = ""


class SentInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever invites passes on: `token` is part of the link, kept nowhere, told this once."""

    token: str
    full_name: str
    expires_at: datetime


class Staffing(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who works at the school, who is asked to and who has left, and the seats."""

    staff: list[Staff]
    invitations: list[Invitation]
    former: list[Staff]
    seats: Seats
    subscription: Subscription

    @property
    def by_role(self) -> dict[Role, int]:
        """How many people are in each role; who is in several counts in each."""
        return {role: sum(role in one.roles for one in self.staff) for role in Role}
