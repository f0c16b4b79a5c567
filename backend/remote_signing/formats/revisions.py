"""What each update of a signed PDF may touch, stricter than the difference analysis of pyHanko.

From the first signature on: a signature's own update overrides its field and nothing else; an update without
a signature overrides only what validation material and document time stamps need (EN 319 142-1, 5.4 and 5.5).
"""

from collections.abc import Sequence
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

_UPDATED = "Sau khi ký, tệp đã bị sửa ngoài những gì người ký cho phép (bản cập nhật thứ {number})."


def problems(reader: PdfFileReader, embedded: Sequence[EmbeddedPdfSignature]) -> list[str]:
    """Sentences about updates that override more than they may; empty when all updates are clean."""
    if not embedded:
        return []
    by_revision = {item.signed_revision: item for item in embedded}
    found = []
    for number in range(embedded[0].signed_revision + 1, reader.xrefs.total_revisions):
        overridden = _overridden(reader, number)
        if not overridden <= _allowed(reader, by_revision.get(number), number):
            found.append(_UPDATED.format(number=number))
    if len(by_revision) != len(embedded):
        found.append("Hai chữ ký được ghi trong cùng một lần cập nhật tệp.")
    return found


def _overridden(reader: PdfFileReader, number: int) -> set[tuple[int, int]]:
    previous = reader.get_historical_resolver(number - 1)
    refs = reader.xrefs.explicit_refs_in_revision(number)
    return {(ref.idnum, ref.generation) for ref in refs if not previous.is_ref_unassignable(ref)}


def _allowed(reader: PdfFileReader, item: EmbeddedPdfSignature | None, number: int) -> set[tuple[int, int]]:
    if item is not None and item.sig_object_type != "/DocTimeStamp":
        return _references(item.sig_field)
    root = reader.get_historical_resolver(number).root
    allowed = _references(root) | _references(reader.trailer.raw_get("/Root"))
    for key in ("/AcroForm", "/DSS", "/Metadata"):
        if key in root:
            allowed |= _references(root.raw_get(key))
    if "/DSS" in root:
        for part in ("/VRI", "/Certs", "/OCSPs", "/CRLs"):
            if part in root["/DSS"]:
                allowed |= _references(root["/DSS"].raw_get(part))
    if "/Info" in reader.trailer:
        allowed |= _references(reader.trailer.raw_get("/Info"))
    return allowed | (_timestamp_places(item) if item is not None else set())


def _timestamp_places(item: EmbeddedPdfSignature) -> set[tuple[int, int]]:
    """A document time stamp may bring its field, which hangs in the form and on a page."""
    allowed = _references(item.sig_field)
    if "/P" in item.sig_field:
        page = item.sig_field["/P"]
        allowed |= _references(item.sig_field.raw_get("/P"))
        if "/Annots" in page:
            allowed |= _references(page.raw_get("/Annots"))
    form = item.reader.root["/AcroForm"]
    return allowed | _references(form.raw_get("/Fields"))


def _references(item: Any) -> set[tuple[int, int]]:
    reference = (
        item.reference if isinstance(item, generic.IndirectObject) else getattr(item, "container_ref", None)
    )
    if isinstance(reference, generic.Reference):
        return {(reference.idnum, reference.generation)}
    return set()
