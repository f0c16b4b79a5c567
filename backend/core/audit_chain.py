"""The audit as a chain: each school's events joined on in the order in which they are found, all heads in checkpoints.

A checkpoint is a JSON document with the head of every school's chain: ids, counts and digests, nobody's data. It names
the one before it, carries a time stamp (RFC 3161), lies in the store under its own digest, and is never changed.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import text

from backend.core import clock
from backend.core.clock import VIETNAM
from backend.core.crypto import merkle_root
from backend.core.database import TenantSession
from backend.core.errors import Unavailable
from backend.core.questions import Question

KIND = "hocba audit checkpoint 1"
#: Between two checkpoints; and without one for so long nothing is issued (X-Road's acceptable-timestamp-failure-period).
INTERVAL = timedelta(hours=1)
LONGEST_WITHOUT = timedelta(hours=4)
#: Events that one transaction joins on: a hundredth of a second per hundred.
AT_ONCE = 2_000

_CHAIN = text("select directory.chain_audit(:most)")
_NEWEST = Question(text("select number, made_at, document_sha256 from directory.newest_checkpoint()"))


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The end of a school's chain: so many events, the hash of the last, and when none was left outside."""

    tenant_id: uuid.UUID
    n: int
    hash: str
    settled_at: datetime | None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """All heads at one moment. `previous` is the SHA-256 of the checkpoint before, empty for the first."""

    kind: str = KIND
    number: int
    made_at: datetime
    previous: str
    merkle_root: str
    heads: tuple[Head, ...]


class Newest(msgspec.Struct, frozen=True, kw_only=True):
    """The newest checkpoint; `number` is 0 while there is none, `made_at` then the day of the first school."""

    number: int
    made_at: datetime
    document_sha256: str

    @property
    def is_late(self) -> bool:
        """Whether there has been no checkpoint for so long that nothing may be issued."""
        return clock.now() - self.made_at > LONGEST_WITHOUT


async def chain(session: TenantSession) -> int:
    """Join the school's events that are outside onto its chain; counts them. At most AT_ONCE: ask again for more."""
    return int(await session.scalar(_CHAIN, {"most": AT_ONCE}) or 0)


def checkpoint(number: int, made_at: datetime, previous: str, heads: Sequence[Head]) -> bytes:
    """The document of a checkpoint, as it is stamped and stored."""
    ordered = tuple(sorted(heads, key=lambda head: head.tenant_id))
    root = merkle_root([msgspec.json.encode(head) for head in ordered]).hex()
    return msgspec.json.encode(
        Checkpoint(number=number, made_at=made_at, previous=previous, merkle_root=root, heads=ordered)
    )


async def newest(session: TenantSession) -> Newest:
    """The newest checkpoint of this installation."""
    [row] = await session.ask(_NEWEST)
    return Newest(number=row.number, made_at=row.made_at, document_sha256=row.document_sha256)


async def require_recent(session: TenantSession) -> None:
    """Raises Unavailable when no checkpoint was made for LONGEST_WITHOUT: what is issued must stand in the audit."""
    found = await newest(session)
    if found.is_late:
        raise Unavailable(halted(found))


def halted(found: Newest) -> str:
    """Why nothing is issued, in a sentence for people."""
    since = found.made_at.astimezone(VIETNAM)
    return (
        f"Nhật ký chưa được niêm phong từ {since:%H:%M ngày %d/%m/%Y} nên học bạ tạm chưa được phát hành; "
        "các việc khác vẫn làm được. Hệ thống tự phát hành tiếp khi niêm phong lại được; "
        "nếu quá một giờ vẫn vậy, xin báo đơn vị vận hành."
    )
