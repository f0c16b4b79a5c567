"""The platform's public log: digests that entered it can be shown to be in it, and to stay.

Whoever has something to log queues its digest in the transaction of the deed; the keeper (`log_keeper.py`) numbers it,
and publishes tiles and a signed checkpoint in the store (infra/decisions/0060).
"""

import asyncio
import base64
import uuid
from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import LargeBinary, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from backend.core import bucket, clock, lookups, merkle_tiles, signed_notes
from backend.core.database import Base, TenantSession
from backend.core.merkle_tiles import Tiles
from backend.core.personal_data import holding
from backend.core.questions import Question

#: Where the log lies in the bucket; below it as c2sp.org/tlog-tiles wants it.
PREFIX = "tlog/"
CHECKPOINT = f"{PREFIX}checkpoint"
#: First line of a proof that the log has only grown; after it the old size, the hashes (RFC 6962, 2.1.2), the checkpoint.
GROWTH = "hocba log growth 1"


class LogEntry(Base):
    """A digest that waits for its number."""

    __tablename__ = "log_entry"
    __table_args__ = ({"schema": "work", "info": holding(internal="entry queued_at")},)

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    entry: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    queued_at: Mapped[datetime]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The newest signed head of the log, and what its signature is checked with."""

    size: int
    note: str
    verifier: str
    made_at: datetime


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """That an entry is number `index` of the log with this checkpoint: the hashes on the way to its root."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint

    def written(self, extra: bytes = b"") -> str:
        """As others read it (c2sp.org/tlog-proof); `extra` is what the entry is the digest of."""
        lines = ["c2sp.org/tlog-proof@v1"]
        if extra:
            lines.append(f"extra {base64.b64encode(extra).decode()}")
        lines += [f"index {self.index}", *(base64.b64encode(one).decode() for one in self.hashes)]
        return "\n".join(lines) + f"\n\n{self.checkpoint.note}"


_QUEUE = insert(LogEntry).on_conflict_do_nothing()
_PLACE = Question(text("select directory.log_place(:entry) as n"))
_NEWEST = Question(text("select size, note, verifier, made_at from directory.newest_log_checkpoint()"))


async def queue(session: TenantSession, entries: Iterable[bytes]) -> None:
    """Have digests logged as soon as this transaction is committed. Safe to repeat."""
    rows = [{"tenant_id": session.tenant_id, "entry": one, "queued_at": clock.now()} for one in entries]
    if rows:
        await session.execute(_QUEUE, rows)


async def newest() -> Checkpoint | None:
    """The newest checkpoint; None before the first."""
    rows = await lookups.ask(_NEWEST)
    return Checkpoint(**rows[0]._asdict()) if rows else None


async def place_of(entry: bytes) -> int | None:
    """The number of an entry; None while it waits."""
    [row] = await lookups.ask(_PLACE, entry=entry)
    found: int | None = row.n
    return found


async def proof_of(entry: bytes) -> Logged | None:
    """That an entry is in the log as it was signed last; None while it waits. Raises StoreDown."""
    index, checkpoint = await place_of(entry), await newest()
    if index is None or checkpoint is None or index >= checkpoint.size:
        return None
    hashes = await asyncio.to_thread(merkle_tiles.inclusion, index, checkpoint.size, tiles(checkpoint.size))
    return Logged(index=index, hashes=tuple(hashes), checkpoint=checkpoint)


def tiles(size: int) -> Tiles:
    """The tiles of the log with so many entries, each fetched once; called off the loop. Raises StoreDown, NotFound."""
    fetched: dict[tuple[int, int], bytes] = {}

    def tile(level: int, number: int) -> bytes:
        key = (level, number)
        if key not in fetched:
            width = merkle_tiles.width_of(level, number, size)
            fetched[key] = bucket.read_all(PREFIX + merkle_tiles.path_of(level, number, width))
        return fetched[key]

    return tile


async def growth_since(size: int) -> str | None:
    """That the log, as it was signed last, begins with its first `size` entries: hashes, then the checkpoint.

    None where it was never so small or is smaller now. Raises StoreDown.
    """
    checkpoint = await newest()
    if checkpoint is None or not 0 < size <= checkpoint.size:
        return None
    hashes = await asyncio.to_thread(merkle_tiles.consistency, size, checkpoint.size, tiles(checkpoint.size))
    lines = [GROWTH, f"old {size}", *(base64.b64encode(one).decode() for one in hashes)]
    return "\n".join(lines) + f"\n\n{checkpoint.note}"


async def read(path: str) -> bytes:
    """A part of the log as it is published. Raises NotFound, StoreDown."""
    return await asyncio.to_thread(bucket.read_all, PREFIX + path)


def head_of(checkpoint: Checkpoint) -> signed_notes.Head:
    """What a checkpoint of ours says. Raises ValueError for one that its key has not signed."""
    return signed_notes.read_head(signed_notes.opened(checkpoint.note, checkpoint.verifier))
