"""Set cells of a workbook and leave everything else in it as it was: hidden columns, styles, formulas, validation.

The parts of the file are taken over one by one; of a sheet only the cells that change are written anew, and cells with a
formula never. Where there are formulas Excel is asked to compute them when it opens the file.
"""

import copy
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from lxml import etree

#: What a cell is to hold: a number, a text, or nothing.
Value = Decimal | str | None
#: Row and column of a cell, from 1.
Place = tuple[int, int]

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_WORKBOOK: Final = "xl/workbook.xml"
_STYLES: Final = "xl/styles.xml"
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
#: With these a text becomes a formula as soon as somebody edits the cell, unless the cell is marked as quoted.
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")


def fill(data: bytes, edits: Mapping[str, Mapping[Place, Value]]) -> bytes:
    """The workbook with other values in some cells, by the part that holds their sheet.

    Raises KeyError for a part that the file does not have, and what lxml raises for one that is no XML.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as book, zipfile.ZipFile(out, "w") as filled:
        changed = _changed_parts(book, {part: cells for part, cells in edits.items() if cells})
        for entry in book.infolist():
            content = changed.get(entry.filename)
            filled.writestr(entry, book.read(entry) if content is None else content)
    return out.getvalue()


def _changed_parts(book: zipfile.ZipFile, edits: Mapping[str, Mapping[Place, Value]]) -> dict[str, bytes]:
    names = set(book.namelist())
    styles = _Styles(_parse(book.read(_STYLES)) if _STYLES in names else None)
    sheets = {part: _parse(book.read(part)) for part in edits}
    for part, cells in edits.items():
        _fill_sheet(sheets[part], cells, styles)
    changed = {part: _text(root) for part, root in sheets.items()}
    if styles.touched:
        changed[_STYLES] = _text(styles.root)
    if any(next(root.iter(f"{_MAIN}f"), None) is not None for root in sheets.values()) and _WORKBOOK in names:
        changed[_WORKBOOK] = _computed_when_opened(_parse(book.read(_WORKBOOK)))
    return changed


def _parse(data: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(data, parser)


def _text(root: Any) -> bytes:
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return written


def _computed_when_opened(root: Any) -> bytes:
    settings = root.find(f"{_MAIN}calcPr")
    if settings is None:
        settings = etree.Element(f"{_MAIN}calcPr")
        # The order of the schema: after the sheets, what refers to them and the names.
        before = [child for child in root if child.tag in _BEFORE_COMPUTING]
        before[-1].addnext(settings)
    settings.set("fullCalcOnLoad", "1")
    return _text(root)


_BEFORE_COMPUTING: Final = tuple(
    f"{_MAIN}{name}" for name in ("sheets", "functionGroups", "externalReferences", "definedNames")
)


class _Styles:
    """The formats of the workbook; grows by quoted ones where a text looks like a formula."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.touched = False
        self._quoted: dict[str, str] = {}

    def quoted(self, style: str) -> str | None:
        """The same format for a text that is no formula, whatever it begins with."""
        formats = self.root.find(f"{_MAIN}cellXfs") if self.root is not None else None
        if formats is None or not style.isdecimal() or int(style) >= len(formats):
            return None
        if style not in self._quoted:
            twin = copy.deepcopy(formats[int(style)])
            twin.set("quotePrefix", "1")
            formats.append(twin)
            formats.set("count", str(len(formats)))
            self._quoted[style] = str(len(formats) - 1)
            self.touched = True
        return self._quoted[style]


def _fill_sheet(root: Any, cells: Mapping[Place, Value], styles: _Styles) -> None:
    by_row: dict[int, dict[int, Value]] = {}
    covered = [_range(merged.get("ref")) for merged in root.iter(f"{_MAIN}mergeCell")]
    for (row, column), value in cells.items():
        if not any(_is_covered(row, column, *merged) for merged in covered):
            by_row.setdefault(row, {})[column] = value
    number = 0
    for line in root.iter(f"{_MAIN}row"):
        number = int(line.get("r") or number + 1)
        if number in by_row:
            _fill_row(line, number, by_row[number], styles)


def _fill_row(line: Any, number: int, values: Mapping[int, Value], styles: _Styles) -> None:
    there = dict(_columns(line))
    for column, value in values.items():
        cell = there.get(column)
        if cell is None:
            if value is None:
                continue
            cell = etree.Element(f"{_MAIN}c", r=f"{_letters(column)}{number}")
            before = [other for at, other in there.items() if at < column]
            if before:
                before[-1].addnext(cell)
            else:
                line.insert(0, cell)
            there = dict(_columns(line))
        if cell.find(f"{_MAIN}f") is None:
            _set(cell, value, styles)


def _columns(line: Any) -> Iterator[tuple[int, Any]]:
    column = 0
    for cell in line.iter(f"{_MAIN}c"):
        column = _place(cell.get("r"))[1] if cell.get("r") else column + 1
        yield column, cell


def _set(cell: Any, value: Value, styles: _Styles) -> None:
    for child in list(cell):
        cell.remove(child)
    cell.attrib.pop("t", None)
    if isinstance(value, Decimal):
        etree.SubElement(cell, f"{_MAIN}v").text = f"{value:f}"
    elif value:
        cell.set("t", "inlineStr")
        text = etree.SubElement(etree.SubElement(cell, f"{_MAIN}is"), f"{_MAIN}t")
        text.text = value
        text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        if value.startswith(FORMULA_SIGNS) and (style := styles.quoted(cell.get("s") or "0")):
            cell.set("s", style)


def _place(reference: str) -> Place:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(f"no cell is called {reference!r}")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column


def _range(reference: str) -> tuple[Place, Place]:
    first, _, last = reference.partition(":")
    return _place(first), _place(last or first)


def _is_covered(row: int, column: int, first: Place, last: Place) -> bool:
    """Inside a merged range, and not its first cell: Excel does not show what stands there."""
    inside = first[0] <= row <= last[0] and first[1] <= column <= last[1]
    return inside and (row, column) != first


def _letters(column: int) -> str:
    high, low = divmod(column - 1, 26)
    return (_letters(high) if high else "") + chr(ord("A") + low)
