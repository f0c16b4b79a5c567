"""What a school may decide, and how that is told."""

from collections.abc import Iterable

from backend.core.errors import Invalid
from backend.tenants.permissions import ROLE_NAMES, Role
from backend.tenants.policies.schemas import LONGEST_IDLE, SHORTEST_IDLE, Policies


def checked(
    roles: Iterable[str], *, password_alone: bool, idle_minutes: str, trial_password: bool
) -> Policies:
    """Policies out of what was typed. Raises Invalid with what to mend."""
    typed = idle_minutes.strip()
    minutes = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0
    if not SHORTEST_IDLE <= minutes <= LONGEST_IDLE:
        raise Invalid(
            f"Số phút không thao tác phải từ {SHORTEST_IDLE} đến {LONGEST_IDLE}; xin sửa “{idle_minutes[:20]}”."
        )
    try:
        chosen = frozenset(Role(role) for role in roles)
    except ValueError:
        raise Invalid("Có vai trò không nằm trong danh sách; xin chọn lại.") from None
    return Policies(
        second_factor_roles=chosen,
        password_alone=password_alone,
        idle_minutes=minutes,
        trial_password=trial_password,
    )


def changes(old: Policies, new: Policies) -> tuple[str, ...]:
    """What becomes different, in sentences."""
    found = []
    if new.second_factor_roles != old.second_factor_roles:
        who = ", ".join(name for role, name in ROLE_NAMES.items() if role in new.second_factor_roles)
        found.append(f"Cần khóa truy cập hoặc ứng dụng tạo mã: {who or 'không vai trò nào'}.")
    if new.password_alone != old.password_alone:
        found.append(f"{'Cho' if new.password_alone else 'Không cho'} đăng nhập chỉ bằng mật khẩu.")
    if new.idle_minutes != old.idle_minutes:
        found.append(f"Phiên kết thúc sau {new.idle_minutes} phút không thao tác.")
    if new.trial_password != old.trial_password:
        found.append(f"{'Cho' if new.trial_password else 'Không cho'} xác minh bằng mật khẩu khi thử nghiệm.")
    return tuple(found)
