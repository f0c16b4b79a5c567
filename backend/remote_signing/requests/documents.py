"""Bytes of a provider call: prepared before, signed after. The store and the time stamping authority are outside."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from backend.core import at_once, settings, storage
from backend.core.errors import Conflict
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.formats import (
    embedded,
    pades,
    self_check,
    shown_parts,
    validation,
    xades,
    xades_check,
)
from backend.remote_signing.formats.schemas import Prepared, Report, Unreadable, XmlTarget, field_of
from backend.remote_signing.formats.trust import TrustStore
from backend.remote_signing.providers import timestamps
from backend.remote_signing.requests.schemas import (
    CallToEmbed,
    CallToPrepare,
    CompletedRequest,
    EmbeddedItem,
    ItemToEmbed,
    ItemToPrepare,
    Pin,
    PreparedItem,
    RequestToComplete,
    TrayItem,
    XmlSignature,
)

#: Documents of one call that are worked on at the same time. With several calls in a process enough to fill the waits
#: for store and time stamps, and few enough that the connections are used again: each one costs at every request.
AT_ONCE = 4
_NOT_VALID = (
    "Hồ sơ đã đủ chữ ký nhưng chưa được công nhận, vì bản hoàn chỉnh không qua được lần kiểm tra đầy đủ:"
)


async def prepare_all(tenant_id: uuid.UUID, call: CallToPrepare) -> list[PreparedItem]:
    """Append an empty signature to each PDF, describe that of each XML; the same call always gives the same hashes."""
    reserve = pades.reserve_for(call.pin.certificate, call.pin.chain)

    async def one(item: ItemToPrepare) -> PreparedItem:
        base = await storage.get(tenant_id, item.base_sha256)
        if item.target is not None:
            xml = xades.prepare(base, item.target, call.pin.certificate, call.pin.chain, call.consented_at)
            return PreparedItem(item_id=item.item_id, signed_attributes=xml.signed_info, digest=xml.digest)
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
        return PreparedItem(
            item_id=item.item_id,
            update=prepared.document[len(base) :],
            region_start=prepared.region_start,
            region_end=prepared.region_end,
            signed_attributes=prepared.signed_attributes,
            digest=prepared.digest,
        )

    return await at_once.each(call.items, one, limit=AT_ONCE)


async def embed_all(tenant_id: uuid.UUID, call: CallToEmbed) -> list[EmbeddedItem]:
    """Put each value with a time stamp (B-T) into its PDF, look at the result, store it; or make its XML signature."""

    async def one(item: ItemToEmbed) -> EmbeddedItem:
        base = await storage.get(tenant_id, item.base_sha256)
        if item.target is not None:
            return EmbeddedItem(
                item_id=item.item_id, signature=await _xml_signature(call, item, item.target, base)
            )
        prepared = _prepared(call.pin, item, base + item.update)
        signed = pades.embed(prepared, item.value, await _timestamp(item.value))
        self_check.quick_check(signed, [*item.earlier, (item.role, call.pin.certificate)])
        return EmbeddedItem(
            item_id=item.item_id, signed_sha256=await storage.put(tenant_id, signed), size=len(signed)
        )

    return await at_once.each(call.items, one, limit=AT_ONCE)


async def said_in(tenant_id: uuid.UUID, items: Sequence[TrayItem]) -> dict[uuid.UUID, dict[str, str]]:
    """step → what the part of the XML says that is signed in it, of turns in which only such parts are signed."""

    async def one(item: TrayItem) -> dict[str, str]:
        targets = [(part.sha256, part.target) for part in item.parts if part.target is not None]
        found: dict[str, str] = {}
        for sha256, target in targets:
            found |= shown_parts.said(await storage.get(tenant_id, sha256), target)
        return found

    parts = [item for item in items if all(part.target is not None for part in item.parts)]
    said = await at_once.each(parts, one, limit=AT_ONCE)
    return {item.step_id: texts for item, texts in zip(parts, said, strict=True)}


async def complete_all(tenant_id: uuid.UUID, requests: Sequence[RequestToComplete]) -> list[CompletedRequest]:
    """Add certificates and revocation answers, so that documents can be checked for decades (B-LT), have each judged as
    anybody would judge it, and store them.

    Raises Conflict for one that is not valid: nothing of it is stored.
    """

    async def one(request: RequestToComplete) -> CompletedRequest:
        signed = await storage.get(tenant_id, request.current_sha256)
        stamps = embedded.timestamp_certificates(signed)
        found = await credentials.revocation_answers([*request.certificates, *stamps])
        final = pades.add_validation_material(signed, found.certificates, found.ocsps, found.crls)
        await _require_valid(validation.validate_pdf, final, request.fields)
        xml = b""
        if request.xml_sha256 is not None:
            xml = xades.embed(
                await storage.get(tenant_id, request.xml_sha256),
                [(made.target, await _lasting(made, stamps)) for made in request.signatures],
            )
            names = [field_of(made.target) for made in request.signatures]
            await _require_valid(xades_check.validate_xml, xml, names)
        completed = CompletedRequest(
            request_id=request.request_id,
            document_sha256=await storage.put(tenant_id, final, lock=True),
            size=len(final),
        )
        if not xml:
            return completed
        return msgspec.structs.replace(
            completed, xml_sha256=await storage.put(tenant_id, xml, lock=True), xml_size=len(xml)
        )

    return await at_once.each(requests, one, limit=AT_ONCE)


_Judge = Callable[[bytes, TrustStore, datetime | None, Sequence[str]], Report]


async def _require_valid(judge: _Judge, document: bytes, fields: Sequence[str]) -> None:
    """Raise Conflict unless the whole verdict, the one of the public page, is good: chains, revocation, every byte."""
    trust = _trust(Path(settings.get().trust_dir))
    try:
        report = await asyncio.to_thread(judge, document, trust, None, fields)
    except Unreadable as error:
        raise Conflict(f"{_NOT_VALID} {error.message}") from error
    if report.verdict != "valid":
        found = dict.fromkeys(
            [*report.problems, *(one for made in report.signatures for one in made.problems)]
        )
        raise Conflict(f"{_NOT_VALID} {' '.join(found)}")


@lru_cache(maxsize=1)
def _trust(folder: Path) -> TrustStore:
    return TrustStore.from_folder(folder)


async def _lasting(made: XmlSignature, stamps: Sequence[bytes]) -> bytes:
    """The signature with what proves it and its time stamp later, and nothing about the other signers."""
    found = await credentials.revocation_answers([*made.certificates, *stamps])
    return xades.with_values(made.signature, found.certificates, found.ocsps, found.crls)


async def _xml_signature(call: CallToEmbed, item: ItemToEmbed, target: XmlTarget, base: bytes) -> bytes:
    """The finished signature; everything but value and time stamp is worked out again, and must give the same hash."""
    pin = call.pin
    prepared = xades.prepare(base, target, pin.certificate, pin.chain, call.consented_at)
    if prepared.digest != item.digest:
        raise xades.PreparedChanged("the stored XML differs from the one that was prepared")
    token = await _timestamp(xades.signature_value(target, pin.certificate, item.value))
    signature = xades.signature(prepared, item.value, xades.LongTerm(token=token))
    xades_check.quick_check(xades.embed(base, [(target, signature)]), [target])
    return signature


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
