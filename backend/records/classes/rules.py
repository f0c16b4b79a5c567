"""What a class may be called, and which subjects it begins with. No I/O."""

import re
from collections.abc import Collection

from backend.core.errors import Conflict, Invalid
from backend.records.classes.schemas import NewClass
from backend.records.plans.schemas import Plan
from backend.records.roster.curriculum import ELECTIVES_CHOSEN, GradeSubject, Kind
from backend.records.roster.schemas import ClassSummary

#: Mã lớp of the Ministry's files is short (at most 6 signs), and begins with the grade.
_NAME = re.compile(r"([1-9]|1[0-2])[A-ZĐ][0-9A-ZĐ.]{0,4}")
_LONGEST = 6


def checked_name(typed: str, grade: int) -> str:
    """The name of a class of that grade. Raises Invalid."""
    name = typed.strip().upper()
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or not re.match(rf"{grade}[^0-9]", name):
        raise Invalid(
            f"Tên lớp gồm khối, chữ cái rồi số thứ tự, không quá {_LONGEST} ký tự, như {grade}A hoặc {grade}A1; "
            "xin ghi lại tên lớp."
        )
    return name


def new_class(name: str, plan: Plan, chosen: Collection[str]) -> NewClass:
    """A class with every compulsory subject of its grade, and those that were chosen. Raises Invalid.

    Grades 10–12 take four electives (TT13/2022).
    """
    subjects = [one for one in plan.subjects if one.taught and (_is_compulsory(one) or one.code in chosen)]
    electives = [one for one in subjects if one.kind is Kind.ELECTIVE]
    if plan.has_choices and len(electives) != ELECTIVES_CHOSEN:
        raise Invalid(
            f"Lớp {name}: chọn đúng {ELECTIVES_CHOSEN} môn lựa chọn (Thông tư 13/2022/TT-BGDĐT); "
            f"đang chọn {len(electives)} môn."
        )
    return NewClass(name=checked_name(name, plan.grade), grade_level=plan.grade, subjects=tuple(subjects))


def choosable(plan: Plan) -> list[GradeSubject]:
    """Subjects of a grade that a class may have or not."""
    return [one for one in plan.subjects if one.taught and not _is_compulsory(one)]


def require_empty(school_class: ClassSummary) -> None:
    """Raises Conflict for a class that cannot be closed."""
    if school_class.closed_on is not None:
        raise Conflict(f"Lớp {school_class.name} đã đóng ngày {school_class.closed_on:%d/%m/%Y}.")
    if school_class.students:
        raise Conflict(
            f"Lớp {school_class.name} còn {school_class.students} học sinh; hãy chuyển các em sang lớp khác trước."
        )


def _is_compulsory(subject: GradeSubject) -> bool:
    return subject.kind is Kind.COMPULSORY
