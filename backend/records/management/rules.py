"""What is typed on the pages of running a school, and how its people are counted."""

from collections.abc import Collection, Sequence

from backend.core.actor import StaffId
from backend.core.errors import Invalid
from backend.records.departments.schemas import DepartmentView
from backend.records.management.schemas import Coverage, CoverageLine


def whole_number(typed: str, field: str) -> int:
    """A number as people type it. Raises Invalid that names the field."""
    digits = typed.strip().replace(".", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 6):
        raise Invalid(f"{field} phải là một số nguyên; xin nhập lại (đang nhập “{typed[:20]}”).")
    return int(digits)


def coverage(
    departments: Sequence[DepartmentView], staff: Collection[StaffId], having: Collection[StaffId]
) -> Coverage:
    """Who works here, by department, and who of them has a certificate; who is in none stands in a line of their own."""
    placed = {one for department in departments for one in department.members}
    groups = [(department.name, set(department.members)) for department in departments]
    groups.append(("Chưa thuộc tổ nào", set(staff) - placed))
    everybody, with_one = set(staff), set(having)
    lines = [
        CoverageLine(name=name, total=len(people & everybody), having=len(people & everybody & with_one))
        for name, people in groups
    ]
    return Coverage(
        lines=tuple(line for line in lines if line.total),
        total=CoverageLine(name="Toàn trường", total=len(everybody), having=len(everybody & with_one)),
    )
