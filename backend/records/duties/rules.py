"""Duties out of the roster, and who may hold one."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta

from backend.core.actor import StaffId
from backend.core.errors import Conflict, Invalid
from backend.core.text import read_day
from backend.records.duties.schemas import Duty, Holder, Move
from backend.records.plans.schemas import Plan, Plans
from backend.records.roster.schemas import HOMEROOM, Assignment, ClassSummary, YearSummary
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Permission, permissions_of

_DAY = timedelta(days=1)
#: Duties are given out some weeks before a school year begins.
_BEFORE_YEAR = timedelta(days=92)
HOMEROOM_NAME = "Chủ nhiệm"
#: What a form sends for a duty that nobody holds.
NOBODY = ""


def duties(
    classes: Iterable[ClassSummary],
    assignments: Iterable[Assignment],
    working: Collection[StaffId],
    plans: Plans,
) -> list[Duty]:
    """Duties of these classes in their order: leading the class first, then subjects as the forms list them."""
    found = []
    for one in classes:
        plan = plans.of(one.academic_year_id, one.grade_level)
        order = {subject.code: place for place, subject in enumerate(plan.subjects)}
        own = sorted(
            (given for given in assignments if given.class_id == one.id),
            key=lambda given: (order.get(given.subject_code, len(order)), given.subject_code),
        )
        leading = (HOMEROOM, HOMEROOM_NAME, one.homeroom_teacher_id, one.homeroom_teacher)
        taught = (
            (
                given.subject_code,
                plan.name_of(given.subject_code),
                given.teacher_id,
                given.teacher,
            )
            for given in own
        )
        found += [
            Duty(
                class_id=one.id,
                class_name=one.name,
                code=code,
                name=name,
                teacher_id=teacher_id,
                teacher=teacher,
                has_left=teacher_id is not None and teacher_id not in working,
            )
            for code, name, teacher_id, teacher in (leading, *taught)
        ]
    return found


def name_of(plan: Plan, code: str) -> str:
    """What people call a duty in a class that follows the plan."""
    return HOMEROOM_NAME if code == HOMEROOM else plan.name_of(code)


def holders(duties: Sequence[Duty], staff: Iterable[Staff]) -> list[Holder]:
    """Everybody who could hold a duty, and whoever holds one without, in the order of `staff`."""
    return [
        holder
        for one in staff
        if (holder := holder_of(one, duties)).leads or holder.teaches or could_teach(one)
    ]


def holder_of(staff: Staff, duties: Iterable[Duty]) -> Holder:
    """One person with their duties."""
    own = [duty for duty in duties if duty.teacher_id == staff.id]
    return Holder(
        staff_id=staff.id,
        name=staff.full_name,
        leads=tuple(duty for duty in own if duty.is_homeroom),
        teaches=tuple(duty for duty in own if not duty.is_homeroom),
    )


def could_teach(staff: Staff) -> bool:
    """Whether the roles of a person let them keep a sheet."""
    return Permission.SHEET_WRITE in permissions_of(staff.roles)


def could_lead(staff: Staff) -> bool:
    """Whether the roles of a person let them confirm the results of a class."""
    return Permission.RESULTS_CONFIRM in permissions_of(staff.roles)


def require_able(staff: Staff, duty: Duty) -> None:
    """Raises Conflict for somebody who has left, or whose roles do not let them do what the duty asks."""
    if staff.left_at is not None:
        raise Conflict(
            f"{staff.full_name} đã thôi làm việc nên không nhận được “{duty.label}”; xin chọn người khác."
        )
    if not (could_lead(staff) if duty.is_homeroom else could_teach(staff)):
        role = "Giáo viên chủ nhiệm" if duty.is_homeroom else "Giáo viên bộ môn"
        raise Conflict(
            f"{staff.full_name} chưa có vai trò {role} nên chưa nhận được “{duty.label}”; "
            "hãy cho vai trò ấy ở mục Nhân sự trước."
        )


def moves(duties: Iterable[Duty], typed: Mapping[str, str]) -> list[Move]:
    """What a form changes: `moi.<key>` beside `cu.<key>`, whom its writer saw. Raises Invalid for ids that are none."""
    found = []
    for duty in duties:
        old, new = typed.get(f"cu.{duty.key}", NOBODY), typed.get(f"moi.{duty.key}")
        if new is not None and new != old:
            found.append(Move(duty=duty, old=chosen(old), new=chosen(new)))
    return found


def since(typed: str, today: date, year: YearSummary) -> date:
    """From which day a form gives duties on; today where it does not say. Raises Invalid.

    A day to come is refused: rights follow at once, and what nobody does on that day would not follow. Duties of a year
    that begins much later are given out from today on.
    """
    day = read_day(typed, "Từ ngày") if typed else today
    first = min(year.starts_on - _BEFORE_YEAR, today)
    if not first <= day <= today:
        raise Invalid(
            f"Ngày bắt đầu phân công của năm học {year.name} phải từ {first:%d/%m/%Y} đến hôm nay; "
            "việc của ngày tới xin phân công vào đúng ngày ấy vì thay đổi có hiệu lực ngay."
        )
    return day


def held_until(move: Move, day: date, before: date | None) -> tuple[date | None, date] | None:
    """First and last day of whoever gives a duty on; None where they held it for no day.

    `before` is the last day of whoever held it before them. Raises Conflict for a day on which it was theirs already.
    """
    starts_on, ends_on = (before + _DAY if before else None), day - _DAY
    if starts_on is not None and day < starts_on:
        raise Conflict(
            f"“{move.duty.label}” đã đổi người ngày {starts_on:%d/%m/%Y}; hãy chọn ngày ấy hoặc sau ngày ấy."
        )
    return None if starts_on is not None and ends_on < starts_on else (starts_on, ends_on)


def chosen(typed: str) -> StaffId | None:
    """Whom a form names. Raises Invalid."""
    try:
        return StaffId(uuid.UUID(typed)) if typed else None
    except ValueError:
        raise Invalid("Người được chọn không có trong danh sách; xin chọn lại.") from None
