"""Files by content: written once under their SHA-256, never overwritten, checked at every read.

The store is never trusted to refuse an overwrite or to keep metadata: digests and sizes live in PostgreSQL.
"""

import asyncio
import hashlib
import logging
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from backend.core import clock, settings
from backend.core.crypto import sha256_hex
from backend.core.database import Base, TenantSession
from backend.core.errors import AppError, NotFound, Unavailable
from backend.core.personal_data import holding

log = logging.getLogger(__name__)


class StoredObject(Base):
    """A file that this school owns; the key in the store follows from tenant and digest."""

    __tablename__ = "stored_object"
    __table_args__ = ({"info": holding(internal="sha256 size content_type version_id stored_at")},)

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    content_type: Mapped[str]
    version_id: Mapped[str | None]
    stored_at: Mapped[datetime]


_REGISTER = insert(StoredObject).on_conflict_do_nothing()


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
    """Write a checkpoint of the audit with its time stamp; it belongs to no school. Raises Unavailable."""
    for part, data in (("tst", token), ("json", document)):
        await asyncio.to_thread(_put, checkpoint_key(number, sha256, part), data, len(data))


async def put(tenant_id: uuid.UUID, data: bytes) -> str:
    """Write bytes to the store, outside any transaction; returns their SHA-256. Safe to repeat.

    Raises Unavailable when the store does not answer.
    """
    digest = sha256_hex(data)
    await asyncio.to_thread(_put, object_key(tenant_id, digest), data, len(data))
    return digest


async def put_file(tenant_id: uuid.UUID, path: Path, content_type: str) -> "File":
    """`put` for a file that is too large to be held in memory. Safe to repeat. Raises Unavailable."""
    return await asyncio.to_thread(_put_file, tenant_id, path, content_type)


class File(msgspec.Struct, frozen=True):
    """A file that `put` has written; `size` in bytes."""

    sha256: str
    size: int
    content_type: str


def file_of(data: bytes, content_type: str) -> File:
    """What is recorded of these bytes."""
    return File(sha256_hex(data), len(data), content_type)


async def register(session: TenantSession, *files: File) -> None:
    """Record in the database that the school owns files which `put` has written."""
    rows = [
        {"tenant_id": session.tenant_id, "stored_at": clock.now(), **msgspec.structs.asdict(file)}
        for file in files
    ]
    if rows:
        await session.execute(_REGISTER, rows)


def remove_afterwards(session: TenantSession, digests: Sequence[str]) -> None:
    """Take files out of the store that the school owns no longer, as soon as that is committed.

    A crash in between leaves bytes that nobody can ask for. The commit raises Unavailable without the store.
    """
    keys = [object_key(session.tenant_id, digest) for digest in digests]

    async def remove() -> None:
        for key in keys:
            await asyncio.to_thread(_remove, key)

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


async def get(tenant_id: uuid.UUID, sha256: str) -> bytes:
    """The bytes stored under a digest, verified. Raises NotFound, Unavailable, CorruptObject."""
    data = await asyncio.to_thread(_get, object_key(tenant_id, sha256))
    _check(tenant_id, sha256, sha256_hex(data))
    return data


async def get_file(tenant_id: uuid.UUID, sha256: str) -> IO[bytes]:
    """`get` for what is too large to be held in memory: verified, at its beginning, gone when it is closed.

    Raises NotFound, Unavailable, CorruptObject.
    """
    return await asyncio.to_thread(_get_file, tenant_id, sha256)


#: Making a client is not safe in several threads at once, using one is.
_making = threading.Lock()


def close() -> None:
    """Let go of the connections of this process."""
    if _client.cache_info().currsize:
        _client().close()
        _client.cache_clear()


@lru_cache(maxsize=1)
def _client() -> Any:
    with _making:
        return _new_client()


def _new_client() -> Any:
    config = settings.get()
    return boto3.client(
        "s3",
        endpoint_url=config.s3_endpoint,
        aws_access_key_id=config.s3_access_key,
        aws_secret_access_key=config.s3_secret_key,
        region_name=config.s3_region,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            # rclone's server refuses the newer checksum trailers
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=3,
            read_timeout=30,
            retries={"max_attempts": 3, "mode": "standard"},
            max_pool_connections=32,
        ),
    )


def _put_file(tenant_id: uuid.UUID, path: Path, content_type: str) -> File:
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        size = content.tell()
        content.seek(0)
        _put(object_key(tenant_id, sha256), content, size)
    return File(sha256, size, content_type)


def _put(key: str, data: bytes | IO[bytes], size: int) -> None:
    client, bucket = _client(), settings.get().s3_bucket
    try:
        if _size(client, bucket, key) != size:
            client.put_object(Bucket=bucket, Key=key, Body=data)
    except (ClientError, BotoCoreError) as error:
        raise StoreDown from error


def _remove(key: str) -> None:
    try:
        _client().delete_object(Bucket=settings.get().s3_bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        raise StoreDown from error


def _size(client: Any, bucket: str, key: str) -> int | None:
    """Bytes under the key; None where there is nothing. Too few are what is left of an upload that was cut."""
    try:
        size: int = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    return size


def _get(key: str) -> bytes:
    with _failures_told():
        body: bytes = _client().get_object(Bucket=settings.get().s3_bucket, Key=key)["Body"].read()
    return body


def _get_file(tenant_id: uuid.UUID, sha256: str) -> IO[bytes]:
    with ExitStack() as unless_good:
        content = unless_good.enter_context(tempfile.TemporaryFile())
        with _failures_told():
            key = object_key(tenant_id, sha256)
            body = _client().get_object(Bucket=settings.get().s3_bucket, Key=key)["Body"]
            shutil.copyfileobj(body, content)
        content.seek(0)
        _check(tenant_id, sha256, hashlib.file_digest(content, "sha256").hexdigest())
        content.seek(0)
        unless_good.pop_all()
    return content


def _check(tenant_id: uuid.UUID, sha256: str, found: str) -> None:
    if found != sha256:
        log.error("stored file is corrupt", extra={"tenant_id": tenant_id, "sha256": sha256})
        raise CorruptObject(sha256)


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            raise NotFound("Không tìm thấy tệp trong kho lưu trữ.") from error
        raise StoreDown from error
    except BotoCoreError as error:
        raise StoreDown from error


class StoreDown(Unavailable):
    """The object store does not answer; jobs try again."""

    def __init__(self) -> None:
        super().__init__("Kho lưu trữ tệp đang không trả lời; xin thử lại sau ít phút.")


def ensure_bucket() -> None:
    """Create the bucket where it does not exist (embedded stack and tests; in production it is made by infra)."""
    client, bucket = _client(), settings.get().s3_bucket
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError:
        client.create_bucket(Bucket=bucket)
