"""Files by content: written once under their SHA-256, never overwritten, checked at every read.

Where the store keeps versions, a read asks for the one that was recorded: another may lie over it. What is signed is
locked there (infra/decisions/0029).
"""

import asyncio
import hashlib
import io
import logging
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import msgspec
from sqlalchemy import BigInteger, select
from sqlalchemy.orm import Mapped, mapped_column

from backend.core import at_once, bucket, clock, packs, settings
from backend.core.bucket import Lock, LockMode
from backend.core.crypto import sha256_hex
from backend.core.database import Base, TenantSession, tenant_session
from backend.core.errors import AppError, NotFound
from backend.core.files import File as File
from backend.core.files import Packed as Packed
from backend.core.files import Recorded
from backend.core.personal_data import holding
from backend.core.questions import Adding

log = logging.getLogger(__name__)


class StoredObject(Base):
    """A file that this school owns; the key in the store follows from tenant and digest.

    One that lies within another has the digest of that one, and its place there; `version_id` is then that of the other.
    """

    __tablename__ = "stored_object"
    __table_args__ = (
        {
            "info": holding(
                internal="sha256 size content_type version_id stored_at pack_sha256 pack_offset",
            )
        },
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    content_type: Mapped[str]
    version_id: Mapped[str | None]
    stored_at: Mapped[datetime]
    pack_sha256: Mapped[str | None]
    pack_offset: Mapped[int | None] = mapped_column(BigInteger)


#: Files of one call that are locked at the same time.
LOCKED_AT_ONCE = 8
#: The longest year, so that nothing is free a day early.
_YEAR = timedelta(days=366)
#: Versions that this process has written and `register` has not recorded yet, by key: the oldest are forgotten, and a
#: read of a file without a recorded version asks for the newest.
_written: dict[str, str] = {}
REMEMBERED = 10_000
_remembering = threading.Lock()

_REGISTER = Adding(
    "stored_object",
    {
        "sha256": "text",
        "size": "int",
        "content_type": "text",
        "version_id": "text",
        "stored_at": "timestamptz",
        "pack_sha256": "text",
        "pack_offset": "bigint",
    },
    "on conflict do nothing",
)


class CorruptObject(AppError):
    """The store gave back other bytes than were stored: an alarm, never a retry."""

    def __init__(self, sha256: str) -> None:
        super().__init__(
            f"Tệp {sha256[:12]}… trong kho lưu trữ không còn đúng nội dung đã ghi nên không được dùng; "
            "xin báo người quản trị để đối chiếu với bản sao lưu."
        )


def object_key(tenant_id: uuid.UUID, sha256: str) -> str:
    """Where a school's file lies in the bucket."""
    return f"t/{tenant_id}/{sha256[:2]}/{sha256}"


def checkpoint_key(number: int, sha256: str, part: str) -> str:
    """Where the `json` or the time stamp (`tst`) of a checkpoint of the audit lies; `sha256` is that of its document."""
    return f"audit/{number:08}-{sha256}.{part}"


async def put_checkpoint(number: int, sha256: str, document: bytes, token: bytes) -> None:
    """Write a checkpoint of the audit with its time stamp, locked for good; it is no school's. Raises Unavailable."""
    lock = lock_now(LockMode.COMPLIANCE)
    for part, data in (("tst", token), ("json", document)):
        await asyncio.to_thread(bucket.put, checkpoint_key(number, sha256, part), data, len(data), lock)


async def get_checkpoint(number: int, sha256: str) -> tuple[bytes, bytes]:
    """Document and time stamp of a checkpoint of the audit. Raises Unavailable, NotFound."""
    document, token = [
        await asyncio.to_thread(bucket.read_all, checkpoint_key(number, sha256, part))
        for part in ("json", "tst")
    ]
    return document, token


async def put(tenant_id: uuid.UUID, data: bytes, *, lock: bool = False) -> str:
    """Write bytes to the store, outside any transaction; returns their SHA-256. Safe to repeat.

    With `lock` they are held there as GOVERNANCE, where the installation locks files. Raises Unavailable when the store
    does not answer.
    """
    digest = sha256_hex(data)
    held = lock_now(LockMode.GOVERNANCE) if lock else None
    await asyncio.to_thread(_put, object_key(tenant_id, digest), data, len(data), held)
    return digest


async def put_together(tenant_id: uuid.UUID, files: Sequence[bytes], content_type: str) -> list[Packed]:
    """`put` for many small files that are kept equally long: one object holds them all. Raises Unavailable."""
    archive, places = packs.pack(files)
    digest = await put(tenant_id, archive)
    sizes = {sha256_hex(data): len(data) for data in files}
    return [Packed(one, sizes[one], content_type, digest, place) for one, place in places.items()]


async def put_file(tenant_id: uuid.UUID, path: Path, content_type: str) -> File:
    """`put` for a file that is too large to be held in memory. Safe to repeat. Raises Unavailable."""
    return await asyncio.to_thread(_put_file, tenant_id, path, content_type)


def file_of(data: bytes, content_type: str) -> File:
    """What is recorded of these bytes."""
    return File(sha256_hex(data), len(data), content_type)


async def register(session: TenantSession, *files: File) -> None:
    """Record in the database that the school owns files which `put` has written."""
    keys = {file: object_key(session.tenant_id, _object_of(file)) for file in files}
    written = {key: _take_written(key) for key in set(keys.values())}
    rows = [
        {
            "stored_at": clock.now(),
            "version_id": written[key],
            "pack_sha256": None,
            "pack_offset": None,
            **msgspec.structs.asdict(file),
        }
        for file, key in keys.items()
    ]
    await session.tell_lines(_REGISTER, rows)


def _object_of(file: File) -> str:
    """The digest of what lies in the store: the file, or that which holds it."""
    return file.pack_sha256 if isinstance(file, Packed) else file.sha256


def remove_afterwards(session: TenantSession, digests: Sequence[str]) -> None:
    """Take files out of the store that the school owns no longer, as soon as that is committed.

    A crash in between leaves bytes that nobody can ask for. The commit raises Unavailable without the store.
    """
    keys = [object_key(session.tenant_id, digest) for digest in digests]

    async def remove() -> None:
        for key in keys:
            await asyncio.to_thread(bucket.remove, key, versions=settings.get().locks_files)

    session.afterwards(remove)


async def require_owned(session: TenantSession, digests: Sequence[str]) -> None:
    """Raises NotFound when one of these files is not this school's."""
    found = await session.scalars(
        select(StoredObject.sha256).where(
            StoredObject.tenant_id == session.tenant_id, StoredObject.sha256.in_(digests)
        )
    )
    if len(found.all()) < len(set(digests)):
        raise NotFound("Không tìm thấy tệp này trong kho của trường.")


async def lock_for_good(session: TenantSession, digests: Sequence[str]) -> None:
    """Nobody can change or delete these files of the school any more, for as long as the installation says from now on.

    To repeat it is to hold them longer. Each is read first: what is not what was stored is locked by nobody. Does nothing
    where the installation does not lock. Raises NotFound for a file that is not the school's, Unavailable, CorruptObject.
    """
    lock = lock_now(LockMode.COMPLIANCE)
    if lock is None:
        return
    await require_owned(session, digests)

    async def one(sha256: str) -> None:
        key, place = object_key(session.tenant_id, sha256), await _recorded(session.tenant_id, sha256)
        await asyncio.to_thread(_lock_verified, session.tenant_id, sha256, key, place.version_id, lock)

    await at_once.each(sorted(set(digests)), one, limit=LOCKED_AT_ONCE)


def lock_now(mode: LockMode) -> Lock | None:
    """The lock of what is written now; None where the installation does not lock."""
    config = settings.get()
    return Lock(mode, clock.now() + config.s3_lock_years * _YEAR) if config.locks_files else None


async def files_of(session: TenantSession, digests: Iterable[str]) -> list[Recorded]:
    """What is recorded of these files of the school, in the order of their digests."""
    found = await session.scalars(
        select(StoredObject)
        .where(StoredObject.tenant_id == session.tenant_id, StoredObject.sha256.in_(list(digests)))
        .order_by(StoredObject.sha256)
    )
    return [Recorded(one.sha256, one.size, one.content_type, one.version_id) for one in found]


async def record_again(session: TenantSession, files: Iterable[Recorded]) -> None:
    """Put back what was recorded of files that are in the store; what is recorded already stays."""
    alone = {"stored_at": clock.now(), "pack_sha256": None, "pack_offset": None}
    await session.tell_lines(_REGISTER, [{**alone, **msgspec.structs.asdict(file)} for file in files])


async def get(tenant_id: uuid.UUID, sha256: str) -> bytes:
    """The bytes stored under a digest, verified. Raises NotFound, Unavailable, CorruptObject."""
    try:
        place = await _recorded(tenant_id, sha256)
        data = await asyncio.to_thread(_read_place, place)
    except NotFound:
        packed = await _place(tenant_id, sha256)
        if packed is None or packed.offset is None:
            raise
        data = await asyncio.to_thread(_read_place, packed)
    _check(tenant_id, sha256, sha256_hex(data))
    return data


async def get_recorded(tenant_id: uuid.UUID, file: Recorded) -> bytes:
    """`get` by what was recorded of a file that lies by itself, also where the database does not know of it any more."""
    place = _Place(object_key(tenant_id, file.sha256), file.size, file.version_id)
    data = await asyncio.to_thread(_read_place, place)
    _check(tenant_id, file.sha256, sha256_hex(data))
    return data


async def get_file(tenant_id: uuid.UUID, sha256: str) -> IO[bytes]:
    """`get` for what is too large to be held in memory: verified, at its beginning, gone when it is closed.

    Raises NotFound, Unavailable, CorruptObject.
    """
    place = await _recorded(tenant_id, sha256)
    try:
        return await asyncio.to_thread(_get_file, tenant_id, sha256, place.version_id)
    except NotFound:
        return io.BytesIO(await get(tenant_id, sha256))


class _Place(msgspec.Struct, frozen=True):
    """Where a file lies: an object of the store, in a version of it, and where in it, if it is not the whole of it."""

    key: str
    size: int = 0
    version_id: str | None = None
    offset: int | None = None


async def _recorded(tenant_id: uuid.UUID, sha256: str) -> _Place:
    """Where a file lies; nobody is asked where the store has no versions and most files lie by themselves."""
    whole = _Place(object_key(tenant_id, sha256))
    if not settings.get().locks_files:
        return whole
    return await _place(tenant_id, sha256) or whole


async def _place(tenant_id: uuid.UUID, sha256: str) -> _Place | None:
    """What `register` recorded; None before."""
    async with tenant_session(tenant_id, read_only=True) as session:
        found = await session.get(StoredObject, (tenant_id, sha256))
    if found is None:
        return None
    key = object_key(tenant_id, found.pack_sha256 or sha256)
    return _Place(key, found.size, found.version_id, found.pack_offset)


def _read_place(place: _Place) -> bytes:
    if place.offset is None:
        return bucket.read_all(place.key, place.version_id)
    return bucket.read_part(place.key, place.version_id, place.offset, place.size)


def _put(key: str, data: bytes | IO[bytes], size: int, lock: Lock | None = None) -> None:
    version_id = bucket.put(key, data, size, lock)
    if version_id is not None:
        with _remembering:
            _written[key] = version_id
            if len(_written) > REMEMBERED:
                _written.pop(next(iter(_written)))


def _take_written(key: str) -> str | None:
    with _remembering:
        return _written.pop(key, None)


def _lock_verified(tenant_id: uuid.UUID, sha256: str, key: str, recorded: str | None, lock: Lock) -> None:
    version_id = recorded or bucket.newest_version(key)
    _check(tenant_id, sha256, sha256_hex(bucket.read_all(key, version_id)))
    bucket.hold(key, version_id, lock)


def _put_file(tenant_id: uuid.UUID, path: Path, content_type: str) -> File:
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        size = content.tell()
        content.seek(0)
        _put(object_key(tenant_id, sha256), content, size)
    return File(sha256, size, content_type)


def _get_file(tenant_id: uuid.UUID, sha256: str, version_id: str | None) -> IO[bytes]:
    with ExitStack() as unless_good:
        content = unless_good.enter_context(tempfile.TemporaryFile())
        with bucket.failures_told():
            shutil.copyfileobj(bucket.read(object_key(tenant_id, sha256), version_id), content)
        content.seek(0)
        _check(tenant_id, sha256, hashlib.file_digest(content, "sha256").hexdigest())
        content.seek(0)
        unless_good.pop_all()
    return content


def _check(tenant_id: uuid.UUID, sha256: str, found: str) -> None:
    if found != sha256:
        log.error("stored file is corrupt", extra={"tenant_id": tenant_id, "sha256": sha256})
        raise CorruptObject(sha256)
