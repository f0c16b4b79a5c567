"""What may stand in a cell. No I/O."""

import re
from collections.abc import Callable

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.records.gradebook.layout import COMMENTS, PRIMARY_LAST_GRADE, cells_of
from backend.records.gradebook.schemas import (
    ASSESSMENTS,
    EXCUSED,
    MAX_COMMENT,
    Cell,
    Entry,
    MarkKind,
    MarkState,
)
from backend.records.roster.curriculum import AssessedBy, GradeSubject, find_subject

#: Longest content of a cell that is no comment, and of the words about health: the form has half a line for them.
MAX_VALUE = 20
MAX_HEALTH = 200
MAX_ABSENCES = 400

#: Of a measure: its name, the unit, the least and the most that a pupil of a primary school has, an example.
MEASURES = {
    "height": ("chiều cao", "xăng-ti-mét", 60, 220, "128,5"),
    "weight": ("cân nặng", "ki-lô-gam", 8, 180, "27,5"),
}

_SCORE = re.compile(r"10(?:[.,]0)?|[0-9](?:[.,][0-9])?")
_MEASURE = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]))?")
_LIMITS = {MarkKind.HEALTH: MAX_HEALTH}
_CHOICES = {
    MarkKind.LEVEL: ("T", "H", "C"),
    MarkKind.TRAIT: ("T", "Đ", "C"),
    MarkKind.CONDUCT: ("T", "K", "Đ", "CĐ"),
}
#: How people write that somebody was excused, or stayed away without a reason; and that a mark was made up.
_EXCUSED = frozenset({"v", "vp"})
_MISSED = frozenset({"k", "0k", "cđk"})
_MADE_UP = "b"


def accept(text: str, cell: Cell, subject: GradeSubject | None, grade_level: int, place: str) -> str:
    """The value as it is stored ("7,5" → "7.5", "v" → "V", "k" → "0k"), or "" for an emptied cell.

    `place` names cell and person in the sentence of the Invalid that a bad value raises.
    """
    _refuse_foreign_cell(cell, subject, grade_level, place)
    limit = _LIMITS.get(cell.kind, MAX_COMMENT if cell.kind in COMMENTS else MAX_VALUE)
    value = check_text(text, field="Nội dung", person=place, limit=limit)
    if not value or cell.kind in COMMENTS:
        return value
    if cell.kind in _CHOICES:
        return _choice(value, _CHOICES[cell.kind], place)
    if cell.kind is MarkKind.TEST:
        return _assessed(value, _test, place, missed=None)
    if cell.kind is MarkKind.ABSENCE:
        return _whole(
            value, MAX_ABSENCES, f"{place}: số buổi nghỉ “{value}” phải là số nguyên từ 0 đến {MAX_ABSENCES}."
        )
    if cell.kind is MarkKind.MEASURE:
        return _measure(value, cell.slot, place)
    assessed = find_subject(grade_level, cell.slot) if cell.kind is MarkKind.REASSESSED else subject
    by_score = assessed is None or assessed.assessed_by is AssessedBy.SCORE
    read = _score if by_score else _pass
    if cell.kind not in ASSESSMENTS:
        return read(value, place)
    return _assessed(value, read, place, missed="0k" if by_score else "CĐk")


def settled(before: str, value: str, kind: MarkKind) -> str:
    """What an accepted value becomes in a cell that held `before`: a mark for somebody excused was made up, and a
    made-up mark that is corrected stays one."""
    entry = Entry.of(kind, value)
    if not entry.mark or entry.state is not MarkState.RECORDED:
        return value
    was = Entry.of(kind, before).state
    made_up = was in (MarkState.EXCUSED_PENDING_MAKEUP, MarkState.MADE_UP)
    return f"{value}{_MADE_UP}" if made_up else value


def _assessed(value: str, read: Callable[[str, str], str], place: str, *, missed: str | None) -> str:
    """A mark, or what is written in its place. `missed`: what is stored for who stayed away without a reason
    (TT22 Đ.7.4); None: TT27 knows no such thing."""
    written = value.lower()
    if written in _EXCUSED:
        return EXCUSED
    if written in _MISSED:
        if missed is None:
            raise Invalid(
                f"{place}: bài kiểm tra ở tiểu học không ghi “{value}”; học sinh vắng thì ghi V rồi kiểm tra bù."
            )
        return missed
    if written.endswith(_MADE_UP) and written != _MADE_UP:
        return f"{read(value[:-1].strip(), place)}{_MADE_UP}"
    return read(value, place)


def _test(value: str, place: str) -> str:
    return _whole(value, 10, f"{place}: điểm kiểm tra “{value}” phải là số nguyên từ 0 đến 10.")


def _refuse_foreign_cell(cell: Cell, subject: GradeSubject | None, grade_level: int, place: str) -> None:
    if subject is None and cell.kind is MarkKind.REASSESSED and grade_level > PRIMARY_LAST_GRADE:
        known = find_subject(grade_level, cell.slot) is not None
    else:
        known = cell in cells_of(subject, grade_level)
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


def _measure(value: str, slot: str, place: str) -> str:
    what, unit, least, most, example = MEASURES[slot]
    found = _MEASURE.fullmatch(value)
    tenths = int(found[1]) * 10 + int(found[2] or 0) if found else 0
    if not least * 10 <= tenths <= most * 10:
        raise Invalid(
            f"{place}: {what} “{value}” phải từ {least} đến {most}, tính bằng {unit}, có nhiều nhất một chữ số thập "
            f"phân, ví dụ {example}."
        )
    whole, tenth = divmod(tenths, 10)
    return f"{whole}.{tenth}" if tenth else str(whole)


def _pass(value: str, place: str) -> str:
    upper = value.upper()
    if upper not in ("Đ", "CĐ"):
        raise Invalid(f"{place}: môn này đánh giá bằng nhận xét, chỉ ghi Đ hoặc CĐ, không ghi “{value}”.")
    return upper
