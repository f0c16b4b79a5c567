"""Whether subject teachers sign: what holds on a day, and what was typed. No I/O."""

from collections.abc import Sequence
from datetime import date

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.records.signing_order.schemas import MAX_REASON, MIN_REASON, Decision
from backend.tenants.schools.schemas import SchoolLevel

#: Where a school has decided nothing: the form of TT22 has a place for each subject's teacher, that of TT27 has none.
DEFAULTS = {level: level is not SchoolLevel.PRIMARY for level in SchoolLevel}
SAYS = {True: "giáo viên bộ môn ký trước", False: "bỏ bước giáo viên bộ môn ký"}


def in_force(decisions: Sequence[Decision], level: SchoolLevel, day: date) -> Decision | None:
    """The decision that holds for a level on a day: of those that have begun the one that began last."""
    begun = [one for one in decisions if one.level is level and one.starts_on <= day]
    return max(begun, key=lambda one: (one.starts_on, one.set_at), default=None)


def teachers_sign(decisions: Sequence[Decision], level: SchoolLevel, day: date) -> bool:
    """Whether the subject teachers of a level sign what is frozen on a day."""
    found = in_force(decisions, level, day)
    return found.teachers_sign if found else DEFAULTS[level]


def checked_level(typed: str, levels: Sequence[SchoolLevel]) -> SchoolLevel:
    """A level of the school. Raises Invalid."""
    found = [level for level in levels if level.value == typed]
    if not found:
        raise Invalid("Mục “Cấp học”: hãy chọn một cấp học của trường.")
    return found[0]


def checked_choice(typed: str) -> bool:
    """Whether they sign. Raises Invalid."""
    if typed not in ("1", "0"):
        raise Invalid("Mục “Giáo viên bộ môn”: hãy chọn ký hoặc không ký.")
    return typed == "1"


def checked_start(day: date, today: date) -> date:
    """The first day of a decision. Raises Invalid for one that is over: what was frozen then stays as it was."""
    if day < today:
        raise Invalid(
            f"Mục “Áp dụng từ ngày” phải từ hôm nay ({today:%d/%m/%Y}): học bạ đã chốt giữ thứ tự ký của ngày chốt."
        )
    return day


def checked_reason(typed: str) -> str:
    """Why the school decides so. Raises Invalid."""
    reason = check_text(typed, field="Lý do", person="thứ tự ký", limit=MAX_REASON)
    if len(reason) < MIN_REASON:
        raise Invalid(
            f"Mục “Lý do” cần từ {MIN_REASON} đến {MAX_REASON} ký tự, ví dụ số quyết định của hiệu trưởng."
        )
    return reason
