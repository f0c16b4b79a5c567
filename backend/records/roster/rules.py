"""What a line of a register may say. No I/O."""

import msgspec

from backend.core.errors import Invalid
from backend.core.text import check_text, shown_name
from backend.records.roster.schemas import NewStudent

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
#: Longest of these texts; the forms have one line for each.
_MAX_TEXT = 300


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
