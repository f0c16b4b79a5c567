"""When a deputy signs in the principal's place."""

from collections.abc import Sequence
from datetime import date, timedelta

from backend.core.errors import Conflict, Invalid
from backend.core.text import check_text
from backend.tenants.delegations.schemas import ON_BEHALF, Delegation, HeadSigner
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Role

#: No decision delegates for longer than a school year and its preparation.
LONGEST = timedelta(days=400)


def checked_decision(number: str) -> str:
    """The number of the decision by which the deputy signs. Raises Invalid without one."""
    text = check_text(number, field="Số quyết định", person="trường", limit=60)
    if not text:
        raise Invalid("Chưa ghi số quyết định phân công ký thay; xin điền, ví dụ 15/QĐ-THHB.")
    return text


def require_period(starts_on: date, ends_on: date, today: date) -> None:
    """Raises Invalid for days that are in the wrong order, over, or too far apart."""
    if ends_on < starts_on:
        raise Invalid("Ngày kết thúc ký thay đứng trước ngày bắt đầu; xin chọn lại hai ngày.")
    if ends_on < today:
        raise Invalid(f"Thời gian ký thay đã qua (đến {ends_on:%d/%m/%Y}); xin chọn ngày từ hôm nay trở đi.")
    if ends_on - starts_on > LONGEST:
        raise Invalid(f"Một lần phân công ký thay không dài quá {LONGEST.days} ngày; xin chọn lại hai ngày.")


def require_deputy(staff: Staff) -> None:
    """Raises Conflict for somebody who has left or is no deputy principal."""
    if staff.left_at is not None:
        raise Conflict(f"{staff.full_name} đã thôi làm việc nên không ký thay được; xin chọn người khác.")
    if Role.DEPUTY_PRINCIPAL not in staff.roles:
        raise Conflict(
            f"{staff.full_name} không giữ vai trò Phó hiệu trưởng nên không ký thay được; hãy cho vai trò ấy trước."
        )


def require_free(starts_on: date, ends_on: date, others: Sequence[Delegation]) -> None:
    """Raises Conflict when another deputy signs on one of the days: there is one head signer a day."""
    for other in (one for one in others if one.in_office):
        if other.starts_on <= ends_on and starts_on <= other.last_day:
            raise Conflict(
                f"Từ {other.starts_on:%d/%m/%Y} đến {other.last_day:%d/%m/%Y} {other.name} đã được phân công ký thay; "
                "hãy chấm dứt lần ấy trước hoặc chọn ngày khác."
            )


def signers(day: date, delegations: Sequence[Delegation], principals: Sequence[Staff]) -> list[HeadSigner]:
    """Who signs as the head on that day (the deputy whose days they are, else the principal), then all others.

    A deputy who is not in office any more signs nothing new, and stays among the others: documents may name them.
    """
    deputies = [one for one in delegations if one.in_office and one.starts_on <= day <= one.last_day]
    others = [one for one in delegations if one not in deputies]
    heads = [HeadSigner(staff_id=one.id, name=one.full_name, title=one.title) for one in principals]
    return [*map(_deputy, deputies), *heads, *map(_deputy, others)] if deputies or heads else []


def _deputy(one: Delegation) -> HeadSigner:
    title = f"{ON_BEHALF}, {one.title}" if one.title else ON_BEHALF
    return HeadSigner(staff_id=one.staff_id, name=one.name, title=title)
