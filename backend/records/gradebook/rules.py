"""Which columns a sheet has and what may stand in a cell. No I/O."""

import re
import unicodedata

from backend.core.errors import Invalid
from backend.records.gradebook.schemas import Cell, Column, MarkKind
from backend.records.roster.curriculum import (
    AssessedBy,
    GradeSubject,
    TraitGroup,
    traits_of,
)
from backend.records.roster.schemas import HOMEROOM

PRIMARY_LAST_GRADE = 5
MAX_COMMENT = 1000
MAX_ABSENCES = 400
#: A test taken again is kept beside the first; the last attempt counts (TT27 Đ.7.1.b).
TEST_ATTEMPTS = 2

_SCORE = re.compile(r"10(?:[.,]0)?|\d(?:[.,]\d)?")
_TRAIT_GROUPS = {
    TraitGroup.QUALITY: "Nhận xét phẩm chất",
    TraitGroup.GENERAL: "Nhận xét năng lực chung",
    TraitGroup.SPECIFIC: "Nhận xét năng lực đặc thù",
}
_CHOICES = {
    MarkKind.LEVEL: ("T", "H", "C"),
    MarkKind.TRAIT: ("T", "Đ", "C"),
    MarkKind.CONDUCT: ("T", "K", "Đ", "CĐ"),
}


def columns(subject: GradeSubject | None, grade_level: int) -> tuple[Column, ...]:
    """The columns of a subject's sheet, or of the homeroom sheet when `subject` is None."""
    if subject is None:
        return _homeroom_columns(grade_level)
    if grade_level <= PRIMARY_LAST_GRADE:
        return _primary_columns(subject)
    regular = tuple(
        Column(cell=Cell(MarkKind.REGULAR, str(slot)), label=f"ĐĐGtx {slot}")
        for slot in range(1, subject.regular_marks + 1)
    )
    return (
        *regular,
        Column(cell=Cell(MarkKind.MIDTERM), label="ĐĐGgk"),
        Column(cell=Cell(MarkKind.FINAL), label="ĐĐGck"),
        Column(cell=Cell(MarkKind.COMMENT), label="Nhận xét", wide=True),
    )


def _primary_columns(subject: GradeSubject) -> tuple[Column, ...]:
    tests = tuple(
        Column(cell=Cell(MarkKind.TEST, str(attempt)), label="KTĐK" if attempt == 1 else "KT lại")
        for attempt in range(1, (TEST_ATTEMPTS if subject.year_end_test else 0) + 1)
    )
    return (
        Column(cell=Cell(MarkKind.LEVEL), label="Mức đạt được"),
        *tests,
        Column(cell=Cell(MarkKind.COMMENT), label="Nhận xét", wide=True),
    )


def _homeroom_columns(grade_level: int) -> tuple[Column, ...]:
    absences = (
        Column(cell=Cell(MarkKind.ABSENCE, "excused"), label="Nghỉ có phép"),
        Column(cell=Cell(MarkKind.ABSENCE, "unexcused"), label="Nghỉ không phép"),
    )
    comment = Column(cell=Cell(MarkKind.HOMEROOM_COMMENT), label="Nhận xét của GVCN", wide=True)
    if grade_level > PRIMARY_LAST_GRADE:
        terms = (("1", "Rèn luyện HKI"), ("2", "Rèn luyện HKII"), ("summer", "Rèn luyện sau hè"))
        conduct = tuple(Column(cell=Cell(MarkKind.CONDUCT, slot), label=label) for slot, label in terms)
        return (*conduct, *absences, comment)
    traits = tuple(
        Column(cell=Cell(MarkKind.TRAIT, trait.code), label=trait.name) for trait in traits_of(grade_level)
    )
    remarks = tuple(
        Column(cell=Cell(MarkKind.TRAIT_COMMENT, group.value), label=label, wide=True)
        for group, label in _TRAIT_GROUPS.items()
    )
    return (*traits, *remarks, *absences, comment)


def accept(text: str, cell: Cell, subject: GradeSubject | None, grade_level: int, place: str) -> str:
    """The value as it is stored ("7,5" → "7.5"), or "" for an emptied cell.

    `place` names cell and person in the sentence of the Invalid that a bad value raises.
    """
    value = " ".join(unicodedata.normalize("NFC", text).split())
    if not value:
        return ""
    _refuse_foreign_cell(cell, subject, grade_level, place)
    if cell.kind in _CHOICES:
        return _choice(value, _CHOICES[cell.kind], place)
    if cell.kind is MarkKind.TEST:
        return _whole(value, 10, f"{place}: điểm kiểm tra “{value}” phải là số nguyên từ 0 đến 10.")
    if cell.kind is MarkKind.ABSENCE:
        return _whole(
            value, MAX_ABSENCES, f"{place}: số buổi nghỉ “{value}” phải là số nguyên từ 0 đến {MAX_ABSENCES}."
        )
    if cell.kind in (MarkKind.COMMENT, MarkKind.HOMEROOM_COMMENT, MarkKind.TRAIT_COMMENT):
        return _comment(value, place)
    if cell.kind is MarkKind.REASSESSED or subject is None:
        return _score_or_level(value, place)
    return _score(value, place) if subject.assessed_by is AssessedBy.SCORE else _pass(value, place)


def _refuse_foreign_cell(cell: Cell, subject: GradeSubject | None, grade_level: int, place: str) -> None:
    if subject is None and cell.kind is MarkKind.REASSESSED and grade_level > PRIMARY_LAST_GRADE:
        return
    if all(column.cell != cell for column in columns(subject, grade_level)):
        raise Invalid(f"{place}: sổ này không có cột đó; hãy kiểm tra lại môn học và cột điểm.")


def _choice(value: str, allowed: tuple[str, ...], place: str) -> str:
    upper = value.upper()
    if upper not in allowed:
        raise Invalid(f"{place}: “{value}” không phải là một trong các mức {', '.join(allowed)}.")
    return upper


def _whole(value: str, highest: int, sentence: str) -> str:
    if not re.fullmatch(r"\d{1,3}", value) or int(value) > highest:
        raise Invalid(sentence)
    return str(int(value))


def _comment(value: str, place: str) -> str:
    if len(value) > MAX_COMMENT:
        raise Invalid(f"{place}: nhận xét dài {len(value)} ký tự; xin rút còn không quá {MAX_COMMENT} ký tự.")
    return value


def _score(value: str, place: str) -> str:
    if not _SCORE.fullmatch(value):
        raise Invalid(f"{place}: điểm “{value}” phải từ 0 đến 10 và có nhiều nhất một chữ số thập phân.")
    whole, _, tenth = value.replace(",", ".").partition(".")
    return f"{int(whole)}.{tenth}" if tenth not in ("", "0") else str(int(whole))


def _pass(value: str, place: str) -> str:
    upper = value.upper()
    if upper not in ("Đ", "CĐ"):
        raise Invalid(f"{place}: môn này đánh giá bằng nhận xét, chỉ ghi Đ hoặc CĐ, không ghi “{value}”.")
    return upper


def _score_or_level(value: str, place: str) -> str:
    return value.upper() if value.upper() in ("Đ", "CĐ") else _score(value, place)


def is_homeroom(subject_code: str) -> bool:
    """Whether a sheet is the homeroom teacher's own."""
    return subject_code == HOMEROOM
