"""A message as people read it: field by field, beside what was sent before."""

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from backend.integrations.deliveries.schemas import Line
from backend.integrations.profiles import documents

#: More of one value nobody reads.
_LONGEST = 200
#: A number by which a person is known, as its page shows it: all but the last digits.
_PERSONAL = re.compile(r"^\d{9}(\d{3})$")


def compared(form: str, content: bytes, earlier: bytes | None) -> tuple[Line, ...]:
    """All fields of a message, each with what was sent for it before where that is something else.

    Of what cannot be read (it was encrypted, or is no document of that format) nothing is said.
    """
    now, before = _fields(form, content), _fields(form, earlier) if earlier else None
    now = now or {}
    return tuple(
        Line(
            field=field,
            value=now.get(field, ""),
            before=None
            if before is None or before.get(field, "") == now.get(field, "")
            else before.get(field, ""),
        )
        for field in dict.fromkeys(chain(now, before or ()))
    )


def _fields(form: str, content: bytes) -> dict[str, str] | None:
    try:
        return dict(_inside(documents.read(form, content), ""))
    except documents.Unreadable:
        return None


def _inside(found: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(found, dict):
        for name, value in found.items():
            yield from _inside(value, f"{place}/{name}")
    elif isinstance(found, list):
        for number, value in enumerate(found, 1):
            yield from _inside(value, f"{place}[{number}]")
    elif (packed := _unpacked(found)) is not None:
        yield from _inside(packed, place)
    else:
        text = "" if found is None else str(found)
        text = _PERSONAL.sub(r"•••••••••\1", text)
        yield place, text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _unpacked(found: Any) -> Any:
    """The document that a text holds in base64, if it does."""
    if not isinstance(found, str) or len(found) <= _LONGEST:
        return None
    try:
        return documents.read("xml", base64.b64decode(found, validate=True))
    except (binascii.Error, ValueError, documents.Unreadable):
        return None
