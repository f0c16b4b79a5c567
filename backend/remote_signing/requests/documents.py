"""Bytes of a provider call: prepared before, signed after. The store and the time stamping authority are outside."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from backend.core import settings, storage
from backend.core.crypto import sha256_hex
from backend.remote_signing.formats import embedded, pades, self_check
from backend.remote_signing.formats.schemas import Prepared
from backend.remote_signing.providers import timestamps
from backend.remote_signing.requests import revocation
from backend.remote_signing.requests.schemas import (
    CallToEmbed,
    CallToPrepare,
    EmbeddedItem,
    ItemToEmbed,
    ItemToPrepare,
    Pin,
    PreparedItem,
)

#: Documents of one call that are worked on at the same time.
AT_ONCE = 8

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


async def prepare_all(tenant_id: uuid.UUID, call: CallToPrepare) -> list[PreparedItem]:
    """Write an empty signature into each document and store it; the same call always gives the same hashes."""
    reserve = pades.reserve_for(call.pin.certificate, call.pin.chain)

    async def one(item: ItemToPrepare) -> PreparedItem:
        base = await storage.get(tenant_id, item.base_sha256)
        prepared = pades.prepare(
            base,
            item.role,
            call.pin.certificate,
            call.pin.chain,
            first=item.first,
            last=item.last,
            reserve=reserve,
            name=item.signer_name,
            claimed_at=call.consented_at,
        )
        await storage.put(tenant_id, prepared.document)
        return PreparedItem(
            item_id=item.item_id,
            prepared_sha256=sha256_hex(prepared.document),
            size=len(prepared.document),
            region_start=prepared.region_start,
            region_end=prepared.region_end,
            signed_attributes=prepared.signed_attributes,
            digest=prepared.digest,
        )

    return await _each(call.items, one)


async def embed_all(tenant_id: uuid.UUID, call: CallToEmbed) -> list[EmbeddedItem]:
    """Put each value with a time stamp (B-T) into its document, look at the result, store it."""

    async def one(item: ItemToEmbed) -> EmbeddedItem:
        prepared = _prepared(call.pin, item, await storage.get(tenant_id, item.prepared_sha256))
        signed = pades.embed(prepared, item.value, await _timestamp(item.value))
        self_check.quick_check(signed, [*item.earlier, (item.role, call.pin.certificate)])
        return EmbeddedItem(
            item_id=item.item_id, signed_sha256=await storage.put(tenant_id, signed), size=len(signed)
        )

    return await _each(call.items, one)


async def with_validation_material(tenant_id: uuid.UUID, sha256: str, certificates: list[bytes]) -> bytes:
    """A fully signed document with certificates and revocation answers, so that it can be checked for decades (B-LT)."""
    signed = await storage.get(tenant_id, sha256)
    found = await revocation.material([*certificates, *embedded.timestamp_certificates(signed)])
    return pades.add_validation_material(signed, found.certificates, found.ocsps, found.crls)


async def _each(items: Iterable[_Item], one: Callable[[_Item], Awaitable[_Done]]) -> list[_Done]:
    """`one` for each, some at a time, in order. The first failure stops the others: nothing goes on unwatched."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def limited(item: _Item) -> _Done:
        async with limit:
            return await one(item)

    running = [asyncio.ensure_future(limited(item)) for item in items]
    try:
        return list(await asyncio.gather(*running))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _timestamp(value: bytes) -> bytes:
    answer = await timestamps.fetch_timestamp(settings.get().tsa_url, pades.timestamp_request(value))
    return pades.read_timestamp(answer, value)


def _prepared(pin: Pin, item: ItemToEmbed, document: bytes) -> Prepared:
    return Prepared(
        document=document,
        field=item.role,
        region_start=item.region_start,
        region_end=item.region_end,
        document_digest=pades.digest_outside(document, item.region_start, item.region_end),
        signed_attributes=item.signed_attributes,
        digest=item.digest,
        certificate=pin.certificate,
        chain=pin.chain,
    )
