"""Manifests: beside what a school has issued lies what its rows can be rebuilt from, should the database be an older one.

A manifest is an object that is written once and never changed; another state of the same thing is another object. Its key
says whose it is, what it is about and what its content hashes to, and names nobody.
"""

import asyncio
import uuid
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

import msgspec

from backend.core import bucket, settings, storage
from backend.core.bucket import LockMode
from backend.core.crypto import sha256_hex

T = TypeVar("T", bound=msgspec.Struct)


def prefix(tenant_id: uuid.UUID) -> str:
    """Where the manifests of a school lie."""
    return f"t/{tenant_id}/manifest/"


async def keep(tenant_id: uuid.UUID, about: uuid.UUID, manifest: msgspec.Struct) -> None:
    """Write a manifest before the transaction that it speaks of is committed: a commit without one there is none.

    Where the commit fails one stays that says too much; it names a digest that is true. Raises Unavailable.
    """
    document = msgspec.json.encode(manifest, order="sorted")
    state = type(manifest).__struct_config__.tag
    key = f"{prefix(tenant_id)}{about}/{state}-{sha256_hex(document)}.json"
    await asyncio.to_thread(bucket.put, key, document, len(document), storage.lock_now(LockMode.GOVERNANCE))


async def schools() -> list[uuid.UUID]:
    """Schools of which anything lies in the store, whether the database knows them or not. Raises Unavailable."""
    return [uuid.UUID(name) for name in await asyncio.to_thread(bucket.folders, "t/")]


async def of_school(tenant_id: uuid.UUID, kind: type[T]) -> list[T]:
    """The manifests of one kind of a school, in the order of their keys. Raises Unavailable, CorruptObject."""
    return await asyncio.to_thread(lambda: list(_read(tenant_id, kind)))


def _read(tenant_id: uuid.UUID, kind: type[T]) -> Iterator[T]:
    for key, versions in groupby(_laid(prefix(tenant_id)), key=itemgetter(0)):
        state, _, digest = key.rpartition("/")[2].removesuffix(".json").partition("-")
        if state != kind.__struct_config__.tag:
            continue
        documents = (bucket.read_all(key, version_id) for _, version_id in versions)
        document = next((one for one in documents if sha256_hex(one) == digest), None)
        if document is None:
            raise storage.CorruptObject(digest)
        yield msgspec.json.decode(document, type=kind)


def _laid(prefix: str) -> Iterator[tuple[str, str | None]]:
    """Key and version of what lies there. No row records the version of a manifest, and whoever may write can lay other
    bytes or a mark of deletion over it: where the store keeps versions each of them is looked at."""
    if settings.get().locks_files:
        yield from bucket.versions(prefix)
    else:
        yield from ((key, None) for key in bucket.keys(prefix))
