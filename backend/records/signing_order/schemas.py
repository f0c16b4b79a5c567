"""Who signs a year record before the homeroom teacher: what a school has decided, level by level."""

from datetime import date, datetime

import msgspec

from backend.tenants.schools.schemas import SchoolLevel

#: Length of the reason for a decision, in characters.
MIN_REASON, MAX_REASON = 5, 300


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """From `starts_on` on the subject teachers of a level sign, or do not."""

    level: SchoolLevel
    teachers_sign: bool
    starts_on: date
    reason: str
    set_by: str
    set_at: datetime


class LevelOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for a level today, and since when; `since` None: the school has decided nothing."""

    level: SchoolLevel
    name: str
    teachers_sign: bool
    since: date | None
