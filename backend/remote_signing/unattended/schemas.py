"""The words of a seal that seals by itself."""

import msgspec

from backend.remote_signing.mandates.schemas import Mandate
from backend.remote_signing.requests.schemas import StandingBatch
from backend.tenants.approvals.schemas import ApprovalRequest


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What holds now, what held before, what was sealed under either, and what two people have yet to decide.

    `over`: why the one of now seals nothing any more, though nobody has ended it.
    """

    live: Mandate | None
    over: str | None
    earlier: tuple[Mandate, ...]
    sealed: tuple[StandingBatch, ...]
    sealed_today: int
    waiting: ApprovalRequest | None
