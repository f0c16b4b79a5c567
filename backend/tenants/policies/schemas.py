"""What a school decides about its own safety: a closed list, each with the sentence that says what it does."""

from datetime import datetime

import msgspec

from backend.tenants.permissions import Role

#: A session ends when it is not used for so many minutes; a school may want less, not more.
LONGEST_IDLE, SHORTEST_IDLE = 30, 5


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """The policies of a school; the defaults hold until it decides otherwise."""

    #: who needs a factor of their own beside the password, for all pages that need a permission
    second_factor_roles: frozenset[Role] = frozenset()
    #: whether a password without a code is enough for everybody else
    password_alone: bool = True
    idle_minutes: int = LONGEST_IDLE
    #: in a trial environment: whether the password proves who one is for whoever has no factor
    trial_password: bool = True


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided at one time, and by whom; `changes` are sentences about what became different."""

    set_at: datetime
    set_by: str
    changes: tuple[str, ...]
