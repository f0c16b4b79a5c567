"""In which line of a workbook a pupil stands: by the hidden column, else by code, else by name."""

import uuid
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

import pytest

from backend.integrations.imports.readers.grid import Cell, Sheet
from backend.integrations.imports.readers.text import line_mark
from backend.integrations.imports.schemas import FormPupil, Layout, ToFill, place_key
from backend.integrations.imports.writers import places

TITLES = [["Lớp: 6A1"], ["Môn học: Toán"], ["Học kì: I"]]
HEADER = ["STT", "Mã hệ thống", "Mã học sinh", "Họ và tên", "Ngày sinh", "ĐĐGtx1", "ĐĐGgk", "ĐĐGck"]


def pupil(code: str, name: str, day: int = 1) -> FormPupil:
    """Somebody of 6A1, born in January."""
    return FormPupil(id=uuid.uuid4(), student_code=code, full_name=name, date_of_birth=date(2014, 1, day))


AN, BINH = pupil("HS1", "Lò Thị An"), pupil("HS2", "Vàng A Bình")
#: Two of one name.
HOA, HOA_2 = pupil("HS3", "Lò Thị Hoa", 3), pupil("HS4", "Lò Thị Hoà", 4)
HOA_3 = pupil("HS5", "Lò Thị Hòa", 5)
EVERYBODY = (AN, BINH, HOA, HOA_2, HOA_3)
#: Each has another mark, by which one sees whose it is.
MARKS = {one.student_code: n for n, one in enumerate(EVERYBODY, 1)}
Written = Callable[..., Sheet]


def filled(sheet: Written, *lines: Sequence[Cell]) -> list[str]:
    """Whose final mark is written into each line: a code, or "" where the line stays as it is."""
    rows = [*TITLES, HEADER, *([n, *line] for n, line in enumerate(lines, 1))]
    contents = {place_key(code, "TOAN", 1): {"final": str(mark)} for code, mark in MARKS.items()}
    wanted = ToFill(layout=Layout.SECONDARY_MARKS, contents=contents, pupils=EVERYBODY)
    [cells] = places.edits([sheet("Toán", rows)], wanted).values()
    codes = {Decimal(mark): code for code, mark in MARKS.items()}
    written = {row: codes[value] for (row, _), value in cells.items() if isinstance(value, Decimal)}
    return [written.get(len(TITLES) + 2 + n, "") for n in range(len(lines))]


def test_the_hidden_column_comes_first(sheet: Written) -> None:
    """Written when the pupil had another code, which is somebody else's by now."""
    mark = line_mark(AN.id, BINH.student_code, AN.full_name)
    assert filled(sheet, [mark, "HS2", "Lò Thị An", "01/01/2014"]) == ["HS1"]
    assert filled(sheet, [mark, "HS2", "Vàng A Bình", "01/01/2014"]) == ["HS2"], "the line was mixed up"


def test_then_the_code_then_the_name(sheet: Written) -> None:
    assert filled(
        sheet,
        [None, "HS2", "Vàng A Bính", None],
        [None, None, "LÒ THỊ AN", None],
        [None, "MOI9", "lò thị hoa", "03/01/2014"],
    ) == ["HS2", "HS1", "HS3"]


@pytest.mark.parametrize(
    ("lines", "whose"),
    [
        ([[None, None, "Lò Thị Hòa", None]], [""]),
        (
            [[None, None, "Lò Thị Hoà", "05/01/2014"], [None, None, "Lò Thị Hòa", "04/01/2014"]],
            ["HS5", "HS4"],
        ),
        ([[None, None, "Lò Thị An", "02/01/2014"]], [""]),
        ([[None, None, "Lò Thị An", None], [None, None, "Lò Thị An", None]], ["", ""]),
        ([[None, "HS1", "Lò Thị An", None], [None, None, "Lò Thị An", None]], ["HS1", ""]),
        ([[None, "KHONG1", "Ai Đó", None]], [""]),
    ],
    ids=[
        "two of the name",
        "told apart by birth",
        "born on another day",
        "twice",
        "stands elsewhere",
        "unknown",
    ],
)
def test_a_name_counts_only_where_one_alone_can_be_meant(
    lines: list[list[Cell]], whose: list[str], sheet: Written
) -> None:
    assert filled(sheet, *lines) == whose
