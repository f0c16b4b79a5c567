"""Our own companion of the primary results: comments, absences and the first marks of tests taken again."""

from collections.abc import Sequence
from typing import Final

from backend.integrations.imports.readers import catalogue, values
from backend.integrations.imports.readers.grid import Cell, Sheet
from backend.integrations.imports.readers.headers import CODE, NAME, Fields
from backend.integrations.imports.readers.reading import Collector, RowReader, read_sheets, taken
from backend.integrations.imports.readers.text import key_of
from backend.integrations.imports.schemas import PrimaryCommentRow, PrimaryCommentsFile

HOMEROOM_COLUMN: Final = "Nhận xét của giáo viên chủ nhiệm"
FIRST_TESTS_COLUMN: Final = "Điểm kiểm tra lần đầu (nếu kiểm tra lại)"
_REQUIRED: Final = (
    ("class_code", "Mã lớp"),
    (CODE, "Mã học sinh"),
    (NAME, "Họ tên"),
    ("homeroom_comment", HOMEROOM_COLUMN),
)


def _fields() -> Fields:
    fields: dict[str, tuple[str, ...]] = {
        "qualities_comment": ("nhan xet pham chat", "nhan xet pham chat chu yeu"),
        "general_competences_comment": ("nhan xet nang luc chung",),
        "specific_competences_comment": ("nhan xet nang luc dac thu",),
        "absences_excused": ("so buoi nghi co phep", "nghi co phep", "co phep"),
        "absences_unexcused": ("so buoi nghi khong phep", "nghi khong phep", "khong phep"),
        "height": ("chieu cao", "chieu cao cm"),
        "weight": ("can nang", "can nang kg"),
        "health": ("suc khoe", "tinh trang suc khoe"),
        "homeroom_comment": (key_of(HOMEROOM_COLUMN), "nhan xet cua gvcn", "nhan xet gvcn"),
        "award": ("khen thuong khac",),
        "first_tests": (key_of(FIRST_TESTS_COLUMN),),
    }
    for grade in range(1, 6):
        for code, keys in catalogue.spellings(grade).items():
            known = fields.get(f"comment:{code}", ())
            fields[f"comment:{code}"] = tuple(
                dict.fromkeys((*known, *(f"nhan xet {key}" for key in keys), *keys))
            )
    return fields


FIELDS: Final[Fields] = _fields()


def read(sheets: Sequence[Sheet]) -> PrimaryCommentsFile:
    """All comments of the workbook; never raises for what the cells hold."""
    collector = Collector[PrimaryCommentRow]()
    found = read_sheets(sheets, FIELDS, _REQUIRED, collector, lambda reader: _read_row(reader, collector))
    return PrimaryCommentsFile(
        school_name=found.school_name,
        academic_year=found.academic_year,
        sheets=found.sheets,
        problems=tuple(collector.problems),
        rows=tuple(collector.rows),
    )


def _read_row(reader: RowReader, collector: Collector[PrimaryCommentRow]) -> None:
    class_code = reader.class_code()
    grade = catalogue.grade_of(class_code)
    row = PrimaryCommentRow(
        sheet=reader.line.sheet,
        row=reader.line.row,
        class_code=class_code,
        student_code=reader.student_code(),
        full_name=reader.full_name(),
        student_id=reader.student_id(),
        comments=taken(reader, "comment", values.text),
        qualities_comment=reader.text("qualities_comment"),
        general_competences_comment=reader.text("general_competences_comment"),
        specific_competences_comment=reader.text("specific_competences_comment"),
        first_tests=reader.take("first_tests", lambda cell: _first_tests(cell, grade)) or {},
        absences_excused=reader.take("absences_excused", values.absences),
        absences_unexcused=reader.take("absences_unexcused", values.absences),
        height=reader.take("height", values.height),
        weight=reader.take("weight", values.weight),
        health=reader.text("health"),
        homeroom_comment=reader.text("homeroom_comment"),
        award=reader.text("award"),
    )
    collector.keep(reader, row.student_code, row)


def _first_tests(cell: Cell, grade: int | None) -> dict[str, int]:
    found = {}
    for name, written in named_values(cell):
        subject = catalogue.subject_named(key_of(name), grade) if grade else None
        if subject is None:
            raise values.BadValue(f"có môn “{name}” không thuộc chương trình của lớp; hãy ghi ví dụ Toán: 4")
        found[subject.code] = values.test_mark(written)
    return found


def named_values(cell: Cell) -> list[tuple[str, str]]:
    """ "Toán: 4; Khoa học: 3" → [("Toán", "4"), ("Khoa học", "3")]."""
    pairs = []
    for part in filter(None, (part.strip() for part in values.text(cell).split(";"))):
        name, colon, written = part.partition(":")
        if not colon or not written.strip():
            raise values.BadValue("không đúng dạng; hãy ghi tên môn, dấu hai chấm và kết quả, ví dụ Toán: 4")
        pairs.append((name.strip(), written.strip()))
    return pairs
