"""What a line of a register may say. No I/O."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from backend.core.errors import Invalid
from backend.core.text import check_text, masked, shown_name
from backend.records.roster.schemas import Difference, DifferenceKind, NewStudent

#: Texts of the register that the học bạ prints, as people call them.
_TEXTS = {
    "full_name": "Họ và tên",
    "student_code": "Mã học sinh",
    "ethnicity": "Dân tộc",
    "nationality": "Quốc tịch",
    "birth_place": "Nơi sinh",
    "hometown": "Quê quán",
    "current_address": "Nơi ở hiện nay",
    "father_name": "Họ tên cha",
    "mother_name": "Họ tên mẹ",
    "guardian_name": "Họ tên người giám hộ",
}
_LABELS = _TEXTS | {
    "personal_id": "Số định danh cá nhân",
    "date_of_birth": "Ngày sinh",
    "gender": "Giới tính",
}
_GENDERS = {"male": "Nam", "female": "Nữ"}
#: Longest of these texts; the forms have one line for each.
_MAX_TEXT = 300


#: Months in which a school year begins, and in which it ends: wide around the dates that the Ministry sets each year in
#: its plan of the school year (quyết định khung kế hoạch thời gian năm học).
_FIRST_MONTHS, _LAST_MONTHS = range(7, 11), range(4, 9)


def year_name(starts_on: date, ends_on: date) -> str:
    """The name of the school year of these days, "2026-2027". Raises Invalid where they are no school year."""
    if ends_on.year != starts_on.year + 1:
        raise Invalid(
            f"Năm học bắt đầu {starts_on:%d/%m/%Y} phải kết thúc trong năm {starts_on.year + 1}; "
            "xin xem lại ngày kết thúc."
        )
    if starts_on.month not in _FIRST_MONTHS or ends_on.month not in _LAST_MONTHS:
        raise Invalid(
            "Năm học bắt đầu từ tháng 7 đến tháng 10 và kết thúc từ tháng 4 đến tháng 8; xin xem lại hai ngày."
        )
    return f"{starts_on.year}-{ends_on.year}"


def clean(student: NewStudent) -> NewStudent:
    """The pupil with clean texts. Raises Invalid where one cannot be printed or says nothing."""
    said = {name: getattr(student, name) for name in _TEXTS}
    texts = {
        name: check_text(value, field=_TEXTS[name], person=student.full_name, limit=_MAX_TEXT) or None
        for name, value in said.items()
        if value is not None
    }
    if not texts["full_name"] or texts["student_code"] != student.student_code:
        raise Invalid(
            f"Học sinh mã “{shown_name(student.student_code)}”: họ tên còn trống hoặc mã có ký tự ẩn; "
            "hãy gõ lại mã và họ tên."
        )
    return msgspec.structs.replace(student, **texts)


def differences(student: NewStudent, known: Any, said: Mapping[str, Any], place: str) -> list[Difference]:
    """What a line changes of a pupil: `known` is None for a new one, `place` is the class where they study now."""
    if known is None:
        place = f"lớp {student.class_name}"
        return [_difference(student, "Học sinh mới", "", place, DifferenceKind.NEW)]
    found = [
        _difference(student, _LABELS[name], _shown(name, getattr(known, name)), _shown(name, value))
        for name, value in said.items()
    ]
    target = "không còn học" if student.left else f"lớp {student.class_name}"
    here = f"lớp {place}" if place else ""
    return (
        found if here == target else [*found, _difference(student, "Lớp", here, target, DifferenceKind.MOVED)]
    )


def written(value: Any) -> str | None:
    """A field of a pupil as text, to be compared later and read back by `read`."""
    return value.isoformat() if isinstance(value, date) else value


def read(name: str, text: str | None) -> Any:
    """What `written` made of a field."""
    return date.fromisoformat(text) if name == "date_of_birth" and text else text


def label(name: str) -> str:
    """What people call a field of a pupil."""
    return _LABELS[name]


def _difference(
    student: NewStudent, place: str, old: str, new: str, kind: DifferenceKind = DifferenceKind.CHANGED
) -> Difference:
    return Difference(pupil=student.full_name, place=place, old=old, new=new, kind=kind)


def first_of_each_kind(differences: Sequence[Difference], most: int) -> tuple[Difference, ...]:
    """As many of each kind as are shown, those that move or change a pupil before the new ones."""
    order = (DifferenceKind.MOVED, DifferenceKind.CHANGED, DifferenceKind.NEW)
    return tuple(one for kind in order for one in [each for each in differences if each.kind is kind][:most])


def _shown(name: str, value: Any) -> str:
    if name == "personal_id":
        return masked(value or "")
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return _GENDERS.get(value, value) or ""
