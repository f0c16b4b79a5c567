"""A time stamp over a whole PDF (ETSI EN 319 142-1, 5.4.3): B-LT becomes B-LTA, and stays provable when renewed.

Two phases like a signature: bytes are prepared, an authority stamps their digest, the token is embedded. The issued
bytes stay as they are; an update with one invisible field follows them.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from backend.remote_signing.formats import cms, structure
from backend.remote_signing.formats.pades import TOKEN_ROOM, ReservationTooSmall
from backend.remote_signing.formats.pdf_update import PdfUpdate, UnsuitablePdf
from backend.remote_signing.formats.timestamps import check_token

_PREFIX = "archive_"
#: Print and Locked, as of the other fields.
_FLAGS = 132
_BYTE_RANGE_WIDTH = 40


class PreparedStamp(msgspec.Struct, frozen=True, kw_only=True):
    """The document with an empty place for a token; `stamped` is all of it but that place."""

    document: bytes
    region_start: int
    region_end: int

    @property
    def stamped(self) -> bytes:
        """The bytes that the authority stamps."""
        return self.document[: self.region_start] + self.document[self.region_end :]


def prepare(pdf: bytes) -> PreparedStamp:
    """Make the place for the next time stamp. Deterministic. Raises UnsuitablePdf for what nobody has signed."""
    update = PdfUpdate(pdf)
    form = update.root.get("/AcroForm")
    fields: list[Any] = list(form.get("/Fields", [])) if form is not None else []
    if not fields or any("/V" not in item for item in fields):
        raise UnsuitablePdf("a document is stamped when everybody has signed it")
    page: Any = update.reader.pages[0].obj
    head = b"<</Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161/ByteRange["
    middle = b" " * _BYTE_RANGE_WIDTH + b"]/Contents"
    value = update.add(head + middle + b"<" + b"0" * (2 * TOKEN_ROOM) + b">>>")
    number = sum(str(item.get("/T", "")).startswith(_PREFIX) for item in fields) + 1
    field = update.add(
        b"<</Type/Annot/Subtype/Widget/FT/Sig/T(%s%d)/Rect[0 0 0 0]/F %d/P %d %d R/V %d 0 R>>"
        % (_PREFIX.encode(), number, _FLAGS, *page.objgen, value)
    )
    _append(update, form, "/Fields", field)
    _append(update, page, "/Annots", field)
    document = bytearray(update.finish())
    range_at = update.offsets[value] + len(head)
    start = range_at + len(middle)
    end = start + 2 * TOKEN_ROOM + 2
    byte_range = b"0 %d %d %d" % (start, end, len(document) - end)
    document[range_at : range_at + _BYTE_RANGE_WIDTH] = byte_range.ljust(_BYTE_RANGE_WIDTH)
    return PreparedStamp(document=bytes(document), region_start=start, region_end=end)


def _append(update: PdfUpdate, holder: Any, key: str, number: int) -> None:
    """Hang a field into a list, and write again nothing but that list or what holds it."""
    items = holder.get(key)
    if items is None:
        update.replace(holder, b"%s[%d 0 R]" % (key.encode(), number))
        return
    longer = items.unparse(resolved=True).rstrip()[:-1] + b" %d 0 R]" % number
    if items.is_indirect:
        update.put(items, longer)
        return
    del holder[key]
    update.replace(holder, key.encode() + longer)


def embed(prepared: PreparedStamp, token: bytes) -> bytes:
    """Put the token into its place. Raises TimestampRefused for one of other bytes, or ReservationTooSmall."""
    check_token(token, prepared.stamped)
    room = prepared.region_end - prepared.region_start - 2
    if 2 * len(token) > room:
        raise ReservationTooSmall(f"{len(token)} bytes do not fit into {room // 2}")
    filled = token.hex().encode().ljust(room, b"0")
    document = prepared.document
    return b"".join((document[: prepared.region_start + 1], filled, document[prepared.region_end - 1 :]))


def stamp_certificates(pdf: bytes) -> list[bytes]:
    """Certificates (DER) of the document's own time stamps, with their issuers as far as the file has them.

    A later stamp must find proof of these in the file.
    """
    reader = structure.open_pdf(pdf)
    slots = structure.read_bones(reader).slots
    tokens = [cms.read(slot.contents) for slot in slots if slot.is_document_timestamp]
    root: Any = reader.Root
    store = root.get("/DSS", {})
    kept = [x509.load_der_x509_certificate(bytes(one.read_bytes())) for one in store.get("/Certs", [])]
    found = [x509.load_der_x509_certificate(one) for token in tokens for one in token.certificates]
    for certificate in found:
        if not any(one.subject == certificate.issuer for one in found):
            found += [one for one in kept if one.subject == certificate.issuer]
    return list(dict.fromkeys(one.public_bytes(Encoding.DER) for one in found))


def authority_of(token: bytes) -> bytes:
    """The certificate (DER) that signed a token."""
    return cms.read(token).signer


def chained(data: bytes, tokens: Sequence[bytes]) -> bytes:
    """What a time stamp beside a file is over: the file and its earlier tokens, so that each proves those before."""
    return data + b"".join(hashlib.sha256(token).digest() for token in tokens)
