"""Files by content, in the real store: what a crash in the middle of an upload leaves is not taken for the file."""

import asyncio
import io
import os
import uuid
import zipfile
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from backend.core import bucket, settings, storage
from backend.core.crypto import sha256_hex
from backend.core.database import tenant_session
from backend.core.errors import NotFound, Unavailable
from backend.core.storage import StoredObject
from tests.core.site_fixtures import product
from tests.factories.signing_school import changed_settings

__all__ = ["product"]

TENANT = uuid.uuid4()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def store(product: settings.Settings) -> None:
    """The product's own store."""


def lies(data: bytes) -> object:
    """When the object of these bytes was last written."""
    key = storage.object_key(TENANT, sha256_hex(data))
    return bucket.client().head_object(Bucket=settings.get().s3_bucket, Key=key)["LastModified"]


def lay(data: bytes, instead: bytes) -> None:
    """Something else lies where these bytes belong."""
    key = storage.object_key(TENANT, sha256_hex(data))
    bucket.client().put_object(Bucket=settings.get().s3_bucket, Key=key, Body=instead)


async def test_what_is_there_is_not_written_again() -> None:
    data = os.urandom(2000)
    digest = await storage.put(TENANT, data)
    written = lies(data)
    await asyncio.sleep(1.1)
    assert await storage.put(TENANT, data) == digest
    assert lies(data) == written
    assert await storage.get(TENANT, digest) == data


async def test_an_upload_that_was_cut_is_done_again() -> None:
    data = os.urandom(2000)
    lay(data, data[:700])
    assert await storage.get(TENANT, await storage.put(TENANT, data)) == data


async def test_other_bytes_are_an_alarm() -> None:
    data = os.urandom(2000)
    digest = await storage.put(TENANT, data)
    lay(data, os.urandom(2000))
    with pytest.raises(storage.CorruptObject):
        await storage.get(TENANT, digest)
    with pytest.raises(storage.CorruptObject):
        await storage.get_file(TENANT, digest)


async def test_a_large_file_goes_there_and_back_without_being_held(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "large").write_bytes(data)
    file = await storage.put_file(TENANT, tmp_path / "large", "application/zip")
    assert file == storage.file_of(data, "application/zip")
    with await storage.get_file(TENANT, file.sha256) as content:
        assert content.read() == data
    with pytest.raises(NotFound):
        await storage.get_file(TENANT, "0" * 64)


async def test_the_same_file_from_many_at_once_is_one_file() -> None:
    data = os.urandom(200_000)
    bucket.client.cache_clear()
    assert len(set(await asyncio.gather(*(storage.put(TENANT, data) for _ in range(16))))) == 1
    assert await storage.get(TENANT, sha256_hex(data)) == data


async def test_a_file_of_another_school_is_not_found() -> None:
    digest = await storage.put(TENANT, os.urandom(100))
    with pytest.raises(NotFound):
        await storage.get(uuid.uuid4(), digest)


async def test_a_file_is_owned_once_however_often_it_is_recorded() -> None:
    digest = await storage.put(TENANT, os.urandom(100))
    for _ in range(3):
        async with tenant_session(TENANT) as session:
            await storage.register(session, storage.File(digest, 100, "application/pdf"))
    async with tenant_session(TENANT, read_only=True) as session:
        found = await session.scalars(select(StoredObject.size).where(StoredObject.sha256 == digest))
        assert found.all() == [100]
    async with tenant_session(uuid.uuid4(), read_only=True) as session:
        with pytest.raises(NotFound):
            await storage.require_owned(session, [digest])


async def test_files_that_lie_together_are_read_one_by_one_and_opened_by_any_zip_program() -> None:
    files = [b"", *(os.urandom(size) for size in (1, 300, 70_000))]
    kept = await storage.put_together(TENANT, [*files, files[2]], "application/octet-stream")
    assert len(kept) == len(files)
    with pytest.raises(NotFound):
        await storage.get(TENANT, kept[1].sha256)
    async with tenant_session(TENANT) as session:
        await storage.register(session, *kept)
        await storage.require_owned(session, [one.sha256 for one in kept])
    for data in files:
        assert await storage.get(TENANT, sha256_hex(data)) == data
    with await storage.get_file(TENANT, sha256_hex(files[3])) as content:
        assert content.read() == files[3]
    with pytest.raises(NotFound):
        await storage.get(uuid.uuid4(), kept[1].sha256)
    key = storage.object_key(TENANT, kept[0].pack_sha256)
    archive = bucket.read_all(key)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == {
            sha256_hex(one): one for one in files
        }
    bucket.client().put_object(Bucket=settings.get().s3_bucket, Key=key, Body=archive[::-1])
    with pytest.raises(storage.CorruptObject):
        await storage.get(TENANT, sha256_hex(files[3]))


async def test_a_store_that_is_away_is_unavailable_not_empty() -> None:
    bucket.close()
    with changed_settings(HOCBA_S3_ENDPOINT="http://127.0.0.1:1"):
        with pytest.raises(Unavailable):
            await storage.put(TENANT, b"x")
        with pytest.raises(Unavailable):
            await storage.get(TENANT, "ab" * 32)
        bucket.close()
