"""Lines put below the header of somebody else's workbook, which stays as it is."""

import io
from collections.abc import Mapping, Sequence

import openpyxl


def below_header(template: bytes, first_row: int, lines: Sequence[Mapping[str, str]]) -> bytes:
    """The workbook with these lines on its first sheet: texts by column. What looks like a formula is text."""
    book = openpyxl.load_workbook(io.BytesIO(template))
    sheet = book.worksheets[0]
    for number, line in enumerate(lines, first_row):
        for column, text in line.items():
            if text:
                cell = sheet[f"{column}{number}"]
                cell.value, cell.data_type = text, "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
