"""A sheet written from the top, as people are used to it: titles, merged headers, lines, what a cell may hold."""

from collections.abc import Sequence
from typing import Final, Literal

import openpyxl
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from backend.integrations.imports.writers.cells import FORMULA_SIGNS

#: The header texts above one column, from the top; shorter ones are merged downwards.
Path = tuple[str, ...]
Written = str | int | None

_TITLE: Final = Font(bold=True, size=13)
_HEADER: Final = Font(bold=True)
_SHADE: Final = PatternFill("solid", fgColor="EEF1F5")
_LINE: Final = Side(style="thin", color="B8BFC8")
_BORDER: Final = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_CENTERED: Final = Alignment(horizontal="center", vertical="center", wrap_text=True)
_WRAPPED: Final = Alignment(vertical="top", wrap_text=True)
#: Excel's names of sheets have at most so many characters, and none of these.
_LONGEST_NAME: Final = 31
_NOT_IN_NAMES: Final = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))


class SheetWriter:
    """One sheet. Row and column numbers begin at 1, as in Excel."""

    def __init__(self, book: openpyxl.Workbook, name: str) -> None:
        self._sheet = book.create_sheet(name.translate(_NOT_IN_NAMES)[:_LONGEST_NAME])
        self.at = 0

    def title(self, *lines: str) -> None:
        """Lines above the table, each in a row of its own, then an empty row."""
        for text in lines:
            self.at += 1
            self._text(self.at, 1, text).font = _TITLE
        self.at += 1

    def text(self, *lines: str) -> None:
        """Lines of running text."""
        self._sheet.column_dimensions["A"].width = 110
        for line in lines:
            self.at += 1
            self._text(self.at, 1, line).alignment = _WRAPPED

    def header(self, paths: Sequence[Path], widths: Sequence[int]) -> None:
        """Header rows for these columns; neighbours with the same beginning share one merged cell."""
        depth, top = max(map(len, paths)), self.at + 1
        for column, (path, width) in enumerate(zip(paths, widths, strict=True), 1):
            self._sheet.column_dimensions[get_column_letter(column)].width = width
            for level in range(depth):
                cell = self._sheet.cell(top + level, column)
                cell.font, cell.fill, cell.border, cell.alignment = _HEADER, _SHADE, _BORDER, _CENTERED
                if level < len(path) and not _is_shared(paths, column - 1, level):
                    self._text(top + level, column, path[level])
        self._merge_header(paths, depth, top)
        self.at += depth
        self._sheet.freeze_panes = f"A{self.at + 1}"

    def _merge_header(self, paths: Sequence[Path], depth: int, top: int) -> None:
        for column, path in enumerate(paths):
            for level in range(len(path)):
                if _is_shared(paths, column, level):
                    continue
                last = level == len(path) - 1
                height = depth - level if last else 1
                width = 1 if last else _width(paths, column, level)
                if height > 1 or width > 1:
                    self._sheet.merge_cells(
                        start_row=top + level,
                        end_row=top + level + height - 1,
                        start_column=column + 1,
                        end_column=column + width,
                    )

    def row(self, values: Sequence[Written]) -> None:
        """A line of the table."""
        self.at += 1
        for column, value in enumerate(values, 1):
            if isinstance(value, str):
                cell = self._text(self.at, column, value)
            else:
                cell = self._sheet.cell(self.at, column, value)
            cell.border = _BORDER

    def allow(self, column: int, first: int, last: int, rule: DataValidation) -> None:
        """Let Excel check what is typed into a column."""
        letter = get_column_letter(column)
        rule.add(f"{letter}{first}:{letter}{last}")
        self._sheet.add_data_validation(rule)

    def hide(self, column: int) -> None:
        """Keep a column out of sight."""
        self._sheet.column_dimensions[get_column_letter(column)].hidden = True

    def _text(self, row: int, column: int, text: str) -> Cell:
        """A text stays a text, whatever it begins with."""
        cell: Cell = self._sheet.cell(row, column)
        cell.value = text
        cell.data_type = "s"
        cell.quotePrefix = text.startswith(FORMULA_SIGNS)
        return cell


def one_of(words: Sequence[str], explained: str) -> DataValidation:
    """Only one of these words, chosen from a list."""
    rule = DataValidation(type="list", formula1=f'"{",".join(words)}"', allow_blank=True)
    return _explained(rule, explained)


def number(most: int, *, whole: bool, explained: str) -> DataValidation:
    """A number from 0 on."""
    kind: Literal["whole", "decimal"] = "whole" if whole else "decimal"
    rule = DataValidation(type=kind, operator="between", formula1="0", formula2=str(most), allow_blank=True)
    return _explained(rule, explained)


def _explained(rule: DataValidation, explained: str) -> DataValidation:
    rule.showErrorMessage = True
    rule.errorTitle, rule.error = "Giá trị không hợp lệ", explained
    return rule


def _is_shared(paths: Sequence[Path], column: int, level: int) -> bool:
    """Whether the text stands in the merged cell that begins further left."""
    path = paths[column]
    return (
        column > 0
        and level < len(path) - 1
        and paths[column - 1][: level + 1] == path[: level + 1]
        and len(paths[column - 1]) > level + 1
    )


def _width(paths: Sequence[Path], column: int, level: int) -> int:
    prefix, width = paths[column][: level + 1], 1
    while (
        column + width < len(paths)
        and paths[column + width][: level + 1] == prefix
        and len(paths[column + width]) > level + 1
    ):
        width += 1
    return width
