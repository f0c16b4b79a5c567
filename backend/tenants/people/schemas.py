"""The words of people who work at a school."""

from datetime import datetime

import msgspec

from backend.core.actor import Actor, StaffId
from backend.tenants.permissions import ROLE_NAMES, Role


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """A person's place in a school. `title` is printed under signatures; `roles` decide what they may do.

    `left_at` is None while they work here.
    """

    id: StaffId
    full_name: str
    email: str
    title: str
    roles: frozenset[Role]
    joined_at: datetime
    left_at: datetime | None = None

    @property
    def role_label(self) -> str:
        """The roles in words, in the order of the role table: "Hiệu trưởng, Giáo viên bộ môn"."""
        return role_label(self.roles)


class Newcomer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may be taken in as they are described here: everything was checked."""

    full_name: str
    email: str
    title: str
    roles: frozenset[Role]


class Workplace(msgspec.Struct, frozen=True, kw_only=True):
    """A person at work: who asks, at which school, in which roles (in words); `closed` says since when it is closed."""

    actor: Actor
    school_name: str
    role_label: str
    closed: str = ""


def role_label(roles: frozenset[Role]) -> str:
    """Roles in words, in the order of the role table."""
    return ", ".join(name for role, name in ROLE_NAMES.items() if role in roles)
