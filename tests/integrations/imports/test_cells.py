"""Cells of a workbook are set, and nothing else in it moves: compared part by part, and as openpyxl sees it."""

import io
import zipfile
from decimal import Decimal

import openpyxl
import pytest
from lxml import etree
from openpyxl.comments import Comment
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from backend.integrations.imports.writers import cells

SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def rich() -> bytes:
    """A sheet with nearly everything that people put into one."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Toán"
    for row in (
        ["Lớp: 6A1"],
        ["STT", "ID", "Họ tên", "TX", "TB"],
        [1, "x9", "An", 7, "=D3*2"],
        [2, "x8", "Bình"],
    ):
        sheet.append(row)
    sheet.merge_cells("A1:C1")
    sheet.column_dimensions["B"].hidden = True
    sheet.row_dimensions[4].height = 30
    sheet["D3"].font, sheet["D3"].number_format = Font(bold=True, color="FF0000"), "0.0"
    sheet["D4"].fill = PatternFill("solid", fgColor="FFFF00")
    sheet["C3"].comment = Comment("ghi chú", "GV")
    rule = DataValidation(type="decimal", operator="between", formula1="0", formula2="10")
    rule.add("D3:D99")
    sheet.add_data_validation(rule)
    sheet.conditional_formatting.add("D3:D99", Rule(type="cellIs", operator="lessThan", formula=["5"]))
    sheet.freeze_panes = "D3"
    sheet.protection.sheet = True
    other = book.create_sheet("Danh mục")
    other.append(["Mã", "Tên"])
    other.sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def test_only_the_cells_that_were_meant_are_others() -> None:
    before = rich()
    after = cells.fill(
        before, {SHEET: {(3, 4): Decimal("8.5"), (4, 4): Decimal(10), (4, 3): None, (4, 5): "Tốt"}}
    )
    old, new = parts(before), parts(after)
    assert list(old) == list(new)
    assert {name for name in old if old[name] != new[name]} == {SHEET, "xl/workbook.xml"}
    sheet = openpyxl.load_workbook(io.BytesIO(after))["Toán"]
    rows = [[cell.value for cell in row] for row in sheet["A1:E4"]]
    assert rows[2:] == [[1, "x9", "An", 8.5, "=D3*2"], [2, "x8", None, 10, "Tốt"]]
    trees = [etree.fromstring(data[SHEET]) for data in (old, new)]
    for tree in trees:
        for data in tree.iter(f"{{{MAIN}}}sheetData"):
            tree.remove(data)
    assert etree.tostring(trees[0]) == etree.tostring(trees[1]), (
        "merged, hidden, validated, protected as before"
    )
    assert sheet["D3"].font.bold
    assert sheet["D3"].number_format == "0.0"
    assert sheet["D4"].fill.fgColor.rgb == "00FFFF00"


def test_formulas_stay_and_are_computed_when_the_file_is_opened() -> None:
    after = cells.fill(rich(), {SHEET: {(3, 5): Decimal(1), (3, 4): Decimal(9)}})
    book = openpyxl.load_workbook(io.BytesIO(after))
    assert book["Toán"]["E3"].value == "=D3*2"
    assert book.calculation.fullCalcOnLoad


def test_what_a_merged_cell_covers_is_not_written() -> None:
    after = cells.fill(rich(), {SHEET: {(1, 2): "mất", (1, 1): "Lớp: 6A2"}})
    sheet = openpyxl.load_workbook(io.BytesIO(after))["Toán"]
    assert sheet["A1"].value == "Lớp: 6A2"
    assert b"m\xe1\xba\xa5t" not in parts(after)[SHEET]


@pytest.mark.parametrize("text", ["=1+1", "+84", "-Ngoan", "@SUM(A1)", "\t=1"])
def test_a_text_is_never_a_formula(text: str) -> None:
    after = cells.fill(rich(), {SHEET: {(3, 3): text, (4, 3): text, (3, 2): "x"}})
    sheet = openpyxl.load_workbook(io.BytesIO(after))["Toán"]
    for place in ("C3", "C4"):
        assert (sheet[place].value, sheet[place].data_type, bool(sheet[place].quotePrefix)) == (
            text,
            "s",
            True,
        )
    assert not sheet["B3"].quotePrefix


def test_cells_are_found_and_put_in_where_no_place_is_written() -> None:
    bare = (
        f'<worksheet xmlns="{MAIN}"><sheetData><row><c t="str"><v>a</v></c><c/></row>'
        '<row r="5"><c r="B5"><v>2</v></c><c r="AB5"><v>3</v></c></row></sheetData></worksheet>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(SHEET, bare)
    after = cells.fill(
        out.getvalue(), {SHEET: {(1, 2): "b", (5, 1): "x", (5, 3): "y", (5, 40): None, (9, 1): "z"}}
    )
    tree = etree.fromstring(parts(after)[SHEET])
    found = [("".join(cell.itertext()), cell.get("r")) for cell in tree.iter(f"{{{MAIN}}}c")]
    assert found == [("a", None), ("b", None), ("x", "A5"), ("2", "B5"), ("y", "C5"), ("3", "AB5")]


def test_entities_of_a_stranger_are_not_expanded() -> None:
    bomb = (
        '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="str"><v>&b;</v></c></row></sheetData></worksheet>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(SHEET, bomb)
    after = cells.fill(out.getvalue(), {SHEET: {(1, 1): "x"}})
    assert b"aaaa" not in parts(after)[SHEET].split(b"]>")[-1]
