"""Which columns a sheet has and what may stand in a cell. No I/O."""

import re
from functools import cache

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.records.gradebook.schemas import MAX_COMMENT, Cell, Column, MarkKind
from backend.records.roster.curriculum import (
    AssessedBy,
    GradeSubject,
    TraitGroup,
    find_subject,
    traits_of,
)
from backend.records.roster.schemas import HOMEROOM

PRIMARY_LAST_GRADE = 5
#: Longest content of a cell that is no comment.
MAX_VALUE = 20
MAX_ABSENCES = 400
#: A test taken again is kept beside the first; the last attempt counts (TT27 Đ.7.1.b).
TEST_ATTEMPTS = 2

_SCORE = re.compile(r"10(?:[.,]0)?|[0-9](?:[.,][0-9])?")
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


_KIND_NAMES = {
    MarkKind.REGULAR: "ĐĐGtx",
    MarkKind.MIDTERM: "ĐĐGgk",
    MarkKind.FINAL: "ĐĐGck",
    MarkKind.LEVEL: "Mức đạt được",
    MarkKind.TEST: "KTĐK",
    MarkKind.COMMENT: "Nhận xét",
    MarkKind.TRAIT: "Phẩm chất, năng lực",
    MarkKind.TRAIT_COMMENT: "Nhận xét phẩm chất, năng lực",
    MarkKind.CONDUCT: "Rèn luyện",
    MarkKind.ABSENCE: "Số buổi nghỉ",
    MarkKind.HOMEROOM_COMMENT: "Nhận xét của GVCN",
    MarkKind.REASSESSED: "Đánh giá lại",
}
_COMMENTS = frozenset({MarkKind.COMMENT, MarkKind.HOMEROOM_COMMENT, MarkKind.TRAIT_COMMENT})


@cache
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


@cache
def _cells(subject: GradeSubject | None, grade_level: int) -> frozenset[Cell]:
    return frozenset(column.cell for column in columns(subject, grade_level))


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
    _refuse_foreign_cell(cell, subject, grade_level, place)
    limit = MAX_COMMENT if cell.kind in _COMMENTS else MAX_VALUE
    value = check_text(text, field="Nội dung", person=place, limit=limit)
    if not value or cell.kind in _COMMENTS:
        return value
    if cell.kind in _CHOICES:
        return _choice(value, _CHOICES[cell.kind], place)
    if cell.kind is MarkKind.TEST:
        return _whole(value, 10, f"{place}: điểm kiểm tra “{value}” phải là số nguyên từ 0 đến 10.")
    if cell.kind is MarkKind.ABSENCE:
        return _whole(
            value, MAX_ABSENCES, f"{place}: số buổi nghỉ “{value}” phải là số nguyên từ 0 đến {MAX_ABSENCES}."
        )
    assessed = find_subject(grade_level, cell.slot) if cell.kind is MarkKind.REASSESSED else subject
    by_score = assessed is None or assessed.assessed_by is AssessedBy.SCORE
    return _score(value, place) if by_score else _pass(value, place)


def label(cell: Cell, subject: GradeSubject | None, grade_level: int) -> str:
    """What people call a column; a column that the sheet does not have is called by its kind."""
    found = (column.label for column in columns(subject, grade_level) if column.cell == cell)
    return next(found, _KIND_NAMES[cell.kind])


def _refuse_foreign_cell(cell: Cell, subject: GradeSubject | None, grade_level: int, place: str) -> None:
    if subject is None and cell.kind is MarkKind.REASSESSED and grade_level > PRIMARY_LAST_GRADE:
        known = find_subject(grade_level, cell.slot) is not None
    else:
        known = cell in _cells(subject, grade_level)
    if not known:
        raise Invalid(f"{place}: sổ này không có cột đó; hãy kiểm tra lại môn học và cột điểm.")


def _choice(value: str, allowed: tuple[str, ...], place: str) -> str:
    upper = value.upper()
    if upper not in allowed:
        raise Invalid(f"{place}: “{value}” không phải là một trong các mức {', '.join(allowed)}.")
    return upper


def _whole(value: str, highest: int, sentence: str) -> str:
    if not re.fullmatch(r"[0-9]{1,3}", value) or int(value) > highest:
        raise Invalid(sentence)
    return str(int(value))


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


def is_homeroom(subject_code: str) -> bool:
    """Whether a sheet is the homeroom teacher's own."""
    return subject_code == HOMEROOM
