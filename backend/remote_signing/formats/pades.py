"""PAdES signatures (ETSI EN 319 142-1) in two phases: prepare, let somebody sign 32 bytes elsewhere, embed.

All functions take bytes and give bytes; the same input always gives the same output. The order of signers is
the order in which the fields were placed. The first signature certifies the file (DocMDP: only filling in of
the remaining signature fields), the last field locks everything (FieldMDP All, no changes); after it only
validation material and document time stamps may come (ISO 32000-1, 12.8.2).
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pikepdf

from backend.core.clock import VIETNAM
from backend.remote_signing.formats import cms
from backend.remote_signing.formats.cms import SignatureValueRefused, check_value
from backend.remote_signing.formats.pdf_update import PdfUpdate, UnsuitablePdf, text_string
from backend.remote_signing.formats.schemas import Prepared
from backend.remote_signing.formats.timestamps import TimestampRefused, read_timestamp, timestamp_request

__all__ = [
    "TOKEN_ROOM",
    "Prepared",
    "PreparedChanged",
    "ReservationTooSmall",
    "SignatureValueRefused",
    "TimestampRefused",
    "UnsuitablePdf",
    "add_validation_material",
    "check_value",
    "embed",
    "place_fields",
    "prepare",
    "read_timestamp",
    "reserve_for",
    "timestamp_request",
]

#: Room for one RFC 3161 token with two or three certificates of its authority.
TOKEN_ROOM = 6144
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
#: Print and Locked: a zero-size annotation needs no appearance under PDF/A (ISO 19005-3, 6.3.3).
_FLAGS = 132
_BYTE_RANGE_WIDTH = 40


class ReservationTooSmall(Exception):
    """The signature does not fit into the reserved room: prepare again with more; no value is lost by it."""


class PreparedChanged(Exception):
    """The stored document is not the one whose digest was signed: prepare again."""


def place_fields(pdf: bytes, names: Sequence[str]) -> bytes:
    """Add one invisible signature field per name, in signing order, as one incremental update.

    Each field locks itself and those before it; the last one locks all. Raises UnsuitablePdf when the file is
    unreadable, encrypted or has a form already; ValueError for unusable names.
    """
    if not names or len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
        raise ValueError("field names must be distinct, like 'school_seal'")
    update = PdfUpdate(pdf)
    if "/AcroForm" in update.root:
        raise UnsuitablePdf("the PDF has a form already")
    page: Any = update.reader.pages[0].obj
    numbers = [_add_field(update, names, position, page.objgen) for position in range(len(names))]
    _append_annotations(update, page, b"".join(b"%d 0 R " % number for number in numbers))
    form = update.add(b"<</Fields[%s]/SigFlags 3>>" % b" ".join(b"%d 0 R" % number for number in numbers))
    extension = b"/Extensions<</ESIC<</BaseVersion/1.7/ExtensionLevel 5>>>>"
    update.replace(
        update.root, b"/AcroForm %d 0 R" % form + (b"" if "/Extensions" in update.root else extension)
    )
    return update.finish()


def _add_field(update: PdfUpdate, names: Sequence[str], position: int, page: tuple[int, int]) -> int:
    is_last = position == len(names) - 1
    locked = b" ".join(b"(%s)" % name.encode() for name in names[: position + 1])
    scope = b"/Action/All/P 1" if is_last else b"/Action/Include/Fields[%s]" % locked
    lock = update.add(b"<</Type/SigFieldLock%s>>" % scope)

    seed = update.add(
        b"<</Type/SV/Ff 2/Filter/Adobe.PPKLite/SubFilter[/ETSI.CAdES.detached]/MDP<</P %d>>>>"
        % (0 if position else 2)
    )
    return update.add(
        b"<</Type/Annot/Subtype/Widget/FT/Sig/T(%s)/Rect[0 0 0 0]/F %d/P %d %d R/Lock %d 0 R/SV %d 0 R>>"
        % (names[position].encode(), _FLAGS, *page, lock, seed)
    )


def _append_annotations(update: PdfUpdate, page: Any, references: bytes) -> None:
    if "/Annots" not in page:
        update.replace(page, b"/Annots[%s]" % references)
        return
    kept = b" ".join(b"%d %d R" % item.objgen if item.is_indirect else item.unparse() for item in page.Annots)
    merged = update.add(b"[%s %s]" % (kept, references))
    del page["/Annots"]
    update.replace(page, b"/Annots %d 0 R" % merged)


def reserve_for(certificate: bytes, chain: Sequence[bytes], *, token_room: int = TOKEN_ROOM) -> int:
    """Bytes to reserve for a signature with these certificates: its size, a quarter more, and the token.

    `token_room` is 0 for B-B; the file grows by twice the reserve.
    """
    bare = len(cms.build(cms.signed_attributes(bytes(32), certificate), bytes(512), certificate, chain, None))
    return bare * 5 // 4 + token_room


def prepare(
    pdf: bytes,
    field: str,
    certificate_der: bytes,
    chain_der: Sequence[bytes],
    *,
    first: bool,
    last: bool,
    reserve: int,
    name: str = "",
    reason: str = "",
    contact: str = "",
    claimed_at: datetime | None = None,
) -> Prepared:
    """Write an empty signature into `field` and work out the 32 bytes to be signed.

    `reserve` is the room for the CMS in bytes (see reserve_for); `claimed_at` is written as the signer's own
    time (/M), so pass a stored time, never a fresh one. Raises UnsuitablePdf when the field is missing,
    signed, out of turn, or not the `first` or `last` one as said.
    """
    update = PdfUpdate(pdf)
    slot = _slot_in_turn(update, field, first=first, last=last)
    head = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange["
    middle = b" " * _BYTE_RANGE_WIDTH + b"]/Contents"
    texts = {b"/Name": name, b"/Reason": reason, b"/ContactInfo": contact}
    written = b"".join(key + text_string(text) for key, text in texts.items() if text)
    tail = (
        written
        + (_pdf_date(claimed_at) if claimed_at else b"")
        + _references(update, slot, first=first)
        + b">>"
    )
    number = update.add(head + middle + b"<" + b"0" * (2 * reserve) + b">" + tail)
    update.replace(slot, b"/V %d 0 R" % number)
    if first:
        update.replace(update.root, b"/Perms<</DocMDP %d 0 R>>" % number)
    document = bytearray(update.finish())
    range_at = update.offsets[number] + len(head)
    start = range_at + len(middle)
    end = start + 2 * reserve + 2
    byte_range = b"0 %d %d %d" % (start, end, len(document) - end)
    document[range_at : range_at + _BYTE_RANGE_WIDTH] = byte_range.ljust(_BYTE_RANGE_WIDTH)
    return _prepared(bytes(document), field, start, end, certificate_der, tuple(chain_der))


def _prepared(
    document: bytes, field: str, start: int, end: int, certificate: bytes, chain: tuple[bytes, ...]
) -> Prepared:
    document_digest = digest_outside(document, start, end)
    attributes = cms.signed_attributes(document_digest, certificate)
    return Prepared(
        document=document,
        field=field,
        region_start=start,
        region_end=end,
        document_digest=document_digest,
        signed_attributes=attributes,
        digest=hashlib.sha256(attributes).digest(),
        certificate=certificate,
        chain=chain,
    )


def _slot_in_turn(update: PdfUpdate, field: str, *, first: bool, last: bool) -> Any:
    form = update.root.get("/AcroForm")
    fields: list[Any] = list(form.Fields) if form is not None and "/Fields" in form else []
    names = [str(item.get("/T", "")) for item in fields]
    if names.count(field) != 1:
        raise UnsuitablePdf(f"there is no single signature field {field!r}")
    position = names.index(field)
    if first != (position == 0) or last != (position == len(fields) - 1):
        raise UnsuitablePdf(f"field {field!r} is not at the place in the order that was said")
    if ["/V" in item for item in fields] != [index < position for index in range(len(fields))]:
        raise UnsuitablePdf(f"it is not the turn of field {field!r}")
    return fields[position]


def _references(update: PdfUpdate, slot: Any, *, first: bool) -> bytes:
    """The modification rules that the signature itself carries (ISO 32000-1, 12.8.2.2 and 12.8.2.4)."""
    lock = slot.get("/Lock")
    if lock is None:
        raise UnsuitablePdf("the signature field has no lock")
    scope = lock.unparse(resolved=True).replace(b"/SigFieldLock", b"/TransformParams /V /1.2")
    certifying = b"<</Type/SigRef/TransformMethod/DocMDP/TransformParams<</Type/TransformParams/V/1.2/P 2>>>>"
    locking = b"<</Type/SigRef/TransformMethod/FieldMDP/Data %d 0 R/TransformParams%s>>"
    return b"/Reference[%s%s]" % (certifying if first else b"", locking % (update.root.objgen[0], scope))


def _pdf_date(moment: datetime) -> bytes:
    local = moment.astimezone(VIETNAM)
    return b"/M(D:%s+07'00')" % local.strftime("%Y%m%d%H%M%S").encode()


def digest_outside(document: bytes, start: int, end: int) -> bytes:
    """SHA-256 of everything but the region of /Contents."""
    view = memoryview(document)
    digest = hashlib.sha256(view[:start])
    digest.update(view[end:])
    return digest.digest()


def embed(prepared: Prepared, value: bytes, token: bytes | None = None) -> bytes:
    """Put the returned value, and a time stamp token over it, into the prepared document.

    Repeating it gives the same bytes. Raises SignatureValueRefused (value not of the pinned certificate),
    PreparedChanged (document altered since prepare) or ReservationTooSmall.
    """
    if (
        digest_outside(prepared.document, prepared.region_start, prepared.region_end)
        != prepared.document_digest
    ):
        raise PreparedChanged("the stored document differs from the one that was prepared")
    if cms.signed_attributes(prepared.document_digest, prepared.certificate) != prepared.signed_attributes:
        raise PreparedChanged("the signed attributes do not belong to this document and certificate")
    check_value(prepared.signed_attributes, prepared.certificate, value)
    contents = cms.build(prepared.signed_attributes, value, prepared.certificate, prepared.chain, token)
    room = prepared.region_end - prepared.region_start - 2
    if 2 * len(contents) > room:
        raise ReservationTooSmall(f"{len(contents)} bytes do not fit into {room // 2}")
    filled = contents.hex().encode().ljust(room, b"0")
    document = prepared.document
    return b"".join((document[: prepared.region_start + 1], filled, document[prepared.region_end - 1 :]))


def add_validation_material(
    pdf: bytes, certs: Sequence[bytes], ocsps: Sequence[bytes], crls: Sequence[bytes]
) -> bytes:
    """Add a Document Security Store (EN 319 142-1, 5.4.2): B-T becomes B-LT.

    DER in; what the file holds already is not written again, and nothing new leaves the bytes as they are.
    """
    update = PdfUpdate(pdf)
    store = update.root.get("/DSS")
    merged, grown = b"", False
    for key, items in (("/Certs", certs), ("/OCSPs", ocsps), ("/CRLs", crls)):
        references, added = _merge_streams(update, store, key, items)
        grown = grown or added
        if references:
            merged += b"%s[%s]" % (key.encode(), b" ".join(references))
    if not grown:
        return pdf
    if store is None:
        update.replace(update.root, b"/DSS %d 0 R" % update.add(b"<</Type/DSS%s>>" % merged))
    else:
        _rewrite_store(update, store, merged)
    return update.finish()


def _merge_streams(
    update: PdfUpdate, store: Any, key: str, items: Sequence[bytes]
) -> tuple[list[bytes], bool]:
    existing: list[Any] = list(store[key]) if store is not None and key in store else []
    known = {item.read_bytes() for item in existing}
    references = [b"%d %d R" % item.objgen for item in existing]
    new = [item for item in dict.fromkeys(items) if item not in known]
    references.extend(b"%d 0 R" % update.add_stream(item) for item in new)
    return references, bool(new)


def _rewrite_store(update: PdfUpdate, store: Any, merged: bytes) -> None:
    for key in ("/Certs", "/OCSPs", "/CRLs"):
        if key in store:
            del store[key]
    if not isinstance(store, pikepdf.Dictionary) or store.objgen[0] == 0:
        raise UnsuitablePdf("the validation material of the PDF has an unusual form")
    update.replace(store, merged)
