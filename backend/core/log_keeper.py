"""The keeper of the public log: numbers what waits, publishes tiles, then signs what is published.

It runs beside the dispatcher and, like it, once: an advisory lock. Numbers are committed before anything is signed, so
whatever is left off is taken up again with the same tree, and the same bytes are written again. At the start of a turn
the whole log is hashed anew from its entries and held against the checkpoint in the store: an older database takes the
entries that it lacks from there, and one that says something else signs nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

import asyncpg

from backend.core import bucket, clock, merkle_tiles, public_log, settings, signed_notes, storage
from backend.core.bucket import LockMode
from backend.core.errors import NotFound
from backend.core.leading import lead, pause
from backend.core.merkle_tiles import Edge, Tile
from backend.core.signed_notes import Head, NoteKey

log = logging.getLogger(__name__)

#: Any constant: who holds this lock keeps the log.
LOCK = 7_474_006
#: Pause between two rounds.
ROUND_SECONDS = 5.0
#: Entries that one round numbers: what is left comes in the next.
AT_ONCE = 5_000
_READ_AT_ONCE = 10_000

_WAITING = (
    "select distinct on (queued_at, entry) entry from work.log_entry order by queued_at, entry limit $1"
)
_KNOWN = "select entry from directory.log_entry where entry = any($1::bytea[])"
_ADD = "insert into directory.log_entry (n, entry) select * from unnest($1::bigint[], $2::bytea[])"
_DONE = "delete from work.log_entry where entry = any($1::bytea[])"
_COUNT = "select coalesce(max(n) + 1, 0), count(*) from directory.log_entry"
_ENTRIES = "select n, entry from directory.log_entry where n >= $1 order by n limit $2"
_CHECKPOINT = """
    insert into directory.log_checkpoint (size, note, verifier, made_at) values ($1, $2, $3, $4) on conflict do nothing
"""


class Forked(Exception):
    """The database and what was signed before say different things: nothing more is signed until people have looked."""


def key() -> NoteKey | None:
    """The key that signs the log, under the log's own name; None where this installation keeps none."""
    config = settings.get()
    if not config.log_key:
        return None
    return NoteKey(origin(), bytes.fromhex(config.log_key))


def origin() -> str:
    """What the log is called: its address without the scheme."""
    return settings.get().public_url.partition("://")[2].rstrip("/") + "/minh-bach"


async def keep(url: str, stop: asyncio.Event) -> None:
    """Work until `stop` is set. What fails is logged and begun anew."""
    signing = key()
    if signing is None:
        log.warning("no public log is kept: HOCBA_LOG_KEY is not set")
        return

    async def rounds(connection: asyncpg.Connection) -> None:
        keeper = Keeper(connection, signing)
        await keeper.begin()
        while not stop.is_set():
            await keeper.round()
            await pause(stop, ROUND_SECONDS)

    await lead("keeper of the public log", url, LOCK, rounds, stop)


class Keeper:
    """One turn of keeping, on a connection that holds the lock. `begin` comes first."""

    def __init__(self, connection: asyncpg.Connection, signing: NoteKey) -> None:
        self._connection = connection
        self._signing = signing
        self._edge = Edge()

    async def begin(self) -> None:
        """Hash what is there, write what the store lacks, and sign it. Raises Forked, StoreDown."""
        signed = await asyncio.to_thread(self._published)
        await self._recover(signed.size)
        published: list[Tile] = []
        async for entry in self._entries():
            filled = self._edge.add(entry)
            if self._edge.size > signed.size:
                published += filled
            if self._edge.size == signed.size and self._edge.root() != signed.root:
                raise Forked(f"the root of {signed.size} entries is not the one that was signed")
        if self._edge.size < signed.size:
            raise Forked(f"{signed.size} entries were signed and there are {self._edge.size}")
        if self._edge.size > signed.size:
            await self._publish(published)

    async def round(self) -> int:
        """Number what waits, and publish it; counts it."""
        entries = await self._number()
        filled = [tile for entry in entries for tile in self._edge.add(entry)]
        if entries:
            await self._publish(filled)
        return len(entries)

    async def _number(self) -> list[bytes]:
        """The next numbers, in one transaction: whatever happens afterwards, they stay."""
        async with self._connection.transaction():
            waiting = [row["entry"] for row in await self._connection.fetch(_WAITING, AT_ONCE)]
            if not waiting:  # most rounds: the log is not counted for nothing
                return []
            known = {row["entry"] for row in await self._connection.fetch(_KNOWN, waiting)}
            new = [entry for entry in dict.fromkeys(waiting) if entry not in known]
            size, count = await self._connection.fetchrow(_COUNT)
            if size != count or size != self._edge.size:
                raise Forked(f"the log has {count} entries up to number {size}, not {self._edge.size}")
            await self._connection.execute(_ADD, list(range(size, size + len(new))), new)
            await self._connection.execute(_DONE, waiting)
        return new

    async def _publish(self, filled: list[Tile]) -> None:
        """Tiles first, then the checkpoint that speaks of them."""
        await asyncio.to_thread(self._write, [*filled, *self._edge.partial()])
        head = Head(origin=self._signing.name, size=self._edge.size, root=self._edge.root())
        note = self._signing.signed(head.text())
        await self._connection.execute(_CHECKPOINT, head.size, note, self._signing.verifier, clock.now())
        await asyncio.to_thread(bucket.replace, public_log.CHECKPOINT, note.encode())
        log.info("checkpoint of the public log", extra={"count": head.size})

    def _write(self, tiles: list[Tile]) -> None:
        lock = storage.lock_now(LockMode.COMPLIANCE)
        for tile in tiles:
            # A part of a tile is gone with the whole one: it is not kept for years.
            held = None if ".p/" in tile.path else lock
            bucket.put(public_log.PREFIX + tile.path, tile.content, len(tile.content), held)

    def _published(self) -> Head:
        """What was signed last, as the store has it."""
        try:
            note = bucket.read_all(public_log.CHECKPOINT).decode()
        except NotFound:
            return Head(origin=self._signing.name, size=0, root=Edge().root())
        try:
            return signed_notes.read_head(signed_notes.opened(note, self._signing.verifier))
        except ValueError as error:
            raise Forked("the checkpoint in the store is not signed by this key") from error

    async def _recover(self, signed: int) -> None:
        """An older database was restored: what it lacks of what was signed is taken from the store."""
        size, _ = await self._connection.fetchrow(_COUNT)
        if size >= signed:
            return
        log.error("the public log is taken on from the store", extra={"count": signed - size})
        for number in range(size // merkle_tiles.WIDTH, -(-signed // merkle_tiles.WIDTH)):
            width = merkle_tiles.width_of(0, number, signed)
            path = public_log.PREFIX + merkle_tiles.path_of(None, number, width)
            entries = merkle_tiles.entries_of(await asyncio.to_thread(bucket.read_all, path))
            first = number * merkle_tiles.WIDTH
            lacking = [(n, entry) for n, entry in enumerate(entries, first) if n >= size]
            await self._connection.execute(_ADD, *map(list, zip(*lacking, strict=True)))

    async def _entries(self) -> AsyncIterator[bytes]:
        """Every entry in the order of numbers. Raises Forked for a gap."""
        n = 0
        while rows := await self._connection.fetch(_ENTRIES, n, _READ_AT_ONCE):
            for row in rows:
                if row["n"] != n:
                    raise Forked(f"entry {n} of the log is missing")
                n += 1
                yield row["entry"]
