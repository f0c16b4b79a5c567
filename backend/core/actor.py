"""Who asks: a person with a place in a school, another system with its key, or the machine itself."""

import uuid
from datetime import datetime
from typing import NewType

import msgspec

StaffId = NewType("StaffId", uuid.UUID)


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The one in whose name a use case runs. `name` is kept in audit rows as it is today."""

    tenant_id: uuid.UUID
    staff_id: StaffId | None
    name: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    #: Another system with a key of the school, in place of a person.
    client_id: uuid.UUID | None = None

    @property
    def id(self) -> uuid.UUID | None:
        """The person or the system; None for the product itself."""
        return self.staff_id or self.client_id

    def may(self, permission: str) -> bool:
        """Whether the role table gives this actor the permission."""
        return permission in self.permissions


def machine(tenant_id: uuid.UUID) -> Actor:
    """The product acting by itself: assessing, rendering, sending."""
    return Actor(tenant_id=tenant_id, staff_id=None, name="Hệ thống")


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """How a person is signed in: their session, the account it belongs to, what they last proved themselves with, when.

    `factor` is one of `access.schemas.Factor`; `held` is the digest of the token that the request came with.
    """

    session_id: uuid.UUID
    held: str
    account_id: uuid.UUID
    factor: str
    verified_at: datetime


class Browser(msgspec.Struct, frozen=True, kw_only=True):
    """The browser that asks: the host that it asked, its network (10.0.1.0/24), and its kind in words.

    `known` is the cookie that says who has signed in there before, unchecked.
    """

    host: str
    network: str
    device: str = ""
    known: str = ""
