"""Files in a store that keeps versions and locks: the Ceph RADOS gateway, a real one."""

import asyncio
import os
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select

from backend.core import bucket, clock, manifests, storage
from backend.core.crypto import sha256_hex
from backend.core.database import tenant_session
from backend.core.errors import NotFound
from backend.core.files import Recorded
from backend.core.settings import Settings
from backend.core.storage import StoredObject
from backend.records.transcripts import flow
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import Deed, LockManifest, VersionState
from tests.factories.issued_versions import issue, open_delivering_school
from tests.factories.machine import Machine
from tests.factories.signing_school import changed_settings
from tests.fakes.radosgw import PACKAGES, Gateway

TENANT = uuid.uuid4()

pytestmark = pytest.mark.needs(*PACKAGES)


@pytest.fixture
def store(product: Settings, locking_store: Gateway) -> Iterator[Any]:
    """The product stores its files there; the fixture's own client looks past it."""
    with changed_settings(**locking_store.environment("khoa")):
        bucket.close()
        bucket.ensure()
        yield locking_store.client()
        bucket.close()


async def keep(data: bytes, *, lock: bool = True) -> str:
    """A file of the school, in the store and in its table; its digest."""
    digest = await storage.put(TENANT, data, lock=lock)
    async with tenant_session(TENANT) as session:
        await storage.register(session, storage.file_of(data, "application/pdf"))
    return digest


async def version_of(digest: str) -> str:
    """The recorded version of a file."""
    async with tenant_session(TENANT, read_only=True) as session:
        query = select(StoredObject.version_id).where(StoredObject.sha256 == digest)
        return str((await session.scalars(query)).one())


def told(store: Any, digest: str, version_id: str) -> Any:
    """What the store says of a version."""
    return store.head_object(Bucket="khoa", Key=storage.object_key(TENANT, digest), VersionId=version_id)


async def lock_for_good(digest: str) -> None:
    async with tenant_session(TENANT) as session:
        await storage.lock_for_good(session, [digest])


async def test_the_version_that_was_recorded_is_read_whatever_lies_over_it(store: Any) -> None:
    data = os.urandom(500)
    digest = await keep(data)
    key = storage.object_key(TENANT, digest)
    store.put_object(Bucket="khoa", Key=key, Body=b"another pupil's")
    assert await storage.get(TENANT, digest) == data
    store.delete_object(Bucket="khoa", Key=key)
    assert await storage.get(TENANT, digest) == data
    with await storage.get_file(TENANT, digest) as content:
        assert content.read() == data


async def test_a_file_that_no_row_knows_is_read_from_the_version_that_is_named(store: Any) -> None:
    """As of an older database: what is to be restored lies under a mark of deletion."""
    data = os.urandom(500)
    digest = await storage.put(TENANT, data, lock=True)
    key = storage.object_key(TENANT, digest)
    file = Recorded(digest, len(data), "application/pdf", bucket.newest_version(key))
    store.delete_object(Bucket="khoa", Key=key)
    with pytest.raises(NotFound):
        await storage.get(TENANT, digest)
    assert await storage.get_recorded(TENANT, file) == data
    other = store.put_object(Bucket="khoa", Key=key, Body=b"other bytes")["VersionId"]
    with pytest.raises(storage.CorruptObject):
        await storage.get_recorded(TENANT, msgspec.structs.replace(file, version_id=other))


async def test_a_file_within_another_is_read_from_the_version_that_was_recorded(store: Any) -> None:
    files = [os.urandom(500), os.urandom(700)]
    kept = await storage.put_together(TENANT, files, "application/octet-stream")
    async with tenant_session(TENANT) as session:
        await storage.register(session, *kept)
    store.put_object(Bucket="khoa", Key=storage.object_key(TENANT, kept[0].pack_sha256), Body=b"another")
    assert [await storage.get(TENANT, one.sha256) for one in kept] == files


async def test_a_signed_file_is_held_from_the_start_and_another_is_not(store: Any) -> None:
    signed, draft = await keep(os.urandom(500)), await keep(os.urandom(500), lock=False)
    found = told(store, signed, await version_of(signed))
    assert found["ObjectLockMode"] == "GOVERNANCE"
    assert found["ObjectLockRetainUntilDate"] > clock.now() + timedelta(days=3650)
    assert "ObjectLockMode" not in told(store, draft, await version_of(draft))
    key, version_id = storage.object_key(TENANT, signed), await version_of(signed)
    with pytest.raises(ClientError, match="AccessDenied"):
        store.delete_object(Bucket="khoa", Key=key, VersionId=version_id)


async def test_a_file_that_lay_there_without_a_lock_gets_one(store: Any) -> None:
    data = os.urandom(500)
    digest = await keep(data, lock=False)
    await storage.put(TENANT, data, lock=True)
    assert told(store, digest, await version_of(digest))["ObjectLockMode"] == "GOVERNANCE"


async def test_what_is_locked_for_good_can_be_locked_longer_and_by_nobody_lifted(store: Any) -> None:
    digest = await keep(os.urandom(500))
    await lock_for_good(digest)
    version_id = await version_of(digest)
    first = told(store, digest, version_id)
    assert first["ObjectLockMode"] == "COMPLIANCE"
    await asyncio.sleep(1.1)
    await lock_for_good(digest)
    again = told(store, digest, version_id)
    assert again["ObjectLockRetainUntilDate"] > first["ObjectLockRetainUntilDate"]
    with changed_settings(HOCBA_S3_LOCK_YEARS="1"):
        await lock_for_good(digest)
    assert told(store, digest, version_id)["ObjectLockRetainUntilDate"] == again["ObjectLockRetainUntilDate"]
    with pytest.raises(ClientError, match="AccessDenied"):
        store.delete_object(
            Bucket="khoa",
            Key=storage.object_key(TENANT, digest),
            VersionId=version_id,
            BypassGovernanceRetention=True,
        )


async def test_a_file_without_a_recorded_version_is_looked_at_before_it_is_locked(store: Any) -> None:
    data = os.urandom(500)
    with changed_settings(HOCBA_S3_OBJECT_LOCK="off"):
        async with tenant_session(TENANT) as session:
            await storage.register(session, storage.file_of(data, "application/pdf"))
    digest = sha256_hex(data)
    key = storage.object_key(TENANT, digest)
    store.put_object(Bucket="khoa", Key=key, Body=b"another pupil's")
    with pytest.raises(storage.CorruptObject):
        await lock_for_good(digest)
    right = store.put_object(Bucket="khoa", Key=key, Body=data)["VersionId"]
    await lock_for_good(digest)
    assert told(store, digest, right)["ObjectLockMode"] == "COMPLIANCE"


async def test_a_manifest_is_read_whatever_lies_over_it(store: Any) -> None:
    """What an older database is rebuilt from: neither other bytes nor a mark of deletion hide it."""
    school, days = uuid.uuid4(), (date(2026, 6, 30), date(2026, 8, 15), date(2026, 8, 16))
    for day in days:
        await manifests.keep(school, uuid.uuid4(), LockManifest(version_id=uuid.uuid4(), effective_on=day))
    untouched = await manifests.of_school(school, LockManifest)
    overlaid, hidden, _ = bucket.keys(manifests.prefix(school))
    store.put_object(Bucket="khoa", Key=overlaid, Body=b"{}")
    store.delete_object(Bucket="khoa", Key=hidden)
    assert len(list(bucket.keys(manifests.prefix(school)))) == 2, "the store shows one less"
    assert await manifests.of_school(school, LockManifest) == untouched
    assert {one.effective_on for one in untouched} == set(days)
    alone = f"{manifests.prefix(school)}{uuid.uuid4()}/lock-{'0' * 64}.json"
    store.put_object(Bucket="khoa", Key=alone, Body=b"{}")
    with pytest.raises(storage.CorruptObject):
        await manifests.of_school(school, LockManifest)


async def test_when_a_transcript_is_locked_its_files_are_locked_for_good(store: Any) -> None:
    tenant_id = await open_delivering_school()
    versions = await issue(tenant_id)
    await Machine(tenant_id).forget()
    async with tenant_session(tenant_id) as session:
        await flow.advance(session, versions, Deed.ACCEPT, Deed.LOCK)
        [version] = await transcripts.get_versions(session, versions)
        xml = await transcripts.digest_of_file(session, version.id, "xml")
    assert version.state == VersionState.LOCKED
    for digest in (version.signed_sha256 or "", xml):
        found = store.head_object(Bucket="khoa", Key=storage.object_key(tenant_id, digest))
        assert found["ObjectLockMode"] == "COMPLIANCE"


async def test_a_checkpoint_of_the_audit_is_locked_for_good(store: Any) -> None:
    await storage.put_checkpoint(1, "ab" * 32, b"{}", b"stamp")
    for part in ("json", "tst"):
        found = store.head_object(Bucket="khoa", Key=storage.checkpoint_key(1, "ab" * 32, part))
        assert found["ObjectLockMode"] == "COMPLIANCE"


async def test_nobody_locks_a_file_of_another_school(store: Any) -> None:
    digest = await keep(os.urandom(500))
    async with tenant_session(uuid.uuid4()) as session:
        with pytest.raises(NotFound):
            await storage.lock_for_good(session, [digest])


async def test_what_is_purged_leaves_no_version_behind(store: Any) -> None:
    data = os.urandom(500)
    digest = await keep(data, lock=False)
    key = storage.object_key(TENANT, digest)
    store.delete_object(Bucket="khoa", Key=key)
    store.put_object(Bucket="khoa", Key=key, Body=data)
    async with tenant_session(TENANT) as session:
        storage.remove_afterwards(session, [digest])
    left = store.list_object_versions(Bucket="khoa", Prefix=key)
    assert "Versions" not in left
    assert "DeleteMarkers" not in left


async def test_without_locks_nothing_is_asked_of_the_store(product: Settings) -> None:
    digest = await keep(os.urandom(500))
    await lock_for_good(digest)
    async with tenant_session(TENANT, read_only=True) as session:
        query = select(StoredObject.version_id).where(StoredObject.sha256 == digest)
        assert (await session.scalars(query)).all() == [None]
