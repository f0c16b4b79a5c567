"""Files in the store: the school is in every key, and a digest of another school's file opens nothing."""

import secrets

import pytest

from backend.core import bucket, settings, storage
from backend.core.database import tenant_session
from backend.core.errors import NotFound
from tests.tenancy.rows import Tenant

Pair = tuple[Tenant, Tenant]


async def kept(tenant: Tenant, data: bytes) -> str:
    """A file of that school, in the store and in its table."""
    digest = await storage.put(tenant.tenant_id, data)
    async with tenant_session(tenant.tenant_id) as session:
        await storage.register(session, storage.file_of(data, "text/plain"))
    return digest


def keys_with(digest: str) -> list[str]:
    """Where the store has a file of that digest."""
    pages = bucket.client().get_paginator("list_objects_v2").paginate(Bucket=settings.get().s3_bucket)
    return [one["Key"] for page in pages for one in page.get("Contents", []) if digest in one["Key"]]


async def test_a_digest_of_another_school_opens_nothing(pair: Pair) -> None:
    a, b = pair
    data = secrets.token_bytes(32)
    digest = await kept(b, data)
    assert await storage.get(b.tenant_id, digest) == data
    with pytest.raises(NotFound):
        await storage.get(a.tenant_id, digest)
    async with tenant_session(b.tenant_id) as session:
        await storage.require_owned(session, [digest])
    async with tenant_session(a.tenant_id) as session:
        with pytest.raises(NotFound):
            await storage.require_owned(session, [digest])


async def test_equal_files_of_two_schools_are_two(pair: Pair) -> None:
    data = secrets.token_bytes(32)
    digest = {await kept(tenant, data) for tenant in pair}.pop()
    folders = [f"t/{tenant.tenant_id}/" for tenant in pair]
    keys = keys_with(digest)
    assert len(keys) == 2
    assert sorted(key[: len(folders[0])] for key in keys) == sorted(folders)
