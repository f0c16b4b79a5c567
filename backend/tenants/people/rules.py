"""Who may be taken in, in which roles, and who may change that."""

import re
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from backend.core.actor import Actor
from backend.core.errors import Conflict, Forbidden, Invalid
from backend.core.text import check_text
from backend.tenants.people.schemas import Newcomer, Staff, role_label
from backend.tenants.permissions import AFTER_CLOSING, Role, grantable_by
from backend.tenants.subscriptions.schemas import Seats

MAX_NAME = 80
MAX_TITLE = 120
_ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}")


def checked_name(name: str) -> str:
    """A name as it may stand on a document. Raises Invalid."""
    text = check_text(name, field="Họ và tên", person=name, limit=MAX_NAME)
    if not text:
        raise Invalid("Chưa có họ tên của nhân sự; xin điền họ tên.")
    return text


def checked_title(title: str, name: str) -> str:
    """A title as it may stand under a signature; may be empty. Raises Invalid."""
    return check_text(title, field="Chức danh", person=name, limit=MAX_TITLE)


def checked_address(email: str, name: str) -> str:
    """An address of mail in lower case. Raises Invalid."""
    address = email.strip().lower()
    if not _ADDRESS.fullmatch(address):
        raise Invalid(f"Địa chỉ thư của {name} chưa đúng ({email}); xin sửa lại.")
    return address


def checked_roles(roles: Iterable[Role | str], name: str) -> frozenset[Role]:
    """Roles that exist. Raises Invalid."""
    try:
        return frozenset(Role(role) for role in roles)
    except ValueError as error:
        raise Invalid(f"Vai trò của {name} không có trong danh sách ({error.args[0]}).") from None


def newcomer(name: str, email: str, title: str, roles: Iterable[Role | str]) -> Newcomer:
    """A person who may be taken in. Raises Invalid without a name, a usable address or a known role."""
    full_name = checked_name(name)
    return Newcomer(
        full_name=full_name,
        email=checked_address(email, full_name),
        title=checked_title(title, full_name),
        roles=checked_roles(roles, full_name),
    )


def require_some_role(roles: frozenset[Role], name: str) -> None:
    """Raises Invalid where nothing is chosen: such a person could sign in and see nothing."""
    if not roles:
        raise Invalid(f"Chưa chọn vai trò nào cho {name}; xin chọn ít nhất một vai trò.")


def require_grant(actor: Actor, name: str, *roles: frozenset[Role]) -> None:
    """Raises Forbidden when the actor may not give or take one of these sets of roles."""
    beyond = frozenset[Role]().union(*roles) - grantable_by(actor.roles)
    if beyond:
        raise Forbidden(
            f"Tài khoản của bạn không được cho hay thu vai trò {role_label(beyond)} ({name}); "
            "xin nhờ chủ trường hoặc hiệu trưởng làm việc này."
        )


def require_another_owner(staff: Staff, everybody: Sequence[Staff]) -> None:
    """Raises Conflict when nobody else of `everybody`, who work here, is an owner."""
    if not any(Role.OWNER in one.roles for one in everybody if one.id != staff.id):
        raise Conflict(
            f"{staff.full_name} là chủ trường cuối cùng nên chưa thể thôi vai trò này; "
            "hãy cho một người khác làm chủ trường trước."
        )


def require_stranger(known: Staff | None, newcomer: Newcomer) -> None:
    """Raises Conflict when `known` has the newcomer's address already."""
    if known is None:
        return
    if known.left_at is None:
        raise Conflict(
            f"Địa chỉ thư {newcomer.email} đã thuộc về {known.full_name} trong trường; xin dùng địa chỉ khác."
        )
    raise Conflict(
        f"{known.full_name} ({newcomer.email}) từng làm việc ở trường; hãy mở danh sách người đã thôi việc "
        "và chọn Nhận lại."
    )


def require_seat(seats: Seats, name: str) -> None:
    """Raises Conflict when the school has no seat left for the person."""
    if not seats.free:
        raise Conflict(
            f"Trường đã dùng hết {seats.total} chỗ nên chưa nhận thêm được {name}; "
            "chủ trường cần tăng số chỗ hoặc cho một người thôi làm việc, rồi làm lại."
        )


def after_closing(actor: Actor) -> Actor:
    """What is left of somebody at a school that is closed: who owns it takes the data away, a principal approves that."""
    return msgspec.structs.replace(actor, permissions=actor.permissions & AFTER_CLOSING)


def closing_in_words(school_name: str, closes_on: date) -> str:
    """What people of a closed school are told."""
    return (
        f"{school_name} đã đóng từ ngày {closes_on:%d/%m/%Y}; chỉ chủ trường còn vào được để tải dữ liệu, "
        "và hiệu trưởng để duyệt việc ấy. "
        "Học bạ đã phát hành vẫn tra cứu được bằng mã."
    )
