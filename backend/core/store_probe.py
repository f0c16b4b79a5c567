"""The probe of the store's promise: everything that could take a locked file away is tried, on objects of its own.

A store may refuse, or do as it is told beside the locked version; what counts is what is there afterwards: the same bytes
under the same lock. A store that says yes to everything and keeps the version has kept its promise.
"""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from backend.core import bucket, clock, settings
from backend.core.bucket import Lock, LockForgotten, LockMode, StoreDown
from backend.core.errors import AppError

PREFIX = "probe/"
#: So long the probe's own objects are locked: what is shortened must be long enough to be shortened.
_LOCKED_FOR = timedelta(minutes=20)
_SHORTER = timedelta(minutes=10)
#: Objects that are attacked at the same time.
_AT_ONCE = 6
_CONTENT, _OTHER = b"what was signed", b"what was not!!!"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was tried: its name, in words, whether the promise held, and what was seen where it did not."""

    name: str
    words: str
    held: bool
    seen: str = ""


class Target(msgspec.Struct, frozen=True):
    """A locked object of the probe's own."""

    key: str
    version_id: str
    lock: Lock


class Broken(Exception):
    """The store did what it had promised not to do; says what was seen."""


Attack = Callable[[Target], None]


def probe() -> list[Finding]:
    """Try everything; takes some seconds. Raises StoreDown where the store does not answer."""
    try:
        without = _without_locks()
        if without:
            return [Finding("object_lock", "Kho có giữ phiên bản và có khóa tệp", held=False, seen=without)]
        _sweep()
        folder = f"{PREFIX}{clock.now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda attack: _try(folder, *attack), _ON_OBJECTS))
        return [*found, *(_try(folder, *attack) for attack in _ON_THE_BUCKET)]
    except BotoCoreError as error:
        raise StoreDown from error


def _without_locks() -> str:
    """Why the bucket can lock nothing; empty where it can."""
    try:
        if _status() != "Enabled":
            return "kho không giữ các phiên bản của tệp"
        _lock_configuration()
    except ClientError as error:
        return f"kho không có khóa tệp ({_code(error)})"
    return ""


def _try(folder: str, name: str, words: str, mode: LockMode, attack: Attack) -> Finding:
    try:
        target = _laid(f"{folder}/{name}", mode)
        attack(target)
        _require_kept(target)
    except Broken as broken:
        return Finding(name, words, held=False, seen=str(broken))
    return Finding(name, words, held=True)


def _laid(key: str, mode: LockMode) -> Target:
    """A new object under lock. Raises Broken where the store takes the object and not the lock."""
    lock = Lock(mode, clock.now().replace(microsecond=0) + _LOCKED_FOR)
    try:
        version_id = bucket.put(key, _CONTENT, len(_CONTENT), lock)
    except StoreDown as error:
        raise Broken(f"không khóa được tệp mới ({_cause(error)})") from error
    except LockForgotten as error:
        raise Broken("kho nhận khóa của tệp mới rồi bỏ khóa") from error
    if version_id is None:
        raise Broken("tệp mới không có mã phiên bản")
    target = Target(key, version_id, lock)
    _require_kept(target)
    return target


def _require_kept(target: Target) -> None:
    """The version has the same bytes, and a lock that is at least as strong. Raises Broken."""
    try:
        found = _call("head_object", target)
        content = _call("get_object", target)["Body"].read()
    except ClientError as error:
        raise Broken(f"phiên bản đã khóa không còn ({_code(error)})") from error
    if content != _CONTENT:
        raise Broken("phiên bản đã khóa có nội dung khác")
    mode, until = found.get("ObjectLockMode"), found.get("ObjectLockRetainUntilDate")
    if mode is None or until is None:
        raise Broken("phiên bản không còn khóa")
    if target.lock.mode is LockMode.COMPLIANCE and mode != LockMode.COMPLIANCE:
        raise Broken(f"khóa bị hạ xuống {mode}")
    if until < target.lock.until:
        raise Broken(
            f"hạn khóa bị rút ngắn còn {until:%H:%M}, lúc đặt là {target.lock.until:%H:%M} (giờ UTC)"
        )


def _call(operation: str, target: Target | None = None, **values: Any) -> Any:
    if target is not None:
        values |= {"Key": target.key, "VersionId": target.version_id}
    return getattr(bucket.client(), operation)(Bucket=settings.get().s3_bucket, **values)


@contextmanager
def _may_be_refused() -> Iterator[None]:
    with suppress(ClientError):
        yield


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "?"))


def _cause(error: AppError) -> str:
    cause = error.__cause__
    return _code(cause) if isinstance(cause, ClientError) else type(cause).__name__


def _put_over(target: Target) -> None:
    with _may_be_refused():
        _call("put_object", Key=target.key, Body=_OTHER)


def _put_over_if_absent(target: Target) -> None:
    with _may_be_refused():
        _call("put_object", Key=target.key, Body=_OTHER, IfNoneMatch="*")


def _copy_over(target: Target) -> None:
    with _may_be_refused():
        other = f"{target.key}-other"
        _call("put_object", Key=other, Body=_OTHER)
        source = {"Bucket": settings.get().s3_bucket, "Key": other}
        _call("copy_object", Key=target.key, CopySource=source)


def _multipart_over(target: Target) -> None:
    with _may_be_refused():
        upload = _call("create_multipart_upload", Key=target.key)["UploadId"]
        part = _call("upload_part", Key=target.key, UploadId=upload, PartNumber=1, Body=_OTHER)["ETag"]
        parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
        _call("complete_multipart_upload", Key=target.key, UploadId=upload, MultipartUpload=parts)


def _mark_deleted(target: Target) -> None:
    with _may_be_refused():
        _call("delete_object", Key=target.key)


def _delete(target: Target) -> None:
    with _may_be_refused():
        _call("delete_object", target)


def _delete_with_bypass(target: Target) -> None:
    with _may_be_refused():
        _call("delete_object", target, BypassGovernanceRetention=True)


def _delete_in_batch(target: Target) -> None:
    with _may_be_refused():
        one = {"Key": target.key, "VersionId": target.version_id}
        _call("delete_objects", Delete={"Objects": [one]}, BypassGovernanceRetention=True)


def _retain(target: Target, mode: LockMode, until: datetime, *, bypass: bool) -> None:
    with _may_be_refused():
        retention = {"Mode": mode, "RetainUntilDate": until}
        _call("put_object_retention", target, Retention=retention, BypassGovernanceRetention=bypass)


def _shorten(target: Target) -> None:
    bypass = target.lock.mode is LockMode.COMPLIANCE
    _retain(target, target.lock.mode, target.lock.until - _SHORTER, bypass=bypass)


def _downgrade(target: Target) -> None:
    _retain(target, LockMode.GOVERNANCE, target.lock.until, bypass=True)


def _lift(target: Target) -> None:
    with _may_be_refused():
        _call("put_object_retention", target, Retention={}, BypassGovernanceRetention=True)


def _hold_and_release(target: Target) -> None:
    for status in ("ON", "OFF"):
        with _may_be_refused():
            _call("put_object_legal_hold", target, LegalHold={"Status": status})
    _delete_with_bypass(target)


def _suspend_versions(target: Target) -> None:
    try:
        with _may_be_refused():
            _call("put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"})
        if _status() != "Enabled":
            raise Broken("kho chịu ngừng giữ phiên bản")
    finally:
        if _status() != "Enabled":
            _call("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})


def _change_lock_configuration(target: Target) -> None:
    before = _lock_configuration()
    for other in ({"ObjectLockEnabled": "Disabled"}, {"ObjectLockEnabled": "Enabled"}):
        with _may_be_refused():
            _call("put_object_lock_configuration", ObjectLockConfiguration=other)
    try:
        _lock_configuration()
    except ClientError as error:
        raise Broken(f"kho chịu tắt khóa tệp ({_code(error)})") from error
    finally:
        _call("put_object_lock_configuration", ObjectLockConfiguration=before)


def _raise_mode(target: Target) -> None:
    try:
        bucket.hold(target.key, target.version_id, Lock(LockMode.COMPLIANCE, target.lock.until))
    except AppError as error:
        raise Broken(f"không nâng được khóa GOVERNANCE lên COMPLIANCE ({_cause(error)})") from error
    _require_kept(Target(target.key, target.version_id, Lock(LockMode.COMPLIANCE, target.lock.until)))


def _status() -> str:
    return str(_call("get_bucket_versioning").get("Status", ""))


def _lock_configuration() -> Any:
    return _call("get_object_lock_configuration")["ObjectLockConfiguration"]


def _sweep() -> None:
    """Probes of earlier days whose lock has ended leave nothing behind; what is still locked stays."""
    pages = bucket.client().get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=settings.get().s3_bucket, Prefix=PREFIX):
        for kind in ("Versions", "DeleteMarkers"):
            for one in page.get(kind, ()):
                if clock.now() - one["LastModified"] > 2 * _LOCKED_FOR:
                    with _may_be_refused():
                        _call("delete_object", Key=one["Key"], VersionId=one["VersionId"])


_C, _G = LockMode.COMPLIANCE, LockMode.GOVERNANCE
#: One after the other: each changes for a moment what holds for all objects.
_ON_THE_BUCKET: tuple[tuple[str, str, LockMode, Attack], ...] = (
    ("suspend_versions", "Ngừng giữ phiên bản", _C, _suspend_versions),
    ("lock_configuration", "Đổi cấu hình khóa của kho", _C, _change_lock_configuration),
)
_ON_OBJECTS: tuple[tuple[str, str, LockMode, Attack], ...] = (
    ("lock_taken", "Khóa được ghi cùng tệp", _C, lambda target: None),
    ("overwrite", "Ghi đè", _C, _put_over),
    ("overwrite_if_absent", "Ghi đè có điều kiện", _C, _put_over_if_absent),
    ("copy_over", "Chép tệp khác đè lên", _C, _copy_over),
    ("multipart_over", "Ghi đè bằng tải lên nhiều phần", _C, _multipart_over),
    ("delete_marker", "Xóa không nêu phiên bản", _C, _mark_deleted),
    ("delete_version", "Xóa phiên bản đã khóa", _C, _delete),
    ("delete_with_bypass", "Xóa phiên bản, đòi bỏ qua khóa", _C, _delete_with_bypass),
    ("delete_in_batch", "Xóa hàng loạt, đòi bỏ qua khóa", _C, _delete_in_batch),
    ("shorten", "Rút ngắn hạn khóa", _C, _shorten),
    ("downgrade", "Hạ khóa COMPLIANCE xuống GOVERNANCE", _C, _downgrade),
    ("lift", "Gỡ khóa", _C, _lift),
    ("legal_hold", "Đặt rồi bỏ lệnh giữ, sau đó xóa", _C, _hold_and_release),
    ("governance_delete", "Xóa phiên bản khóa GOVERNANCE", _G, _delete),
    ("governance_shorten", "Rút ngắn khóa GOVERNANCE", _G, _shorten),
    ("raise_mode", "Nâng khóa GOVERNANCE lên COMPLIANCE", _G, _raise_mode),
)
