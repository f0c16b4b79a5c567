"""Wrong cells and columns of primary results: each gives one Vietnamese sentence with its place."""

from collections.abc import Callable

import pytest

from backend.integrations.imports.readers import detect
from backend.integrations.imports.readers.grid import Cell
from backend.integrations.imports.schemas import PrimaryResultsFile
from backend.records.roster.curriculum import TRAITS, Kind, subjects_of
from tests.integrations.imports.test_bad_input import Make, Rows, only


def results(grade: int, edit: Callable[[dict[str, Cell]], object] = dict, drop: str = "") -> Rows:
    """One pupil of a primary class; `edit` changes cells by "Toán/Mức", "Toán/Điểm", "Đạo đức" …"""
    row: dict[str, Cell] = {
        "stt": 1,
        "lop": f"{grade}A",
        "ma": "9900000001",
        "ten": "Lê Mai",
        "ns": "05/09/2018",
    }
    paths: list[tuple[str, ...]] = [("STT",), ("Mã lớp",), ("Mã học sinh",), ("Họ tên",), ("Ngày sinh",)]
    for subject in subjects_of(grade):
        if subject.kind is Kind.COMPULSORY:
            paths.append(("Môn học", subject.name, "Mức đạt được"))
            row[f"{subject.name}/Mức"] = "T"
            if subject.year_end_test:
                paths.append(("Môn học", subject.name, "Điểm KTĐK"))
                row[f"{subject.name}/Điểm"] = 9
    for trait in TRAITS:
        if grade >= 3 or trait.code not in ("CONG_NGHE", "TIN_HOC"):
            paths.append(("Năng lực đặc thù" if trait.group == "specific" else "Khác", trait.name))
            row[trait.name] = "T"
    paths += [("Hoàn thành chương trình lớp học",), ("Lên lớp",), ("Xếp loại",)]
    row |= {"ht": "x", "len": "x", "xl": "Hoàn thành xuất sắc"}
    edit(row)
    keep = [i for i, path in enumerate(paths) if not drop or drop not in " ".join(path)]
    header: Rows = [[paths[i][level] if level < len(paths[i]) else None for i in keep] for level in range(3)]
    values = list(row.values())
    title: list[Cell] = ["Kết quả cuối năm học 2025 - 2026"]
    return [title, *header, [values[i] for i in keep]]


def primary(make: Make, rows: Rows) -> PrimaryResultsFile:
    parsed = detect.read([make("KetQua", rows)])
    assert isinstance(parsed, PrimaryResultsFile)
    return parsed


@pytest.mark.parametrize("grade", [1, 2, 3, 4, 5])
def test_faultless_primary(sheet: Make, grade: int) -> None:
    parsed = primary(sheet, results(grade))
    assert parsed.problems == ()
    row = parsed.rows[0]
    assert (row.class_completed, row.promoted, row.year_level) == (True, True, "HTXS")
    assert len(row.traits) == (13 if grade <= 2 else 15)
    assert "KH" not in row.levels or row.traits["KHOA_HOC"] == "T"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"Toán/Điểm": 8.5}, "số nguyên"),
        ({"Toán/Điểm": "8,5"}, "số nguyên"),
        ({"Toán/Điểm": 11}, "ngoài thang điểm 10"),
        ({"Tiếng Việt/Điểm": "giỏi"}, "không phải là điểm số"),
        ({"Toán/Mức": "A"}, "không có trong các mức cho phép; hãy ghi T, H hoặc C"),
        ({"Toán/Mức": 9}, "không có trong các mức cho phép"),
        ({"Đạo đức/Mức": "Đ"}, "hãy ghi T, H hoặc C"),
        ({"Nhân ái": "H"}, "hãy ghi T, Đ hoặc C"),
        ({"ns": "31/02/2018"}, "hãy ghi ngày/tháng/năm"),
        ({"ns": 12}, "hãy ghi ngày/tháng/năm"),
        ({"ns": "2018"}, "hãy ghi ngày/tháng/năm"),
        ({"ht": "không rõ"}, "hãy ghi x hoặc để trống"),
        ({"xl": "Giỏi"}, "Hoàn thành xuất sắc, Hoàn thành tốt"),
        ({"lop": "A1"}, "không phải là mã lớp"),
        ({"lop": "6A1"}, "mẫu của tiểu học"),
        ({"ten": None}, "còn trống"),
        ({"ten": "Lê Mai 2"}, "không phải là họ tên"),
    ],
)
def test_one_bad_cell_of_primary_results(sheet: Make, cells: dict[str, Cell], words: str) -> None:
    parsed = primary(sheet, results(2, lambda row: row.update(cells)))
    problem = only(parsed)
    assert words in problem.message
    assert problem.row == 5
    assert parsed.rows == ()


@pytest.mark.parametrize("drop", ["Đạo đức", "Hoàn thành chương trình", "Mã học sinh"])
def test_a_missing_column_of_primary_results(sheet: Make, drop: str) -> None:
    parsed = primary(sheet, results(2, drop=drop))
    assert drop in only(parsed).column
    assert parsed.rows == ()


def test_a_test_that_the_grade_does_not_have(sheet: Make) -> None:
    """TT27/2020 Đ.7.1.b: no test in the middle of a term in grade 3."""
    rows = results(3)
    rows[0] = ["Kết quả giữa học kì 1 năm học 2025 - 2026"]
    parsed = primary(sheet, rows)
    assert len(parsed.problems) == 5
    assert all("không có bài kiểm tra định kì này" in problem.message for problem in parsed.problems)


def test_results_that_do_not_say_when(sheet: Make) -> None:
    parsed = primary(sheet, [["Kết quả"], *results(1)[1:]])
    assert "không ghi thời điểm đánh giá" in only(parsed).message
