"""A workbook as plain cells: the only place that knows openpyxl."""

import io
import warnings
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, cast

import msgspec
import openpyxl
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet.worksheet import Worksheet

from backend.integrations.imports.readers.text import tidy

MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 400

Cell = str | int | float | bool | datetime | None


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Cells of one visible sheet. `rows[0]` is Excel's row 1; text is NFC and tidy; `cut`: there was more."""

    name: str
    rows: tuple[tuple[Cell, ...], ...]
    cut: bool = False


def load(data: bytes) -> tuple[Sheet, ...]:
    """All visible worksheets of a workbook that `precheck` has let through.

    A formula cell is what Excel last showed for it, never evaluated. Raises whatever openpyxl raises.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        return tuple(_read_sheet(sheet) for sheet in book.worksheets if sheet.sheet_state == "visible")


def _read_sheet(sheet: Worksheet) -> Sheet:
    # The dimension written in the file is often wrong ("A1"), and then rows would be lost.
    cast(ReadOnlyWorksheet, sheet).reset_dimensions()
    rows: list[tuple[Cell, ...]] = []
    for row in sheet.iter_rows(values_only=True):
        if len(rows) == MAX_ROWS:
            return Sheet(name=tidy(sheet.title), rows=tuple(rows), cut=True)
        rows.append(tuple(_plain(value) for value in row[:MAX_COLUMNS]))
    while rows and not any(value is not None for value in rows[-1]):
        rows.pop()
    return Sheet(name=tidy(sheet.title), rows=tuple(rows))


def _plain(value: object) -> Cell:
    match value:
        case None | bool() | int() | float() | datetime():
            return value
        case Decimal():
            return float(value)
        case date():
            return datetime.combine(value, time())
        case time() | timedelta():
            return str(value)
        case _:
            return tidy(str(value)) or None
