"""Write sheets as school software does: merged headers, hidden columns, and people's slips."""

import random
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, cast

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

Value = str | int | float | date | bool | None
#: The header texts above one column, from the top; shorter ones are merged downwards.
Path = tuple[str, ...]

_EXCEL_EPOCH: Final = date(1899, 12, 30)


class SheetWriter:
    """One sheet, written from the top. Row and column numbers begin at 1, as in Excel."""

    def __init__(self, book: openpyxl.Workbook, title: str, hidden: Iterable[int] = ()) -> None:
        # A write-only sheet has the parts of a Worksheet that are used here; its stubs do not say so.
        self._sheet = cast(Worksheet, book.create_sheet(title))
        self._row = 0
        for column in hidden:
            self._sheet.column_dimensions[get_column_letter(column)].hidden = True

    def row(self, *values: Value) -> None:
        self._row += 1
        self._sheet.append(values)

    def header(self, paths: Sequence[Path]) -> None:
        """Header rows for these columns; neighbours with the same beginning share one merged cell."""
        depth, top = max(map(len, paths)), self._row + 1
        for level in range(depth):
            self.row(*(self._header_text(paths, column, level) for column in range(len(paths))))
        for column, path in enumerate(paths):
            for level in range(len(path)):
                if self._header_text(paths, column, level) is not None:
                    width = _width(paths, column, level)
                    height = depth - level if level == len(path) - 1 else 1
                    self._merge(top + level, column + 1, height, width)

    def _header_text(self, paths: Sequence[Path], column: int, level: int) -> str | None:
        path = paths[column]
        if level >= len(path):
            return None
        shared = column > 0 and level < len(path) - 1 and paths[column - 1][: level + 1] == path[: level + 1]
        return None if shared else path[level]

    def _merge(self, row: int, column: int, height: int, width: int) -> None:
        if height > 1 or width > 1:
            last = f"{get_column_letter(column + width - 1)}{row + height - 1}"
            self._sheet.merged_cells.add(f"{get_column_letter(column)}{row}:{last}")


def _width(paths: Sequence[Path], column: int, level: int) -> int:
    if level == len(paths[column]) - 1:
        return 1
    prefix, width = paths[column][: level + 1], 1
    while column + width < len(paths) and paths[column + width][: level + 1] == prefix:
        width += 1
    return width


def slipped_name(rng: random.Random, name: str) -> str:
    """A name as it comes from another system: now and then decomposed Unicode or a doubled space."""
    chance = rng.random()
    if chance < 0.15:
        return unicodedata.normalize("NFD", name)
    if chance < 0.18:
        return name.replace(" ", "  ", 1) + " "
    return name.replace(" ", "\u00a0", 1) if chance < 0.20 else name


def slipped_date(rng: random.Random, day: date) -> Value:
    """A date as Excel serial number, as text, or as a real date cell."""
    return rng.choice(((day - _EXCEL_EPOCH).days, f"{day:%d/%m/%Y}", day))


def slipped_mark(rng: random.Random, mark: str | None) -> Value:
    """A mark as number, or as text with a decimal comma; Đ and CĐ stay text."""
    if mark is None or not mark[0].isdigit():
        return mark
    if rng.random() < 0.12:
        return mark.replace(".", ",")
    return float(mark) if "." in mark else int(mark)
