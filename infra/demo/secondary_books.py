"""Secondary workbooks of one class: a term's marks with a sheet per subject (vnEdu), and homeroom records."""

import random
from collections.abc import Sequence
from typing import Final

import openpyxl

from backend.records.roster.curriculum import subject_name
from infra.demo.marks import SecondaryTruth
from infra.demo.schools import ACADEMIC_YEAR, DemoClass, DemoSchool
from infra.demo.writing import Path, SheetWriter, slipped_date, slipped_mark, slipped_name

_ROMAN: Final = {1: "I", 2: "II"}
_REGULAR_COLUMNS: Final = 4
#: Sheet names have at most 31 characters.
_SHEET_NAMES: Final = {"HDTNHN": "HĐTN, HN", "GDDP": "GDĐP", "QPAN": "GDQP-AN"}
_CONDUCT: Final = {"T": "Tốt", "K": "Khá", "Đ": "Đạt", "CĐ": "Chưa đạt"}
_HIDDEN_ID: Final = 2


def marks(
    school: DemoSchool, one: DemoClass, term: int, years: Sequence[SecondaryTruth], rng: random.Random
) -> openpyxl.Workbook:
    """A sheet per subject. In term 2 the subject stands in the sheet's name only."""
    book = openpyxl.Workbook(write_only=True)
    for code in one.subjects:
        name = subject_name(one.grade, code)
        sheet = SheetWriter(book, _SHEET_NAMES.get(code, name), hidden=(_HIDDEN_ID,))
        sheet.row(school.name)
        sheet.row(None, None, "BẢNG ĐIỂM MÔN HỌC", None, f"Năm học {ACADEMIC_YEAR.replace('-', ' - ')}")
        subject_title = f"Môn học: {name}" if term == 1 else None
        sheet.row(None, None, f"Lớp: {one.code}", subject_title, f"Học kì: {_ROMAN[term]}")
        sheet.row()
        sheet.header(_mark_paths(term))
        for number, year in enumerate(years, 1):
            _mark_row(sheet, number, year, code, term, rng)
        sheet.row(None, None, None, "Giáo viên bộ môn")
    return book


def homeroom(
    school: DemoSchool, one: DemoClass, years: Sequence[SecondaryTruth], rng: random.Random
) -> openpyxl.Workbook:
    """Conduct of both terms, absences, comment, and what was decided in the summer."""
    book = openpyxl.Workbook(write_only=True)
    sheet = SheetWriter(book, "Chủ nhiệm")
    sheet.row(school.name)
    sheet.row(f"SỔ CHỦ NHIỆM LỚP {one.code} - NĂM HỌC {ACADEMIC_YEAR.replace('-', ' - ')}")
    sheet.row()
    sheet.header(_HOMEROOM_PATHS)
    for number, year in enumerate(years, 1):
        pupil = year.pupil
        sheet.row(
            number,
            pupil.student_code,
            slipped_name(rng, pupil.full_name),
            slipped_date(rng, pupil.date_of_birth),
            rng.choice((year.conduct_term1, _CONDUCT[year.conduct_term1])),
            _CONDUCT[year.conduct_term2],
            year.absences_excused,
            year.absences_unexcused,
            year.homeroom_comment,
            _CONDUCT[year.conduct_after_summer] if year.conduct_after_summer else None,
            _reassessed(one, year),
        )
    return book


_HOMEROOM_PATHS: Final[Sequence[Path]] = (
    ("STT",),
    ("Mã định danh",),
    ("Họ và tên",),
    ("Ngày sinh",),
    ("Kết quả rèn luyện", "Học kì I"),
    ("Kết quả rèn luyện", "Học kì II"),
    ("Số buổi nghỉ", "Có phép"),
    ("Số buổi nghỉ", "Không phép"),
    ("Nhận xét của giáo viên chủ nhiệm",),
    ("Rèn luyện sau hè",),
    ("Đánh giá lại\ntrong hè",),
)


def _mark_paths(term: int) -> list[Path]:
    regular: list[Path] = [("ĐĐGtx", str(slot)) for slot in range(1, _REGULAR_COLUMNS + 1)]
    identity: list[Path] = [("STT",), ("ID_HS",), ("Mã định danh",), ("Họ và tên",), ("Ngày sinh",)]
    return [*identity, *regular, ("ĐĐGgk",), ("ĐĐGck",), (f"ĐTBmhk{_ROMAN[term]}",), ("Nhận xét",)]


def _mark_row(
    sheet: SheetWriter, number: int, year: SecondaryTruth, code: str, term: int, rng: random.Random
) -> None:
    truth, pupil = year.terms[code, term], year.pupil
    regular = [*truth.regular, *([None] * (_REGULAR_COLUMNS - len(truth.regular)))]
    sheet.row(
        number,
        700_000 + int(pupil.student_code[-5:]),
        pupil.student_code,
        slipped_name(rng, pupil.full_name),
        slipped_date(rng, pupil.date_of_birth),
        *(slipped_mark(rng, mark) for mark in (*regular, truth.midterm, truth.final, truth.average)),
        truth.comment,
    )


def _reassessed(one: DemoClass, year: SecondaryTruth) -> str | None:
    """ "Toán: 5,5; Vật lí: 6" """
    written = (
        f"{subject_name(one.grade, code)}: {mark.replace('.', ',')}" for code, mark in year.reassessed.items()
    )
    return "; ".join(written) or None
