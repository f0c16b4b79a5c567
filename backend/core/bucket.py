"""The object store by its own words: keys, versions and locks of one bucket. What lies there is `storage`'s business.

The store is never trusted to refuse an overwrite or to keep metadata: digests and sizes live in PostgreSQL.
"""

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import IO, Any

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.core import settings
from backend.core.errors import NotFound, Unavailable


class LockMode(StrEnum):
    """GOVERNANCE: who has a right of its own may lift it. COMPLIANCE: nobody may, before its end."""

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


class Lock(msgspec.Struct, frozen=True):
    """How and until when a version may be neither changed nor deleted."""

    mode: LockMode
    until: datetime


class StoreDown(Unavailable):
    """The object store does not answer; jobs try again."""

    def __init__(self) -> None:
        super().__init__("Kho lưu trữ tệp đang không trả lời; xin thử lại sau ít phút.")


class LockForgotten(Unavailable):
    """The store took a lock and does not have it: an alarm; what waits for the lock goes on waiting."""

    def __init__(self) -> None:
        super().__init__(
            "Kho lưu trữ nhận khóa của tệp nhưng không giữ khóa; việc này dừng lại, xin báo người quản trị hệ thống."
        )


#: Making a client is not safe in several threads at once, using one is.
_making = threading.Lock()


@lru_cache(maxsize=1)
def client() -> Any:
    """The S3 client of this process."""
    with _making:
        return _new_client()


def close() -> None:
    """Let go of the connections of this process."""
    if client.cache_info().currsize:
        client().close()
        client.cache_clear()


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


def put(key: str, data: bytes | IO[bytes], size: int, lock: Lock | None = None) -> str | None:
    """Write an object unless one of that size is there; the id of its version where the store has versions.

    With a `lock` it is locked, also where it was there without. Raises StoreDown.
    """
    with failures_told():
        found = _head(key)
        if found is None or found["ContentLength"] != size:
            written = _version(client().put_object(Bucket=_name(), Key=key, Body=data, **_locked(data, lock)))
            if lock:
                _require_held(key, written, lock)
            return written
        version_id = _version(found)
        if lock and version_id and found.get("ObjectLockMode") is None:
            hold(key, version_id, lock)
        return version_id


def replace(key: str, data: bytes) -> None:
    """Write an object whatever is there: the one kind of thing that changes. Raises StoreDown."""
    with failures_told():
        client().put_object(Bucket=_name(), Key=key, Body=data)


def _locked(data: bytes | IO[bytes], lock: Lock | None) -> dict[str, Any]:
    if lock is None:
        return {}
    assert isinstance(data, bytes), "what is locked is held in memory"
    return {
        "ObjectLockMode": lock.mode,
        "ObjectLockRetainUntilDate": lock.until,
        # S3 wants it beside a lock.
        "ContentMD5": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
    }


def hold(key: str, version_id: str, lock: Lock) -> None:
    """Lock one version; a lock that holds as much or more stays. Raises NotFound, StoreDown."""
    with failures_told():
        found = client().head_object(Bucket=_name(), Key=key, VersionId=version_id)
        until = found.get("ObjectLockRetainUntilDate")
        if found.get("ObjectLockMode") in (lock.mode, LockMode.COMPLIANCE) and until and until >= lock.until:
            return
        client().put_object_retention(
            Bucket=_name(),
            Key=key,
            VersionId=version_id,
            Retention={"Mode": lock.mode, "RetainUntilDate": max(lock.until, until or lock.until)},
            # Ceph and S3 take the step up from GOVERNANCE for lifting it; COMPLIANCE is lifted by nothing.
            BypassGovernanceRetention=lock.mode is LockMode.COMPLIANCE,
        )
        _require_held(key, version_id, lock)


def _require_held(key: str, version_id: str | None, lock: Lock) -> None:
    """A store may take a lock and forget it. Raises LockForgotten."""
    found = client().head_object(Bucket=_name(), Key=key, **({"VersionId": version_id} if version_id else {}))
    if found.get("ObjectLockMode") not in (lock.mode, LockMode.COMPLIANCE):
        raise LockForgotten


def newest_version(key: str) -> str:
    """The newest version of an object. Raises NotFound where there is none, StoreDown."""
    with failures_told():
        found = _version(client().head_object(Bucket=_name(), Key=key))
    if found is None:
        raise NotFound("Kho lưu trữ không giữ phiên bản của tệp này.")
    return found


def read(key: str, version_id: str | None) -> IO[bytes]:
    """An object's content, of one version or of the newest. Raises NotFound, StoreDown."""
    asked = {"VersionId": version_id} if version_id else {}
    with failures_told():
        content: IO[bytes] = client().get_object(Bucket=_name(), Key=key, **asked)["Body"]
    return content


def read_part(key: str, version_id: str | None, offset: int, size: int) -> bytes:
    """So many bytes of an object from a place on. Raises NotFound, StoreDown."""
    if not size:
        return b""
    asked = {"VersionId": version_id} if version_id else {}
    bytes_asked = f"bytes={offset}-{offset + size - 1}"
    with failures_told():
        content: IO[bytes] = client().get_object(Bucket=_name(), Key=key, Range=bytes_asked, **asked)["Body"]
        return content.read()


def read_all(key: str, version_id: str | None = None) -> bytes:
    """`read`, all of it."""
    content = read(key, version_id)
    with failures_told():
        return content.read()


def remove(key: str, *, versions: bool) -> None:
    """Take an object away; with `versions` every one of them, so that no bytes stay. Raises StoreDown."""
    with failures_told():
        ids = [{"VersionId": one} for one in _version_ids(key)] if versions else [{}]
        for which in ids:
            client().delete_object(Bucket=_name(), Key=key, **which)


def keys(prefix: str) -> Iterator[str]:
    """Keys of everything under a prefix, in order. Raises StoreDown."""
    with failures_told():
        for page in client().get_paginator("list_objects_v2").paginate(Bucket=_name(), Prefix=prefix):
            for found in page.get("Contents", ()):
                yield found["Key"]


def versions(prefix: str) -> Iterator[tuple[str, str]]:
    """Key and version of everything that ever lay under a prefix and is there still, also beneath marks that say it is
    deleted: keys in order, the newest version of each first. Raises StoreDown."""
    with failures_told():
        for page in client().get_paginator("list_object_versions").paginate(Bucket=_name(), Prefix=prefix):
            for found in page.get("Versions", ()):
                yield found["Key"], found["VersionId"]


def folders(prefix: str) -> list[str]:
    """Names of the folders right below a prefix. Raises StoreDown."""
    with failures_told():
        pages = (
            client().get_paginator("list_objects_v2").paginate(Bucket=_name(), Prefix=prefix, Delimiter="/")
        )
        found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())]
    return [name.removeprefix(prefix).rstrip("/") for name in found]


def ensure() -> None:
    """Create the bucket where it does not exist (embedded stack and tests; in production it is made by infra)."""
    try:
        client().head_bucket(Bucket=_name())
    except ClientError:
        client().create_bucket(Bucket=_name(), ObjectLockEnabledForBucket=settings.get().locks_files)


def _name() -> str:
    return settings.get().s3_bucket


def _version(answer: Any) -> str | None:
    found: str | None = answer.get("VersionId")
    return None if found == "null" else found


def _version_ids(key: str) -> list[str]:
    pages = client().get_paginator("list_object_versions").paginate(Bucket=_name(), Prefix=key)
    found = [one for page in pages for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, ())]
    return [one["VersionId"] for one in found if one["Key"] == key]


def _head(key: str) -> Any:
    """What the store says of an object; None where there is nothing."""
    try:
        return client().head_object(Bucket=_name(), Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise


@contextmanager
def failures_told() -> Iterator[None]:
    """What the store says goes on as NotFound or StoreDown."""
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            raise NotFound("Không tìm thấy tệp trong kho lưu trữ.") from error
        raise StoreDown from error
    except BotoCoreError as error:
        raise StoreDown from error
