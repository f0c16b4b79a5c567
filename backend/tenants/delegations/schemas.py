"""The words of signing in the principal's place (ký thay, Nghị định 30/2020/NĐ-CP Điều 13)."""

import uuid
from datetime import date, timedelta
from typing import NewType

import msgspec

from backend.core.actor import StaffId

DelegationId = NewType("DelegationId", uuid.UUID)

#: What stands before a deputy's own title: the deputy signs for the principal, who answers for it.
ON_BEHALF = "KT. HIỆU TRƯỞNG"


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """A deputy signs transcripts in the principal's place on the days from `starts_on` to `ends_on`, both included.

    From `ended_on` on they do so no longer, whatever was planned. `in_office`: they are deputy principal here still.
    """

    id: DelegationId
    staff_id: StaffId
    name: str
    title: str
    starts_on: date
    ends_on: date
    decision_number: str
    ended_on: date | None = None
    in_office: bool = True

    @property
    def last_day(self) -> date:
        """The last day that counts; before `starts_on` for one that never began."""
        return self.ends_on if self.ended_on is None else min(self.ends_on, self.ended_on - timedelta(days=1))


class HeadSigner(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs as the head of the school; `title` is printed under the signature."""

    staff_id: StaffId
    name: str
    title: str
