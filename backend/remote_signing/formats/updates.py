"""The incremental updates of a PDF (ISO 32000-1, 7.5.6), accounted for to the last byte.

An update is objects, a cross-reference section and `startxref`. What lies between them would be seen by no reader
that follows the references, and by everyone who looks for it. Read by hand: qpdf reads the same bytes, too, and both
must come to the same (`revisions`).
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, pairwise

import msgspec

from backend.remote_signing.formats.pdf_syntax import (
    GAP,
    Dictionary,
    Malformed,
    Name,
    ObjectId,
    Stream,
    Value,
    items,
    keys,
    number,
    read,
    read_object,
    unpacked,
)

_BLANK = b"\n\r "
_RUN = re.compile(rb"([0-9]{1,10}) ([0-9]{1,6})" + GAP + rb"+")
_ENTRY = re.compile(rb"([0-9]{10}) ([0-9]{5}) ([nf])(?: \r| \n|\r\n)")
_NOTHING_FREE = b"0000000000 65535 f"
_TABLE = re.compile(rb"xref" + GAP + rb"+")
_TRAILER = re.compile(rb"trailer" + GAP + rb"*(?=<<)")
_FOOT = re.compile(GAP + rb"*startxref" + GAP + rb"+([0-9]{1,10})" + GAP + rb"+%%EOF")
#: How long that is at most, with the end of a line behind it.
_LONGEST_FOOT = 64
#: What a trailer says about its own section; everything else is the document's and stays as it was.
_OF_THE_SECTION = frozenset(
    (b"Size", b"Prev", b"ID", b"Type", b"W", b"Index", b"Length", b"Filter", b"DecodeParms")
)
#: A transcript has three signatures, their proof, and a time stamp every few years.
_MOST_UPDATES = 200
_LARGEST_SECTION = 1024 * 1024


class Irregular(Exception):
    """An update is not made as 7.5.6 says, or holds bytes that belong to nothing; `start`: where it begins, if known."""

    def __init__(self, why: str, start: int | None = None) -> None:
        super().__init__(why)
        self.start = start


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One update: where it begins and ends, and the objects that it writes, new ones and others again.

    `section` is the object that its cross-reference section is, where that is a stream.
    """

    start: int
    end: int
    objects: dict[ObjectId, Value]
    section: ObjectId | None


class _Section(msgspec.Struct, frozen=True, kw_only=True):
    """A cross-reference section: where it and each object begins, and where its `%%EOF` ends."""

    at: int
    end: int
    places: dict[ObjectId, int]
    trailer: Dictionary
    own: ObjectId | None


def read_updates(pdf: bytes, start: int, trailer: Dictionary) -> list[Update]:
    """All that follows offset `start`, the end of an update itself; oldest first. Raises Irregular.

    `trailer` is that of the bytes before `start`: where it leads, all later ones must lead.
    """
    document, updates = _of_the_document(trailer), list[Update]()
    for section in _sections(pdf, start):
        try:
            updates.append(_update(pdf, start, section))
        except Malformed as error:
            raise Irregular(str(error), start) from error
        if _of_the_document(section.trailer) != document:
            raise Irregular("a trailer leads elsewhere", start)
        start = section.end
    return updates


def _sections(pdf: bytes, start: int) -> list[_Section]:
    """Those behind `start`, oldest first; the first one must continue the one that ends there."""
    at, found = _newest(pdf, len(pdf)), list[_Section]()
    while at >= start:
        try:
            found.append(_section(pdf, at))
            previous = number(found[-1].trailer.get(b"Prev"))
        except Malformed as error:
            raise Irregular(str(error)) from error
        if previous >= at or len(found) > _MOST_UPDATES:
            raise Irregular("the sections do not lead backwards")
        at = previous
    if at != _newest(pdf, start):
        raise Irregular("the updates do not continue what was signed")
    return found[::-1]


def packs_nothing(pdf: bytes) -> bool:
    """Whether every section of a file is a table without hidden part, so that no object can be inside of another."""
    try:
        at = _newest(pdf, len(pdf))
        while pdf.startswith(b"xref", at):
            foot = _TRAILER.match(pdf, pdf.find(b"trailer", at))
            trailer = keys(read(pdf, foot.end())[0]) if foot else {b"XRefStm": Name(b"")}
            if b"XRefStm" in trailer or number(trailer.get(b"Prev", Decimal(0))) >= at:
                return False
            if b"Prev" not in trailer:
                return True
            at = number(trailer[b"Prev"])
    except (Irregular, Malformed):
        pass
    return False


def _newest(pdf: bytes, end: int) -> int:
    """Where the section begins that is the newest one of the first `end` bytes; these must end with it."""
    mark = pdf.rfind(b"startxref", max(0, end - _LONGEST_FOOT), end)
    foot = _FOOT.match(pdf, mark, end) if mark >= 0 else None
    if foot is None or pdf[foot.end() : end].strip(b"\r\n"):
        raise Irregular("the bytes do not end with a section")
    return int(foot[1])


def _of_the_document(trailer: Dictionary) -> Dictionary:
    said = {key: value for key, value in trailer.items() if key not in _OF_THE_SECTION}
    # The first identifier is the document's, the second one its version's (14.4).
    return said | ({b"ID": items(trailer[b"ID"])[:1]} if b"ID" in trailer else {})


def _update(pdf: bytes, start: int, section: _Section) -> Update:
    objects, spans = dict[ObjectId, Value](), [(section.at, section.end)]
    for name, place in section.places.items():
        found, objects[name], end = read_object(pdf, place)
        if found != name:
            raise Malformed(f"object {name} is not at its place")
        spans.append((place, end))
    ordered = [(start, start), *sorted(spans), (section.end, section.end)]
    for (_, end), (following, _) in pairwise(ordered):
        if following < end or pdf[end:following].strip(_BLANK):
            raise Malformed(f"bytes at {end} belong to nothing")
    return Update(start=start, end=section.end, objects=objects, section=section.own)


def _section(pdf: bytes, at: int) -> _Section:
    table = _TABLE.match(pdf, at)
    own = None
    if table is not None:
        places, trailer, end = _table(pdf, table.end())
    else:
        own, places, trailer, end = _packed(pdf, at)
    foot = _FOOT.match(pdf, end)
    if foot is None or int(foot[1]) != at:
        raise Malformed(f"the section at {at} does not end with its own startxref")
    return _Section(at=at, end=foot.end(), places=places, trailer=trailer, own=own)


def _table(pdf: bytes, at: int) -> tuple[dict[ObjectId, int], Dictionary, int]:
    places: dict[ObjectId, int] = {}
    while run := _RUN.match(pdf, at):
        at = run.end()
        for own in range(int(run[1]), int(run[1]) + int(run[2])):
            entry = _ENTRY.match(pdf, at)
            if entry is None:
                raise Malformed(f"no entry of a table at {at}")
            at = entry.end()
            # The head of the list of free objects may be said again; it stays without others (7.5.4).
            if entry[0][:18] != _NOTHING_FREE or own != 0:
                _note(places, (own, int(entry[2])), int(entry[1]), is_used=entry[3] == b"n")
    foot = _TRAILER.match(pdf, at)
    if foot is None:
        raise Malformed(f"a table without trailer at {at}")
    trailer, end = read(pdf, foot.end())
    if b"XRefStm" in keys(trailer):
        raise Malformed("a trailer leads to hidden objects")
    return places, keys(trailer), end


def _packed(pdf: bytes, at: int) -> tuple[ObjectId, dict[ObjectId, int], Dictionary, int]:
    """A section that is a stream (7.5.8), with its id; its own entry, where it has one, is no object of the document."""
    own, stream, end = read_object(pdf, at)
    if not isinstance(stream, Stream) or stream.keys.get(b"Type") != Name(b"XRef"):
        raise Malformed("startxref leads to no cross-reference section")
    places: dict[ObjectId, int] = {}
    for name, kind, place in _packed_entries(stream):
        if name != own:
            _note(places, name, place, is_used=kind == 1)
        elif place != at:
            raise Malformed("a section says that it stands elsewhere")
    return own, places, stream.keys, end


def _packed_entries(stream: Stream) -> Iterator[tuple[ObjectId, int, int]]:
    """Id, kind and place of each entry."""
    widths = [number(one) for one in items(stream.keys.get(b"W"))]
    runs = [number(one) for one in items(stream.keys.get(b"Index"))]
    data, row = unpacked(stream, _LARGEST_SECTION), sum(widths)
    if len(widths) != 3 or not all(widths) or len(runs) % 2 or row * sum(runs[1::2]) != len(data):
        raise Malformed("a packed section has another form")
    numbers = chain.from_iterable(
        range(first, first + count) for first, count in zip(runs[::2], runs[1::2], strict=True)
    )
    kind_end, place_end = widths[0], widths[0] + widths[1]
    for own, at in zip(numbers, range(0, len(data), row), strict=True):
        parts = (
            data[at : at + kind_end],
            data[at + kind_end : at + place_end],
            data[at + place_end : at + row],
        )
        kind, place, generation = (int.from_bytes(part, "big") for part in parts)
        yield (own, generation), kind, place


def _note(places: dict[ObjectId, int], name: ObjectId, place: int, *, is_used: bool) -> None:
    if not is_used or name[1] != 0 or name in places:
        raise Malformed(f"object {name} is freed, packed, or written twice in one update")
    places[name] = place
