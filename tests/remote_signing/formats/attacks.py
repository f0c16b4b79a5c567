"""Ways to spoil a signed PDF, made with pyHanko's writer or by hand: never with the code under test."""

import io
import re
from collections.abc import Callable
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

_CONTENTS = re.compile(rb"/Contents<([0-9a-f]+)>")
_RANGE = re.compile(rb"/ByteRange\[0 (\d+) (\d+) (\d+)( *)\]")


def flipped_byte(pdf: bytes) -> bytes:
    """One letter of the text of the rendered page, deep in the signed part."""
    at = pdf.index(b"stream") + 200
    return pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]


def cut_byte_range(pdf: bytes) -> bytes:
    """The last signature no longer covers the 16 bytes before its /Contents."""
    found = list(_RANGE.finditer(pdf))[-1]
    start, stop, rest = (int(number) for number in found.groups()[:3])
    text = b"/ByteRange[0 %d %d %d" % (start - 16, stop, rest)
    return pdf[: found.start()] + text.ljust(len(found[0]) - 1) + b"]" + pdf[found.end() :]


def foreign_cms(pdf: bytes) -> bytes:
    """The last signature's /Contents is that of the first, padded."""
    first, last = (list(_CONTENTS.finditer(pdf))[index] for index in (0, -1))
    hexadecimal = first[1][: len(last[1])].ljust(len(last[1]), b"0")
    return pdf[: last.start(1)] + hexadecimal + pdf[last.end(1) :]


def zeroed_value(pdf: bytes) -> bytes:
    """The last signature's /Contents is nothing but zeros."""
    last = list(_CONTENTS.finditer(pdf))[-1]
    return pdf[: last.start(1)] + b"0" * len(last[1]) + pdf[last.end(1) :]


def updated(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    change(writer)
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def first_page(writer: IncrementalPdfFileWriter) -> Any:
    return writer.find_page_for_modification(0)[0].get_object()  # type: ignore[no-untyped-call]


def _dictionary(content: dict[str, Any]) -> Any:
    return generic.DictionaryObject(content)  # type: ignore[no-untyped-call]


def page_replaced(pdf: bytes) -> bytes:
    """The first page shows another content."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        page = first_page(writer)
        page[pdf_name("/Contents")] = writer.add_object(generic.StreamObject(stream_data=b"0 0 m 99 99 l S"))
        writer.update_container(page)

    return updated(pdf, change)


def page_tree_replaced(pdf: bytes) -> bytes:
    """The catalog, which validation material may rewrite, now leads to other pages."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        count = generic.NumberObject(1)  # type: ignore[no-untyped-call]
        pages = _dictionary({pdf_name("/Type"): pdf_name("/Pages"), pdf_name("/Count"): count})
        reference = writer.add_object(pages)
        box = generic.ArrayObject(map(generic.NumberObject, (0, 0, 99, 99)))
        page = _dictionary(
            {
                pdf_name("/Type"): pdf_name("/Page"),
                pdf_name("/Parent"): reference,
                pdf_name("/MediaBox"): box,
            }
        )
        pages[pdf_name("/Kids")] = generic.ArrayObject([writer.add_object(page)])
        writer.root[pdf_name("/Pages")] = reference
        writer.update_container(writer.root)

    return updated(pdf, change)


def annotation_added(pdf: bytes) -> bytes:
    """A text lies over the first page."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        page = first_page(writer)
        note = _dictionary(
            {
                pdf_name("/Type"): pdf_name("/Annot"),
                pdf_name("/Subtype"): pdf_name("/FreeText"),
                pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 300, 300))),
                pdf_name("/Contents"): pdf_string("Toán 10"),
                pdf_name("/DA"): pdf_string("/Helv 12 Tf"),
            }
        )
        page["/Annots"].append(writer.add_object(note))
        writer.update_container(page["/Annots"])

    return updated(pdf, change)


def field_added(pdf: bytes) -> bytes:
    """A new, empty form field."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        field = _dictionary(
            {
                pdf_name("/FT"): pdf_name("/Tx"),
                pdf_name("/T"): pdf_string("note"),
                pdf_name("/V"): pdf_string("10"),
            }
        )
        form = writer.root["/AcroForm"]
        form["/Fields"].append(writer.add_object(field))
        writer.update_container(form)

    return updated(pdf, change)


def signature_shared(pdf: bytes) -> bytes:
    """The second signature field points at the first signature."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        first, second = (item.get_object() for item in list(writer.root["/AcroForm"]["/Fields"])[:2])
        second[pdf_name("/V")] = first.raw_get("/V")
        writer.update_container(second)

    return updated(pdf, change)


def signature_removed(pdf: bytes) -> bytes:
    """The principal's field is empty again."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        second = writer.root["/AcroForm"]["/Fields"][1]
        del second["/V"]
        writer.update_container(second)

    return updated(pdf, change)


def title_forged(pdf: bytes) -> bytes:
    """The document information names another pupil."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        info = writer.trailer["/Info"]
        info[pdf_name("/Title")] = pdf_string("Học bạ – Nguyễn Văn Giả")
        writer.update_container(info)

    return updated(pdf, change)


def metadata_replaced(pdf: bytes) -> bytes:
    """The XMP says something else."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        forged = generic.StreamObject(
            dict_data={pdf_name("/Type"): pdf_name("/Metadata"), pdf_name("/Subtype"): pdf_name("/XML")},
            stream_data=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        )
        writer.root[pdf_name("/Metadata")] = writer.add_object(forged)
        writer.update_container(writer.root)

    return updated(pdf, change)


def object_hidden(pdf: bytes) -> bytes:
    """An object that nothing leads to."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        writer.add_object(pdf_string("Toán 10"))

    return updated(pdf, change)


def object_hidden_in_store(pdf: bytes) -> bytes:
    """The validation material leads to something that is none."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        store = writer.root["/DSS"] if "/DSS" in writer.root else _dictionary({})
        store[pdf_name("/Note")] = writer.add_object(pdf_string("Toán 10"))
        writer.root[pdf_name("/DSS")] = writer.add_object(store)
        writer.update_container(writer.root)

    return updated(pdf, change)


def store_renamed(pdf: bytes) -> bytes:
    """The validation material says that it is something else."""
    return pdf.replace(b"/Type/DSS", b"/Type/ESS")


def extension_renamed(pdf: bytes) -> bytes:
    """An update adds an extension of nobody we know."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        level = generic.NumberObject(1)  # type: ignore[no-untyped-call]
        extension = _dictionary({pdf_name("/ExtensionLevel"): level})
        writer.root["/Extensions"][pdf_name("/NOTE")] = extension
        writer.update_container(writer.root)

    return updated(pdf, change)


def text_between_objects(pdf: bytes) -> bytes:
    """A comment before the last cross-reference section, which moves along."""
    at = pdf.rindex(b"xref\n", 0, pdf.rindex(b"startxref"))
    hidden = b"% 10,0\n"
    tail = pdf[at:].replace(b"startxref\n%d" % at, b"startxref\n%d" % (at + len(hidden)))
    return pdf[:at] + hidden + tail


def padding_used(pdf: bytes) -> bytes:
    """Something stands in the zeros behind the last signature's value."""
    last = list(_CONTENTS.finditer(pdf))[-1]
    return pdf[: last.end(1) - 8] + b"31302c30" + pdf[last.end(1) :]


def case_changed(pdf: bytes) -> bytes:
    """One digit of the last signature's value is written in the other case."""
    last = list(_CONTENTS.finditer(pdf))[-1]
    at = next(index for index in range(last.start(1), last.end(1)) if pdf[index : index + 1] in b"abcdef")
    return pdf[:at] + pdf[at : at + 1].upper() + pdf[at + 1 :]


def range_spoiled(pdf: bytes) -> bytes:
    """The last signature's /ByteRange has another name."""
    at = pdf.rindex(b"/ByteRange")
    return pdf[:at] + b"/ByteRbnge" + pdf[at + 10 :]


def signature_unreadable(pdf: bytes) -> bytes:
    """The last signature is no dictionary any more."""
    at = pdf.rindex(b"<</Type/Sig/")
    return pdf[:at] + b"=<" + pdf[at + 2 :]


def bytes_appended(pdf: bytes) -> bytes:
    """A comment behind the end."""
    return pdf + b"% 10,0\n"


def lines_appended(pdf: bytes) -> bytes:
    """Two thousand bytes behind the end, where a reader no longer finds it."""
    return pdf + b"% 10,0\n" * 300


def signature_count(pdf: bytes) -> int:
    """As pyHanko counts them."""
    return len(PdfFileReader(io.BytesIO(pdf)).embedded_signatures)
