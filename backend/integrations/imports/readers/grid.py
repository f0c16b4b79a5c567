"""A workbook as plain cells: the only place that knows openpyxl."""

import io
import warnings
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec
import openpyxl
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser

from backend.integrations.imports.readers.text import tidy

MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 400

#: Of a hidden sheet only so much is read as shows what it is.
HIDDEN_ROWS: Final = 60


class Formula(Enum):
    """A formula that was never computed: its workbook was written by a program and not yet opened in Excel."""

    UNCOMPUTED = "công thức"

    def __str__(self) -> str:
        return self.value


Cell = str | int | float | bool | datetime | Formula | None


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Cells of one sheet. `rows[0]` is Excel's row 1; text is NFC and tidy; `cut`: there was more.

    Of a `hidden` sheet there are the first `HIDDEN_ROWS` rows. `part` is its file inside the workbook.
    """

    name: str
    rows: tuple[tuple[Cell, ...], ...]
    cut: bool = False
    hidden: bool = False
    part: str = ""


def load(data: bytes) -> tuple[Sheet, ...]:
    """All worksheets of a workbook that `precheck` has let through.

    A formula cell is what Excel last showed for it, never evaluated. Raises whatever openpyxl raises.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        return tuple(_read_sheet(sheet) for sheet in book.worksheets)


def shown(cell: Cell) -> str:
    """A cell as people see it: whole numbers without a fraction, days as they are written here."""
    match cell:
        case None:
            return ""
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime():
            return f"{cell:%d/%m/%Y}"
        case _:
            return str(cell)


class _Parser(WorkSheetParser):
    """openpyxl's own, which tells an uncomputed formula from an empty cell."""

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            # A formula whose result is no text at all has t="str" and an empty value.
            computed = element.get("t") == "str" and element.find(VALUE_TAG) is not None
            cell["value"] = None if computed else Formula.UNCOMPUTED
        return cell


def _read_sheet(sheet: Any) -> Sheet:
    """The rows of a read-only worksheet, whatever dimension is written in the file: that is often wrong ("A1")."""
    hidden, part = sheet.sheet_state != "visible", sheet._worksheet_path
    most = HIDDEN_ROWS if hidden else MAX_ROWS
    rows: list[tuple[Cell, ...]] = []
    with sheet._get_source() as source:
        for number, cells in _parser(sheet, source).parse():
            rows.extend(() for _ in range(len(rows), min(number - 1, most)))
            if len(rows) == most:
                return Sheet(
                    name=tidy(sheet.title), rows=tuple(rows), cut=not hidden, hidden=hidden, part=part
                )
            if len(rows) < number:
                rows.append(_row(cells))
    while rows and not any(value is not None for value in rows[-1]):
        rows.pop()
    return Sheet(name=tidy(sheet.title), rows=tuple(rows), hidden=hidden, part=part)


def _parser(sheet: Any, source: Any) -> _Parser:
    return _Parser(
        source,
        sheet._shared_strings,
        data_only=True,
        epoch=sheet.parent.epoch,
        date_formats=sheet.parent._date_formats,
        timedelta_formats=sheet.parent._timedelta_formats,
    )


def _row(cells: list[dict[str, Any]]) -> tuple[Cell, ...]:
    values = {cell["column"]: _plain(cell["value"]) for cell in cells if cell["column"] <= MAX_COLUMNS}
    return tuple(values.get(column) for column in range(1, max(values, default=0) + 1))


def _plain(value: object) -> Cell:
    match value:
        case None | bool() | int() | float() | datetime() | Formula():
            return value
        case Decimal():
            return float(value)
        case date():
            return datetime.combine(value, time())
        case time() | timedelta():
            return str(value)
        case _:
            return tidy(str(value)) or None
