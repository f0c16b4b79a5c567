"""Primary workbooks of one grade: CSDL ngành's KetQuaHocTap, and our own companion with the comments."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import openpyxl

from backend.records.roster.curriculum import TRAITS, TraitGroup, subject_name, subjects_by_code
from infra.demo.marks import LATER_TRAITS, PrimaryTruth
from infra.demo.schools import ACADEMIC_YEAR, DemoSchool
from infra.demo.writing import Path, SheetWriter, Value, slipped_date, slipped_name

#: The two kinds of column: what stands above, and what a pupil has there.
Column = tuple[Path, Callable[[PrimaryTruth], Value]]
ByClass = Mapping[str, Sequence[PrimaryTruth]]

_SUBJECTS: Final = "Môn học và hoạt động giáo dục"
#: Header spellings of CSDL ngành where they differ from the programme's.
_CSDL_NAMES: Final = {
    "TV": "Tiếng việt",
    "NN1": "Ngoại ngữ",
    "TNXH": "Tự nhiên và xã hội",
    "TDTTS": "Tiếng dân tộc",
    "TH": "TH-CN\n(Tin học)",
    "CN": "TH-CN\n(Công nghệ)",
    "AN": "Nghệ thuật\n(Âm nhạc)",
    "MT": "Nghệ thuật\n(Mĩ thuật)",
}
#: Order of the known layout; grades 1 and 2 have a column for Tin học, which stays empty.
_ORDER: Final = (
    "TOAN", "TV", "DD", "TNXH", "LSDL", "KH", "NN1", "TDTTS", "TH", "CN", "AN", "MT", "HDTN", "GDTC",
)  # fmt: skip
_YEAR_LEVELS: Final = {
    "HTXS": "Hoàn thành xuất sắc",
    "HTT": "Hoàn thành tốt",
    "HT": "Hoàn thành",
    "CHT": "Chưa hoàn thành",
}
_TRAIT_PATHS: Final[dict[TraitGroup, Path]] = {
    TraitGroup.GENERAL: ("Năng lực", "Năng lực chung"),
    TraitGroup.SPECIFIC: ("Năng lực", "Năng lực đặc thù"),
    TraitGroup.QUALITY: ("Phẩm chất",),
}


def results(school: DemoSchool, grade: int, classes: ByClass, rng: random.Random) -> openpyxl.Workbook:
    """35 columns for grades 1 and 2, more for 3–5; title and three header rows again for each class."""
    book = openpyxl.Workbook(write_only=True)
    sheet = SheetWriter(book, "KetQuaHocTap")
    sheet.row(school.name)
    sheet.row(None, None, f"KẾT QUẢ HỌC TẬP VÀ RÈN LUYỆN - CUỐI NĂM HỌC {ACADEMIC_YEAR.replace('-', ' - ')}")
    sheet.row(None, None, f"Khối {grade}")
    columns = [*_subject_columns(grade), *_trait_columns(grade), *_verdict_columns(rng)]
    paths = [*_identity("Mã học sinh", "Họ tên", "Ngày sinh"), *(path for path, _ in columns), ("",)]
    for class_code, members in classes.items():
        sheet.row()
        sheet.row(None, f"Lớp: {class_code}")
        sheet.header(paths)
        for number, year in enumerate(members, 1):
            pupil = year.pupil
            name, born = slipped_name(rng, pupil.full_name), slipped_date(rng, pupil.date_of_birth)
            sheet.row(
                number, class_code, pupil.student_code, name, born, *(get(year) for _, get in columns), None
            )
    return book


def comments(school: DemoSchool, grade: int, classes: ByClass, rng: random.Random) -> openpyxl.Workbook:
    """Our own template: one sheet for each class, comments by subject, absences, first marks of retests."""
    book = openpyxl.Workbook(write_only=True)
    subjects = next(one.subjects for one in school.classes if one.grade == grade)
    columns = _comment_columns(grade, subjects)
    paths = [*_identity("Mã học sinh", "Họ và tên"), *(path for path, _ in columns)]
    for class_code, members in classes.items():
        sheet = SheetWriter(book, class_code)
        sheet.row(school.name)
        sheet.row(f"NHẬN XÉT CUỐI NĂM HỌC {ACADEMIC_YEAR.replace('-', ' - ')} - LỚP {class_code}")
        sheet.row()
        sheet.header(paths)
        for number, year in enumerate(members, 1):
            name = slipped_name(rng, year.pupil.full_name)
            sheet.row(number, class_code, year.pupil.student_code, name, *(get(year) for _, get in columns))
    return book


def _identity(*titles: str) -> list[Path]:
    return [("STT",), ("Mã lớp",), *((title,) for title in titles)]


def _subject_columns(grade: int) -> list[Column]:
    taught = subjects_by_code(grade)
    columns: list[Column] = []
    for code in _ORDER:
        if code not in taught and not (code == "TH" and grade <= 2):
            continue
        name = _CSDL_NAMES.get(code) or subject_name(grade, code)
        if code in taught and taught[code].year_end_test:
            columns.append(((_SUBJECTS, name, "Mức\nđạt được"), _level(code)))
            columns.append(((_SUBJECTS, name, "Điểm\nKTĐK"), _test(code)))
        else:
            columns.append(((_SUBJECTS, name), _level(code)))
    return columns


def _level(code: str) -> Callable[[PrimaryTruth], Value]:
    return lambda year: year.levels.get(code)


def _test(code: str) -> Callable[[PrimaryTruth], Value]:
    return lambda year: year.tests.get(code)


def _trait(code: str) -> Callable[[PrimaryTruth], Value]:
    return lambda year: year.traits.get(code)


def _trait_columns(grade: int) -> list[Column]:
    order = (TraitGroup.GENERAL, TraitGroup.SPECIFIC, TraitGroup.QUALITY)
    return [
        ((*_TRAIT_PATHS[group], trait.name), _trait(trait.code))
        for group in order
        for trait in TRAITS
        if trait.group is group and (grade >= 3 or trait.code not in LATER_TRAITS)
    ]


def _verdict_columns(rng: random.Random) -> list[Column]:
    def tick(year: PrimaryTruth) -> Value:
        return rng.choice("xxxX") if year.completed else None

    return [
        (("Hoàn thành chương trình\nlớp học",), tick),
        (("Lên lớp",), tick),
        (("Xếp loại",), lambda year: _YEAR_LEVELS[year.year_level]),
    ]


def _comment_columns(grade: int, subjects: Sequence[str]) -> list[Column]:
    by_subject: list[Column] = [
        (("Nhận xét môn học và hoạt động giáo dục", subject_name(grade, code)), _comment(code))
        for code in subjects
    ]
    return [
        *by_subject,
        (("Nhận xét", "Phẩm chất"), lambda year: year.qualities_comment),
        (("Nhận xét", "Năng lực chung"), lambda year: year.general_comment),
        (("Nhận xét", "Năng lực đặc thù"), lambda year: year.specific_comment),
        (("Số buổi nghỉ", "Có phép"), lambda year: year.absences_excused),
        (("Số buổi nghỉ", "Không phép"), lambda year: year.absences_unexcused),
        (("Chiều cao\n(cm)",), lambda year: float(year.height)),
        (("Cân nặng\n(kg)",), lambda year: float(year.weight)),
        (("Sức khỏe",), lambda year: year.health),
        (("Nhận xét của giáo viên chủ nhiệm",), lambda year: year.homeroom_comment),
        (("Điểm kiểm tra lần đầu\n(nếu kiểm tra lại)",), lambda year: _first_tests(grade, year)),
    ]


def _comment(code: str) -> Callable[[PrimaryTruth], Value]:
    return lambda year: year.comments.get(code)


def _first_tests(grade: int, year: PrimaryTruth) -> Value:
    written = (f"{subject_name(grade, code)}: {mark}" for code, mark in year.first_tests.items())
    return "; ".join(written) or None
