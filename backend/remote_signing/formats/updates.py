"""The incremental updates of a PDF (ISO 32000-1, 7.5.6), accounted for to the last byte.

An update is objects, a cross-reference section and `startxref`. What lies between them would be seen by no reader
that follows the references, and by everyone who looks for it.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise

import msgspec
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.xref import XRefSectionMetaInfo

#: Number and generation of an indirect object.
ObjectId = tuple[int, int]
Span = tuple[int, int]

#: White space of PDF (7.2.2, table 1).
_BLANK = b"\0\t\n\f\r "
_GAP = rb"[\0\t\n\f\r ]"
_OBJECT = re.compile(rb"(\d+) (\d+) obj" + _GAP + rb"*")
_END = re.compile(_GAP + rb"*endobj")
_ENTRY = rb"(?:\d{10} \d{5} [nf](?: \r| \n|\r\n))"
_TABLE = re.compile(rb"xref" + _GAP + rb"+(?:\d+ \d+" + _GAP + rb"+" + _ENTRY + rb"+)+trailer" + _GAP + rb"*")
_FOOT = re.compile(_GAP + rb"*startxref" + _GAP + rb"+(\d+)" + _GAP + rb"+%%EOF")
#: What a trailer says about its own section; everything else is the document's and stays as it was.
_OF_THE_SECTION = frozenset(
    ("/Size", "/Prev", "/ID", "/Type", "/W", "/Index", "/Length", "/Filter", "/DecodeParms")
)


class Irregular(Exception):
    """An update is not made as 7.5.6 says, or holds bytes that belong to nothing."""


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One update: the objects that it writes, new ones and others again."""

    number: int
    objects: frozenset[ObjectId]


def read_updates(pdf: bytes, reader: PdfFileReader, first: int, start: int) -> list[Update]:
    """The updates from revision `first` on, which are all that follows offset `start`. Raises Irregular."""
    found, spans = [], []
    previous = _of_the_document(reader.trailer.flatten(first - 1))
    for number in range(first, reader.xrefs.total_revisions):
        try:
            section, trailer = _section(pdf, reader, number)
            places = dict(_object_spans(pdf, reader, number))
        except (PdfError, ValueError, IndexError) as error:
            raise Irregular(f"update {number} cannot be read") from error
        if _of_the_document(trailer) != previous:
            raise Irregular(f"the trailer of update {number} leads elsewhere")
        spans += [section, *places.values()]
        found.append(Update(number=number, objects=frozenset(places)))
    _check_nothing_between(pdf, start, spans)
    return found


def written(value: generic.PdfObject) -> bytes:
    """A value as a file would hold it; references stay references."""
    out = BytesIO()
    value.write_to_stream(out, None)
    return out.getvalue()


def _of_the_document(trailer: generic.DictionaryObject) -> dict[str, bytes]:
    said = {key: written(trailer.raw_get(key)) for key in trailer if key not in _OF_THE_SECTION}
    # The first identifier is the document's, the second one its version's (14.4).
    return said | ({"/ID": written(trailer["/ID"].raw_get(0))} if "/ID" in trailer else {})


def _object_spans(pdf: bytes, reader: PdfFileReader, number: int) -> Iterator[tuple[ObjectId, Span]]:
    entries = reader.xrefs.get_xref_data(number)
    if entries.freed or entries.xrefs_in_objstm or entries.hybrid is not None:
        raise Irregular(f"update {number} frees, packs or hides objects")
    section = reader.xrefs.get_xref_container_info(number).stream_ref
    for name, (generation, offset) in entries.standard_xrefs.items():
        if section is None or name != section.idnum:
            span, _ = _object(pdf, reader, offset, (name, generation))
            yield (name, generation), span


def _object(pdf: bytes, reader: PdfFileReader, offset: int, name: ObjectId) -> tuple[Span, generic.PdfObject]:
    head = _OBJECT.match(pdf, offset)
    if head is None or (int(head[1]), int(head[2])) != name:
        raise Irregular(f"object {name} is not at its place")
    stream = BytesIO(pdf)
    stream.seek(head.end())
    value = generic.read_object(stream, generic.Reference(*name, reader))
    end = _END.match(pdf, stream.tell())
    if end is None:
        raise Irregular(f"object {name} does not end")
    return (offset, end.end()), value


def _section(pdf: bytes, reader: PdfFileReader, number: int) -> tuple[Span, generic.DictionaryObject]:
    """The cross-reference section with what follows it, and its trailer."""
    place = reader.xrefs.get_xref_container_info(number)
    end, trailer = _trailer(pdf, reader, place)
    foot = _FOOT.match(pdf, end)
    if foot is None or int(foot[1]) != place.declared_startxref:
        raise Irregular(f"update {number} does not end with its own startxref")
    return (place.declared_startxref, foot.end()), trailer


def _trailer(
    pdf: bytes, reader: PdfFileReader, place: XRefSectionMetaInfo
) -> tuple[int, generic.DictionaryObject]:
    if place.stream_ref is not None:
        name = (place.stream_ref.idnum, place.stream_ref.generation)
        (_, end), value = _object(pdf, reader, place.declared_startxref, name)
    else:
        table = _TABLE.match(pdf, place.declared_startxref)
        if table is None:
            raise Irregular("startxref leads to no cross-reference section")
        stream = BytesIO(pdf)
        stream.seek(table.end())
        value = generic.read_object(stream, generic.Reference(0, 0, reader))
        end = stream.tell()
    if not isinstance(value, generic.DictionaryObject):
        raise Irregular("a trailer is no dictionary")
    return end, value


def _check_nothing_between(pdf: bytes, start: int, spans: list[Span]) -> None:
    ordered = [(start, start), *sorted(spans), (len(pdf), len(pdf))]
    for (_, end), (following, _) in pairwise(ordered):
        if following < end or pdf[end:following].strip(_BLANK):
            raise Irregular(f"bytes at {end} belong to nothing")
