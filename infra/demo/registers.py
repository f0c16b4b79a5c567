"""The pupils' registers: CSDL ngành's C1-HocSinh, once as one list, once as a block for each class."""

import random
from collections.abc import Callable, Sequence
from typing import Final

import openpyxl

from infra.demo.people import ETHNICITIES, PROVINCES, Pupil
from infra.demo.schools import ACADEMIC_YEAR, DemoSchool
from infra.demo.writing import SheetWriter, Value, slipped_date, slipped_name

Getter = Callable[[random.Random, Pupil], Value]
Columns = dict[str, Getter]

_GENDERS: Final = {"male": ("Nam", "01 Nam"), "female": ("Nữ", "02 Nữ")}
_CATALOGUES: Final[dict[str, Sequence[str]]] = {
    "DM_GioiTinh": ("Nam", "Nữ"),
    "DM_DanToc": ETHNICITIES,
    "DM_TrangThai": (
        "Đang học",
        *(
            f"{status} kỳ {term}"
            for term in (1, 2)
            for status in ("Chuyển đến", "Nghỉ học xin học lại", "Chuyển đi", "Thôi học")
        ),
        *(f"{status} trong hè" for status in ("Chuyển đến", "Chuyển đi", "Thôi học")),
    ),
    "DM_Tinh": PROVINCES,
    "DM_KhuyetTat": ("Không", "Vận động", "Nghe, nói", "Nhìn", "Trí tuệ", "Khác"),
    "DM_ChinhSach": ("Không", "Con thương binh", "Con liệt sĩ", "Hộ nghèo", "Hộ cận nghèo"),
}


def _personal_id(rng: random.Random, pupil: Pupil) -> Value:
    # As a number the leading zeros are lost, which happens in every second real file.
    return int(pupil.personal_id) if rng.random() < 0.1 else pupil.personal_id


_CLASS: Final[Columns] = {"Mã lớp": lambda _, pupil: pupil.class_code}
_COMMON: Final[Columns] = {
    "Mã\nhọc sinh": lambda _, pupil: pupil.student_code,
    "Họ tên": lambda rng, pupil: slipped_name(rng, pupil.full_name),
    "Ngày sinh\n(dd/mm/yyyy)": lambda rng, pupil: slipped_date(rng, pupil.date_of_birth),
    "Giới tính": lambda rng, pupil: rng.choice(_GENDERS[pupil.gender]),
    "Trạng thái\nHS": lambda _, pupil: "Đang học",
    "Ngày nhập trạng thái": lambda _, pupil: "05/09/2025",
    "Dân tộc": lambda _, pupil: pupil.ethnicity,
    "Quốc tịch": lambda _, pupil: pupil.nationality,
    "Loại khuyết tật": lambda _, pupil: None,
    "Số định danh\ncá nhân": _personal_id,
    "Nơi sinh": lambda _, pupil: pupil.birth_place,
    "Quê quán": lambda _, pupil: pupil.hometown,
    "Chỗ ở hiện nay": lambda _, pupil: pupil.address,
    "Họ tên\ncha": lambda rng, pupil: slipped_name(rng, pupil.father_name),
    "Họ tên\nmẹ": lambda rng, pupil: slipped_name(rng, pupil.mother_name),
}


def as_one_list(
    school: DemoSchool, pupils: dict[str, tuple[Pupil, ...]], rng: random.Random
) -> openpyxl.Workbook:
    """One header, all pupils below it, the class in a column."""
    book = openpyxl.Workbook(write_only=True)
    sheet = SheetWriter(book, "Sheet1")
    _titles(sheet, school)
    sheet.row(None, None, "Khối 1 đến khối 5")
    columns = {**_CLASS, **_COMMON}
    sheet.header([("STT",), *((title,) for title in columns)])
    everybody = [pupil for members in pupils.values() for pupil in members]
    for number, pupil in enumerate(everybody, 1):
        sheet.row(number, *(get(rng, pupil) for get in columns.values()))
    _catalogues(book)
    return book


def as_blocks(
    school: DemoSchool, pupils: dict[str, tuple[Pupil, ...]], rng: random.Random
) -> openpyxl.Workbook:
    """For each class its title, the header again and its pupils; the columns stand in another order."""
    book = openpyxl.Workbook(write_only=True)
    sheet = SheetWriter(book, "Sheet1")
    _titles(sheet, school)
    titles = list(_COMMON)
    rng.shuffle(titles)
    for class_code, members in pupils.items():
        sheet.row()
        sheet.row(None, f"Lớp: {class_code}")
        sheet.header([("STT",), *((title,) for title in titles)])
        for number, pupil in enumerate(members, 1):
            sheet.row(number, *(_COMMON[title](rng, pupil) for title in titles))
        sheet.row(None, f"Tổng số: {len(members)} học sinh")
    _catalogues(book)
    return book


def _titles(sheet: SheetWriter, school: DemoSchool) -> None:
    sheet.row(school.department.upper())
    sheet.row(school.name)
    sheet.row(None, None, f"DANH SÁCH HỌC SINH NĂM HỌC {ACADEMIC_YEAR.replace('-', ' - ')}")


def _catalogues(book: openpyxl.Workbook) -> None:
    for title, names in _CATALOGUES.items():
        sheet = SheetWriter(book, title)
        sheet.row("Mã", "Tên")
        for number, name in enumerate(names, 1):
            sheet.row(f"{number:02d}", name)
