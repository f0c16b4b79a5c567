"""Incremental updates of a PDF (ISO 32000-1, 7.5.6), written by hand after the untouched bytes.

qpdf reads the file (0.3 ms), we write the few changed objects. The new section is of the same kind as the
last one of the file, table or stream, so that no hybrid file comes out. Same input, same bytes: nothing
depends on time or chance.
"""

import hashlib
from io import BytesIO
from typing import Any

import pikepdf

#: How far from the end of a file its `startxref` may stand.
_TAIL = 1024


class UnsuitablePdf(Exception):
    """The file cannot be signed as it is: unreadable, encrypted, or not prepared for signatures."""


class PdfUpdate:
    """One update in the making: read through `reader`, change by `add`, `put` and `touch`, then `finish`."""

    def __init__(self, pdf: bytes) -> None:
        self.original = pdf
        try:
            self.reader = pikepdf.open(BytesIO(pdf), attempt_recovery=False, suppress_warnings=True)
            self._previous = last_section(pdf)
        except (pikepdf.PdfError, ValueError, RuntimeError) as error:
            raise UnsuitablePdf(f"not a readable PDF: {error}") from error
        if self.reader.is_encrypted:
            raise UnsuitablePdf("the PDF is encrypted")
        self.root: Any = self.reader.Root
        self._next = int(self.reader.trailer.Size)
        self._bodies: dict[int, bytes] = {}
        #: Where each written object's body starts in the finished file; filled by `finish`.
        self.offsets: dict[int, int] = {}

    def add(self, body: bytes) -> int:
        """Write `body` as a new object; returns its number."""
        number = self._next
        self._next += 1
        self._bodies[number] = body
        return number

    def add_stream(self, data: bytes) -> int:
        """Write `data` as a new stream without filter; returns its number."""
        return self.add(b"<</Length %d>>stream\n%s\nendstream" % (len(data), data))

    def put(self, item: Any, body: bytes) -> None:
        """Write `body` in the place of an existing object."""
        number, generation = item.objgen
        if number == 0 or generation != 0:
            raise UnsuitablePdf("only indirect objects of generation 0 can be written again")
        self._bodies[number] = body

    def touch(self, item: Any) -> None:
        """Write an existing dictionary or array again, as it now stands in `reader`."""
        self.put(item, item.unparse(resolved=True))

    def replace(self, item: Any, additions: bytes) -> None:
        """Write an existing dictionary again with `additions` (encoded keys and values) at its end."""
        self.touch(item)
        number = item.objgen[0]
        self._bodies[number] = self._bodies[number].rstrip()[:-2] + additions + b">>"

    def finish(self) -> bytes:
        """The original bytes with the update after them."""
        parts = [b"\n"]
        position = len(self.original) + 1
        entries: dict[int, int] = {}
        for number in sorted(self._bodies):
            entries[number] = position
            head = b"%d 0 obj\n" % number
            self.offsets[number] = position + len(head)
            parts.append(head + self._bodies[number] + b"\nendobj\n")
            position += len(parts[-1])
        parts.append(self._section(entries, position))
        return b"".join((self.original, *parts))

    def _section(self, entries: dict[int, int], position: int) -> bytes:
        is_table = self.original.startswith(b"xref", self._previous)
        section = self._table(entries) if is_table else self._stream(entries, position)
        return section + b"startxref\n%d\n%%%%EOF\n" % position

    def _table(self, entries: dict[int, int]) -> bytes:
        lines = [b"xref\n"]
        for first, run in _runs(entries):
            lines.append(b"%d %d\n" % (first, len(run)))
            lines.extend(b"%010d 00000 n\r\n" % offset for offset in run)
        return b"".join(lines) + b"trailer\n<<%s>>\n" % self._trailer(self._next)

    def _stream(self, entries: dict[int, int], position: int) -> bytes:
        own = self._next
        entries = {**entries, own: position}
        runs = list(_runs(entries))
        index = b" ".join(b"%d %d" % (first, len(run)) for first, run in runs)
        data = b"".join(b"\x01" + offset.to_bytes(4, "big") + b"\0" for _, run in runs for offset in run)
        keys = b"/Type/XRef/W[1 4 1]/Index[%s]/Length %d" % (index, len(data))
        head = b"%d 0 obj\n<<%s%s>>stream\n" % (own, keys, self._trailer(own + 1))
        return head + data + b"\nendstream\nendobj\n"

    def _trailer(self, size: int) -> bytes:
        trailer = self.reader.trailer
        keys = [b"/Size %d/Prev %d/Root %d 0 R" % (size, self._previous, self.root.objgen[0])]
        if "/Info" in trailer:
            keys.append(b"/Info %d %d R" % trailer.Info.objgen)
        if "/ID" in trailer:
            first, second = (bytes(part) for part in trailer.ID)
            changed = hashlib.sha256(second + b"".join(self._bodies.values())).digest()[:16]
            keys.append(b"/ID[<%s><%s>]" % (first.hex().encode(), changed.hex().encode()))
        return b"".join(keys)


def last_section(pdf: bytes) -> int:
    """Offset of the newest cross-reference section. Raises ValueError."""
    mark = pdf.rfind(b"startxref", max(0, len(pdf) - _TAIL))
    if mark < 0:
        raise ValueError("no startxref at the end")
    return int(pdf[mark + 9 : mark + 40].split()[0])


def text_string(text: str) -> bytes:
    """A PDF text string in hexadecimal UTF-16BE with byte order mark (ISO 32000-1, 7.9.2.2)."""
    return b"<FEFF%s>" % text.encode("utf-16-be").hex().upper().encode()


def _runs(entries: dict[int, int]) -> list[tuple[int, list[int]]]:
    runs: list[tuple[int, list[int]]] = []
    for number in sorted(entries):
        if runs and runs[-1][0] + len(runs[-1][1]) == number:
            runs[-1][1].append(entries[number])
        else:
            runs.append((number, [entries[number]]))
    return runs
