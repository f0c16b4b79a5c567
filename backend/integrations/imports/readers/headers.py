"""Find header rows by their text, wherever they stand, and give every row below them its columns by name.

Columns change places between versions of the same template, headers span up to three merged rows, are
repeated for each class, carry line breaks, and come in composed or decomposed Unicode. Only words count.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from backend.integrations.imports.readers import context as contexts
from backend.integrations.imports.readers.context import Context
from backend.integrations.imports.readers.grid import Cell, Sheet
from backend.integrations.imports.readers.text import key_of

#: Field name → the header texts (as keys) that may stand above it. A text may be the end of a merged path:
#: "toan muc dat duoc" fits the column "Môn học / Toán / Mức đạt được".
Fields = Mapping[str, tuple[str, ...]]

NAME: Final = "full_name"
CODE: Final = "student_code"
#: The hidden column of our own workbooks (`text.line_mark`).
MARK: Final = "line_mark"
#: The columns by which a header row is recognised, in every layout.
IDENTITY: Final[Fields] = {
    "number": ("stt", "so tt", "tt"),
    "class_code": ("ma lop", "lop", "ten lop"),
    CODE: ("ma hoc sinh", "ma hs", "ma dinh danh hoc sinh", "ma dinh danh bo gd dt", "ma dinh danh"),
    NAME: ("ho ten", "ho va ten", "ho ten hoc sinh", "ho va ten hoc sinh"),
    "date_of_birth": ("ngay sinh", "ngay thang nam sinh"),
    MARK: ("ma he thong",),
}
_MAX_HEADER_ROWS: Final = 3
_MAX_TITLE_CHARS: Final = 300


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """`title` is how people find it: "Toán – Điểm KTĐK (cột G)"; `keys` are all ends of its header path."""

    index: int
    title: str
    keys: tuple[str, ...]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """One header block. `row` is Excel's number of its first row; `doubled`: same text as another column."""

    row: int
    height: int
    columns: dict[str, Column]
    doubled: tuple[Column, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One pupil's row, under the header and the titles that apply to it."""

    sheet: str
    row: int
    cells: tuple[Cell, ...]
    header: Header
    context: Context

    def cell(self, field: str) -> Cell:
        """The cell of a field; None when it is empty or the sheet has no such column."""
        column = self.header.columns.get(field)
        return self.cells[column.index] if column and column.index < len(self.cells) else None


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What was found on one sheet; `context` is what its titles said last."""

    sheet: str
    headers: tuple[Header, ...]
    lines: tuple[Line, ...]
    context: Context


def scan(sheet: Sheet, fields: Fields) -> Scan:
    """Walk down a sheet once: titles change the context, headers change the columns, the rest are pupils."""
    wanted = {**IDENTITY, **fields}
    context = contexts.of_sheet_name(sheet.name)
    headers: list[Header] = []
    lines: list[Line] = []
    below = 0
    for at, cells in enumerate(sheet.rows):
        if at < below:
            continue
        if is_header(cells):
            headers.append(_header(sheet, at, wanted))
            below = at + headers[-1].height
        elif headers and _is_pupil(cells, headers[-1]):
            lines.append(Line(sheet=sheet.name, row=at + 1, cells=cells, header=headers[-1], context=context))
        else:
            context = _with_titles(context, cells)
    return Scan(sheet=sheet.name, headers=tuple(headers), lines=tuple(lines), context=context)


def is_header(cells: tuple[Cell, ...]) -> bool:
    """A header row names the pupil or the pupil's code, and at least two things more."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    if len(texts) < 3:
        return False
    keys = {key_of(text) for text in texts if len(text) < 60}
    return not keys.isdisjoint(IDENTITY[NAME] + IDENTITY[CODE])


def columns(sheet: Sheet, at: int) -> list[Column]:
    """The named columns of the header block that begins at row index `at`."""
    return [_column(i, path) for i, path in enumerate(_paths(sheet, at)) if path]


def _paths(sheet: Sheet, at: int) -> list[tuple[str, ...]]:
    """The header texts above each column, merged cells cover the columns to their right."""
    block = [list(row) for row in sheet.rows[at : at + _header_height(sheet, at)]]
    width = max(len(row) for row in block)
    grid = [[_header_text(row[i]) if i < len(row) else "" for i in range(width)] for row in block]
    for depth, row in enumerate(grid[:-1]):
        for i in range(1, width):
            if not row[i] and any(lower[i] for lower in grid[depth + 1 :]):
                row[i] = row[i - 1]
    return [tuple(row[i] for row in grid if row[i]) for i in range(width)]


def _header(sheet: Sheet, at: int, fields: Fields) -> Header:
    chosen: dict[str, Column] = {}
    free = {column.index: column for column in columns(sheet, at)}
    # The longest text decides first: "năng lực đặc thù / Khoa học" is not the subject Khoa học.
    for field, key in _by_length(fields):
        if field in chosen:
            continue
        fit = next((column for column in free.values() if key in column.keys), None)
        if fit:
            chosen[field] = free.pop(fit.index)
    full_keys = {column.keys[0] for column in chosen.values()}
    doubled = tuple(column for column in free.values() if column.keys[0] in full_keys)
    return Header(row=at + 1, height=_header_height(sheet, at), columns=chosen, doubled=doubled)


def _by_length(fields: Fields) -> list[tuple[str, str]]:
    pairs = [(field, key) for field, keys in fields.items() for key in keys]
    return sorted(pairs, key=lambda pair: -len(pair[1].split()))


def _column(index: int, path: tuple[str, ...]) -> Column:
    written = [" ".join(path[depth:]) for depth in range(len(path))]
    # "Ngày sinh (dd/mm/yyyy)" is also "Ngày sinh"; "Nghệ thuật (Âm nhạc)" must stay whole: both are kept.
    keys = tuple(dict.fromkeys(key_of(text) for text in (*written, *map(_without_notes, written))))
    title = " – ".join(path[-2:]) if len(path) > 1 else path[0]
    return Column(index=index, title=f"{title} (cột {_letters(index)})", keys=keys)


def _without_notes(text: str) -> str:
    return re.sub(r"\([^)]*\)", " ", text)


def _letters(index: int) -> str:
    """0 → "A", 26 → "AA", as Excel names its columns."""
    high, low = divmod(index, 26)
    return (_letters(high - 1) if high else "") + chr(ord("A") + low)


def _header_height(sheet: Sheet, at: int) -> int:
    """Rows below belong to the header while the pupil's columns stay empty (they are merged downwards)."""
    first = sheet.rows[at]
    identity = [i for i, cell in enumerate(first) if _is_identity(cell)]
    height = 1
    for row in sheet.rows[at + 1 : at + _MAX_HEADER_ROWS]:
        filled = [i for i, cell in enumerate(row) if cell is not None]
        if not filled or any(i in filled for i in identity) or filled[0] < identity[0]:
            break
        height += 1
    return height


def _is_identity(cell: Cell) -> bool:
    return isinstance(cell, str) and key_of(cell) in IDENTITY[NAME] + IDENTITY[CODE]


def _header_text(cell: Cell) -> str:
    return "" if cell is None else str(cell)


def _is_pupil(cells: tuple[Cell, ...], header: Header) -> bool:
    """A row with something like a code, or with two things that identify; footers have one text somewhere."""

    def at(field: str) -> Cell:
        column = header.columns.get(field)
        return cells[column.index] if column and column.index < len(cells) else None

    if _is_column_numbers(cells):
        return False
    code = str(at(CODE) or "")
    if " " not in code and any(char.isdigit() for char in code):
        return True
    known = [at(field) for field in (CODE, NAME, "number", "date_of_birth")]
    return sum(cell is not None for cell in known) >= 2 and (at(CODE) is not None or at(NAME) is not None)


def _is_column_numbers(cells: tuple[Cell, ...]) -> bool:
    """Some templates number their columns under the header: (1) (2) (3) …"""
    filled = [str(cell).strip("()") for cell in cells if cell is not None]
    return len(filled) > 3 and filled == [str(n) for n in range(1, len(filled) + 1)]


def _with_titles(context: Context, cells: tuple[Cell, ...]) -> Context:
    for text in _texts(cells):
        context = contexts.with_title(context, text)
    return context


def _texts(cells: tuple[Cell, ...]) -> Iterator[str]:
    return (cell for cell in cells if isinstance(cell, str) and len(cell) <= _MAX_TITLE_CHARS)
