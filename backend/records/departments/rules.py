"""What a department may be. No I/O."""

from collections.abc import Iterable, Mapping

from backend.core.actor import StaffId
from backend.core.errors import Conflict, Invalid
from backend.core.text import check_text
from backend.records.departments.schemas import MAX_NAME, DepartmentView
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import ROLE_NAMES, Role

_TEACHING = frozenset({Role.HOMEROOM_TEACHER, Role.SUBJECT_TEACHER})


def checked_name(typed: str) -> str:
    """The name of a department, which begins with "Tổ" so that sentences may name it. Raises Invalid."""
    name = check_text(typed, field="Tên tổ", person="tổ chuyên môn", limit=MAX_NAME)
    if not name.startswith("Tổ "):
        raise Invalid(
            "Tên tổ chuyên môn bắt đầu bằng chữ “Tổ”, ví dụ “Tổ Khoa học tự nhiên”; hãy ghi lại tên."
        )
    return name


def same_name(one: str, other: str) -> bool:
    """Whether people read two names as one: "Tổ Toán" and "Tổ toán"."""
    return one.casefold() == other.casefold()


def as_seen(department: DepartmentView) -> str:
    """Name, head and members in one text, for a form to bring back: who saw another has not seen what is there now."""
    members = sorted(str(one) for one in department.members)
    return " ".join([department.name, str(department.head_id), *members])


def require_seen(department: DepartmentView, seen: str, names: Mapping[StaffId, str]) -> None:
    """Raises Conflict where somebody has changed the department since the form was shown (`as_seen`)."""
    if seen != as_seen(department):
        members = ", ".join(names[one] for one in department.members) or "chưa có ai"
        raise Conflict(
            f"{department.name} vừa được người khác đổi (tổ trưởng: {department.head or 'chưa chọn'}; thành viên: "
            f"{members}); hãy xem lại lựa chọn của bạn rồi lưu."
        )


def may_lead(staff: Staff) -> bool:
    """Whether somebody may be chosen as a head."""
    return Role.DEPARTMENT_HEAD in staff.roles


def may_belong(staff: Staff) -> bool:
    """Whether somebody may be chosen as a member: who teaches."""
    return bool(_TEACHING & staff.roles)


def require_head(staff: Staff | None) -> None:
    """Raises Invalid for a stranger and for somebody without the role."""
    if staff is None:
        raise Invalid("Người được chọn làm tổ trưởng không còn làm việc ở trường; hãy chọn người khác.")
    if not may_lead(staff):
        raise Invalid(
            f"{staff.full_name} chưa có vai trò {ROLE_NAMES[Role.DEPARTMENT_HEAD]}; "
            "hãy thêm vai trò này ở trang Nhân sự trước."
        )


def require_members(
    chosen: Iterable[StaffId], staff: Mapping[StaffId, Staff], elsewhere: Mapping[StaffId, str]
) -> None:
    """Raises Invalid for somebody who does not teach here, Conflict for a member of another department.

    `elsewhere`: person → name of the other department.
    """
    for one in chosen:
        if one not in staff or not may_belong(staff[one]):
            raise Invalid("Có người được chọn không còn dạy ở trường; hãy tải lại trang rồi chọn lại.")
        if one in elsewhere:
            raise Conflict(
                f"{staff[one].full_name} đang thuộc {elsewhere[one]}; hãy bỏ người này khỏi tổ đó trước."
            )
