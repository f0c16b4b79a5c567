"""Files made to hurt whoever opens them. They claim to hold a signature, so that a checker reads on."""

import zlib
from collections.abc import Sequence
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from tests.remote_signing.formats.attacks import first_page, updated

_SIGNED = (
    b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/SigFlags 3>>%s>>",
    b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    b"<</FT/Sig/T(homeroom_teacher)/V 5 0 R>>",
    b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange[0 9 19 9]/Contents<3003020100>"
    b">>",
)


def _file(objects: Sequence[bytes]) -> bytes:
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n\r\n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f\r\n%strailer\n<</Size %d/Root 1 0 R>>\n" % (
        len(objects) + 1,
        table,
        len(objects) + 1,
    )
    return out + head + b"startxref\n%d\n%%%%EOF\n" % len(out)


def _stream(keys: bytes, data: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (keys, len(data), data)


def _signed(catalog: bytes = b"") -> bytes:
    return _file([_SIGNED[0] % catalog, *_SIGNED[1:]])


def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(16 * 1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (megabytes // 16) + packer.flush()


def _stream_bomb() -> Any:
    return generic.StreamObject(
        dict_data={pdf_name("/Filter"): pdf_name("/FlateDecode")}, encoded_data=_bomb(2048)
    )


def material_bomb(signed: bytes) -> bytes:
    """A sound transcript, then 2 GB of "certificate" in its validation material."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        store = writer.root["/DSS"]
        store["/Certs"].append(writer.add_object(_stream_bomb()))
        writer.update_container(store["/Certs"])

    return updated(signed, change)


def page_bomb(signed: bytes) -> bytes:
    """A sound transcript, then 2 GB of page content."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        page = first_page(writer)
        page[pdf_name("/Contents")] = writer.add_object(_stream_bomb())
        writer.update_container(page)

    return updated(signed, change)


def data_bomb(rendered: bytes) -> bytes:
    """A transcript, not yet signed, whose attached data unpacks to 2 GB."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        attached = writer.root["/Names"]["/EmbeddedFiles"]["/Names"][1]["/EF"]
        attached[pdf_name("/F")] = writer.add_object(_stream_bomb())
        writer.update_container(attached)

    return updated(rendered, change)


def reference_bomb() -> bytes:
    """A cross-reference stream of 2 GB."""
    keys = b"/Type/XRef/Size 5/Root 1 0 R/W[1 4 1]/Filter/FlateDecode"
    head = b"%PDF-1.7\n"
    body = b"1 0 obj\n%s\nendobj\n" % _stream(keys, _bomb(2048))
    return head + body + b"startxref\n%d\n%%%%EOF\n" % len(head)


def deep_nesting() -> bytes:
    """200,000 arrays inside each other."""
    return _signed(b"/X " + b"[" * 200_000 + b"]" * 200_000)


def endless_fields() -> bytes:
    """A field that is its own child."""
    return _file([_SIGNED[0] % b"", *_SIGNED[1:3], b"<</FT/Sig/T(a)/Kids[4 0 R 4 0 R]/V 5 0 R>>", _SIGNED[4]])


def circular_updates() -> bytes:
    """A cross-reference table whose /Prev is itself."""
    plain = _signed()
    at = plain.rindex(b"startxref")
    offset = int(plain[at:].split()[1])
    return plain.replace(b"/Root 1 0 R>>\nstartxref", b"/Root 1 0 R/Prev %d>>\nstartxref" % offset)
