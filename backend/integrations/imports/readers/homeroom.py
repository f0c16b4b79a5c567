"""What a secondary homeroom teacher records: conduct (TT22/2021 Đ.8), absences, comment, the summer."""

from collections.abc import Sequence
from typing import Final

from backend.integrations.imports.readers import catalogue, values
from backend.integrations.imports.readers.grid import Cell, Sheet
from backend.integrations.imports.readers.headers import CODE, NAME, Fields
from backend.integrations.imports.readers.primary_comments import named_values
from backend.integrations.imports.readers.reading import Collector, RowReader, read_sheets
from backend.integrations.imports.readers.text import key_of
from backend.integrations.imports.schemas import HomeroomFile, HomeroomRow, Reassessment

FIELDS: Final[Fields] = {
    "conduct_term1": (
        "ket qua ren luyen hoc ki i",
        "ket qua ren luyen hki",
        "ren luyen hki",
        "ren luyen hk1",
    ),
    "conduct_term2": (
        "ket qua ren luyen hoc ki ii",
        "ket qua ren luyen hkii",
        "ren luyen hkii",
        "ren luyen hk2",
    ),
    "conduct_after_summer": ("ket qua ren luyen sau he", "ren luyen sau he", "ren luyen trong he"),
    "reassessments": ("danh gia lai trong he", "ket qua danh gia lai trong he"),
    "absences_excused": ("so buoi nghi co phep", "nghi co phep", "co phep"),
    "absences_unexcused": ("so buoi nghi khong phep", "nghi khong phep", "khong phep"),
    "homeroom_comment": ("nhan xet cua giao vien chu nhiem", "nhan xet cua gvcn", "nhan xet"),
    "certificate": ("chung chi",),
    "competition": ("ket qua cac cuoc thi", "cac cuoc thi"),
    "award": ("khen thuong khac",),
}
_REQUIRED: Final = (
    ("class_code", "Mã lớp"),
    (CODE, "Mã định danh"),
    (NAME, "Họ và tên"),
    ("conduct_term1", "Kết quả rèn luyện – Học kì I"),
    ("conduct_term2", "Kết quả rèn luyện – Học kì II"),
    ("homeroom_comment", "Nhận xét của giáo viên chủ nhiệm"),
)


def read(sheets: Sequence[Sheet]) -> HomeroomFile:
    """All rows of the workbook; never raises for what the cells hold."""
    collector = Collector[HomeroomRow]()
    found = read_sheets(sheets, FIELDS, _REQUIRED, collector, lambda reader: _read_row(reader, collector))
    return HomeroomFile(
        school_name=found.school_name,
        academic_year=found.academic_year,
        sheets=found.sheets,
        problems=tuple(collector.problems),
        rows=tuple(collector.rows),
    )


def _read_row(reader: RowReader, collector: Collector[HomeroomRow]) -> None:
    class_code = reader.class_code()
    grade = catalogue.grade_of(class_code)
    row = HomeroomRow(
        sheet=reader.line.sheet,
        row=reader.line.row,
        class_code=class_code,
        student_code=reader.student_code(),
        full_name=reader.full_name(),
        student_id=reader.student_id(),
        date_of_birth=reader.take("date_of_birth", values.birth_date),
        conduct_term1=reader.take("conduct_term1", values.conduct_level),
        conduct_term2=reader.take("conduct_term2", values.conduct_level),
        conduct_after_summer=reader.take("conduct_after_summer", values.conduct_level),
        reassessments=reader.take("reassessments", lambda cell: _reassessments(cell, grade)) or (),
        absences_excused=reader.take("absences_excused", values.absences),
        absences_unexcused=reader.take("absences_unexcused", values.absences),
        homeroom_comment=reader.text("homeroom_comment"),
        certificate=reader.text("certificate"),
        competition=reader.text("competition"),
        award=reader.text("award"),
    )
    collector.keep(reader, row.student_code, row)


def _reassessments(cell: Cell, grade: int | None) -> tuple[Reassessment, ...]:
    """ "Toán: 5,5; Giáo dục thể chất: Đ" (TT22/2021 Đ.14)."""
    found = []
    for name, written in named_values(cell):
        subject = catalogue.subject_named(key_of(name), grade) if grade else None
        if subject is None:
            raise values.BadValue(
                f"có môn “{name}” không thuộc chương trình của lớp; hãy ghi ví dụ Toán: 5,5"
            )
        if catalogue.by_comment(subject):
            found.append(Reassessment(subject_code=subject.code, level=values.comment_level(written)))
        else:
            found.append(Reassessment(subject_code=subject.code, score=values.score(written)))
    return tuple(found)
