"""The filter of the audit as people fill it in."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import urlencode

from backend.core.errors import Invalid
from backend.tenants.audit_trail.schemas import MOST_PAGES, Question

PERSON, ACTION, SINCE, UNTIL, REFUSED, PAGE = "nguoi", "viec", "tu", "den", "tu-choi", "trang"


def question(form: Mapping[str, str], about: Sequence[uuid.UUID] = ()) -> Question:
    """What a filter asks; an empty field asks for nothing. Raises Invalid, naming the field."""
    since, until = _day(form, SINCE, "Từ ngày"), _day(form, UNTIL, "Đến ngày")
    if since and until and since > until:
        raise Invalid("Mục “Từ ngày” đang sau mục “Đến ngày”; hãy đổi lại hai ngày.")
    return Question(
        person=_person(form.get(PERSON, "")),
        action=form.get(ACTION, ""),
        since=since,
        until=until,
        refused=bool(form.get(REFUSED)),
        about=tuple(about),
        page=_page(form.get(PAGE, "")),
    )


def address(path: str, asked: Question) -> str:
    """The address of the same question, with «{page}» where the number of the page goes."""
    fields = {
        PERSON: str(asked.person or ""),
        ACTION: asked.action,
        SINCE: str(asked.since or ""),
        UNTIL: str(asked.until or ""),
        REFUSED: "1" if asked.refused else "",
    }
    query = urlencode({name: value for name, value in fields.items() if value})
    return f"{path}?{query}&{PAGE}={{page}}" if query else f"{path}?{PAGE}={{page}}"


def _day(form: Mapping[str, str], name: str, label: str) -> date | None:
    text = form.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid(f"Mục “{label}” phải là một ngày có thật; hãy chọn lại ngày.") from None


def _person(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        raise Invalid("Mục “Người” phải là một người của trường; hãy chọn lại trong danh sách.") from None


def _page(text: str) -> int:
    return min(int(text), MOST_PAGES) if text.isascii() and text.isdigit() and 0 < len(text) < 6 else 1
