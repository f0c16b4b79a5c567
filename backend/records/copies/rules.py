"""What a copy is called, and what has to be said before one is issued. No I/O."""

import re

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.records.copies.schemas import CopyKind, NewCopy

#: What stands on the print.
TITLES = {CopyKind.PRINT: "BẢN IN", CopyKind.COPY: "BẢN SAO", CopyKind.EXTRACT: "TRÍCH LỤC"}
#: A print says by itself what it is; under the others somebody signs and stamps on paper.
CONFIRMED = frozenset({CopyKind.COPY, CopyKind.EXTRACT})
_SYMBOLS = {CopyKind.PRINT: "BI-HB", CopyKind.COPY: "BS-HB", CopyKind.EXTRACT: "TL-HB"}
_MOST_LETTERS = 200
_NUMBER = re.compile(r"([0-9]{1,8})(?:/([0-9]{4})(?:/\S*)?)?")


def label(kind: CopyKind, number: int, year: int) -> str:
    """Number and symbol, as on a document of the school: "12/2026/BS-HB"."""
    return f"{number}/{year}/{_SYMBOLS[kind]}"


def numbered(typed: str) -> tuple[int, int | None] | None:
    """Number and year that somebody looks for, as printed or the beginning of it: "12", "12/2026", "12/2026/BS-HB"."""
    found = _NUMBER.fullmatch(typed.strip())
    return (int(found[1]), int(found[2]) if found[2] else None) if found else None


def read(kind: str, academic_year: str, recipient: str, purpose: str, person: str) -> NewCopy:
    """What was typed, as it goes into the register. Raises Invalid that names the field."""
    if kind not in set(CopyKind):
        raise Invalid("Hãy chọn loại bản cần cấp: bản in, bản sao hay trích lục một năm học.")
    chosen = CopyKind(kind)
    if chosen is CopyKind.EXTRACT and not academic_year:
        raise Invalid("Hãy chọn năm học cần trích lục.")
    return NewCopy(
        kind=chosen,
        academic_year=academic_year if chosen is CopyKind.EXTRACT else "",
        recipient=_said(recipient, "Cấp cho ai", person),
        purpose=_said(purpose, "Mục đích sử dụng", person),
    )


def _said(typed: str, field: str, person: str) -> str:
    text = check_text(typed, field=field, person=person, limit=_MOST_LETTERS)
    if not text:
        raise Invalid(f"Hãy ghi mục “{field}”; nội dung này được ghi vào sổ cấp bản sao.")
    return text
