"""Reports as an .xlsx: a sheet per table, numbers as numbers."""

import io
from datetime import date
from typing import Final

from openpyxl import Workbook
from openpyxl.cell import Cell as ExcelCell
from openpyxl.cell import MergedCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from backend.integrations.reports.schemas import Mark, Percent, Table, Value

_BOLD: Final = Font(name="Times New Roman", size=12, bold=True)
_PLAIN: Final = Font(name="Times New Roman", size=12)
_NOTE: Final = Font(name="Times New Roman", size=11, italic=True)
_LINE: Final = Side(style="thin", color="808080")
_FRAME: Final = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_HEAD: Final = PatternFill("solid", fgColor="EDE7DC")
_NARROW, _WIDE, _WIDEST = 9, 46, 60


def build(title: str, subtitle: str, tables: tuple[Table, ...]) -> bytes:
    """The file; `title` and `subtitle` stand above each table."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in tables:
        sheet = book.create_sheet(table.name)
        _fill(sheet, title, subtitle, table)
    book.properties.creator = "Học bạ số"
    book.properties.title = title
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: Worksheet, title: str, subtitle: str, table: Table) -> None:
    for number, (text, font) in enumerate(((title, _BOLD), (subtitle, _PLAIN), (table.title, _BOLD)), 1):
        _write(sheet.cell(number, 1), text).font = font
    if not table.rows:
        _write(sheet.cell(5, 1), table.empty).font = _PLAIN
        sheet.column_dimensions["A"].width = _WIDEST
        return
    for number, name in enumerate(table.columns, 1):
        head = _write(sheet.cell(5, number), name)
        head.font, head.fill, head.border = _BOLD, _HEAD, _FRAME
        head.alignment = Alignment(wrap_text=True, horizontal="center", vertical="center")
    for line, row in enumerate(table.rows, 6):
        for number, one in enumerate(row.cells, 1):
            cell = _write(sheet.cell(line, number), one.value)
            cell.font, cell.border = (_BOLD if row.is_sum else _PLAIN), _FRAME
            cell.alignment = Alignment(wrap_text=True, vertical="center")
    for line, note in enumerate(table.notes, 7 + len(table.rows)):
        _write(sheet.cell(line, 1), note).font = _NOTE
    for number, name in enumerate(table.columns):
        longest = max(len(str(_text(row.cells[number].value))) for row in table.rows)
        width = _NARROW + 4 if number in table.numbers else min(_WIDE, max(len(name), longest) + 3)
        sheet.column_dimensions[get_column_letter(number + 1)].width = width
    sheet.freeze_panes = "B6"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "5:5"


def _write(cell: ExcelCell | MergedCell, value: Value) -> ExcelCell | MergedCell:
    match value:
        case Percent(value=None) | None:
            cell.value = "—"
        case Percent(value=float(share)):
            cell.value, cell.number_format = share / 100, "0.0%"
        case date():
            cell.value, cell.number_format = value, "dd/mm/yyyy"
        case int():
            cell.value, cell.number_format = value, "#,##0"
        case _:
            # A name that looks like a formula stays a name.
            cell.value, cell.data_type = _text(value), "s"
    return cell


def _text(value: Value) -> str:
    return value.word if isinstance(value, Mark) else str(value)
