"""The filter of the board of deliveries as people fill it in, and the address that keeps it. No I/O."""

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

import msgspec

from backend.core.errors import Invalid
from backend.integrations.deliveries.schemas import DeliveryState, Wanted

STATE, CLASS, GRADE = "trang_thai", "lop", "khoi"
CAUSE, AUTHORITY, SINCE, UNTIL, PAGE = "nguyen_nhan", "co_quan", "tu", "den", "trang"
#: No word of a filter is longer; nobody turns more pages.
_LONGEST, _MOST_PAGES = 200, 100_000


def wanted(form: Mapping[str, str]) -> Wanted:
    """What a filter asks for; an empty field asks for nothing. Raises Invalid, naming the field."""
    since, until = _day(form, SINCE, "Từ ngày"), _day(form, UNTIL, "Đến ngày")
    if since and until and since > until:
        raise Invalid("Mục “Từ ngày” đang sau mục “Đến ngày”; hãy đổi lại hai ngày.")
    return Wanted(
        state=_state(form.get(STATE, "")),
        class_name=_word(form, CLASS),
        grade=_grade(form.get(GRADE, "")),
        authority=_word(form, AUTHORITY),
        cause=_word(form, CAUSE),
        since=since,
        until=until,
    )


def address(asked: Wanted, state: DeliveryState | None) -> str:
    """The address of the same question about another state; it has room for a page at its end."""
    fields = {
        STATE: state or "",
        CLASS: asked.class_name,
        GRADE: str(asked.grade or ""),
        AUTHORITY: asked.authority,
        CAUSE: asked.cause,
        SINCE: str(asked.since or ""),
        UNTIL: str(asked.until or ""),
    }
    return f"/gui?{urlencode({name: value for name, value in fields.items() if value})}"


def is_narrowed(asked: Wanted) -> bool:
    """Whether anything but the state is asked for."""
    return msgspec.structs.replace(asked, state=None) != Wanted()


def page_of(form: Mapping[str, str]) -> int:
    """The number of the page, 1 where none is named."""
    text = form.get(PAGE, "")
    return min(int(text), _MOST_PAGES) if text.isascii() and text.isdigit() and 0 < len(text) < 7 else 1


def _state(text: str) -> DeliveryState | None:
    try:
        return DeliveryState(text) if text else None
    except ValueError:
        raise Invalid("Mục “Trạng thái” không có trong danh sách; hãy chọn lại.") from None


def _grade(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 3):
        raise Invalid("Mục “Khối” phải là một khối từ 1 đến 12; hãy chọn lại trong danh sách.")
    return int(text)


def _day(form: Mapping[str, str], name: str, label: str) -> date | None:
    text = form.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid(f"Mục “{label}” phải là một ngày có thật; hãy chọn lại ngày.") from None


def _word(form: Mapping[str, str], name: str) -> str:
    return form.get(name, "")[:_LONGEST]
