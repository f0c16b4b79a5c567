"""What the title rows and the name of a sheet say: school, year, class, subject, term, point of the year."""

import re
from typing import Final, Literal, cast

import msgspec

from backend.integrations.imports.readers import catalogue
from backend.integrations.imports.readers.text import key_of
from backend.integrations.imports.schemas import Period, TermNumber

_CLASS: Final = re.compile(
    r"\blớp(?:\s+học)?\s*:?\s*((?:1[0-2]|[1-9])(?:[a-zđ]\w{0,4}|[./]\d{1,2}))\b", re.IGNORECASE
)
_BARE_CLASS: Final = re.compile(r"^((?:1[0-2]|[1-9])(?:[A-ZĐ]\d{0,2}|[./]\d{1,2}))\b")
_YEAR: Final = re.compile(r"\b(20\d\d)\s*[-–/]\s*(20\d\d)\b")
_TERM: Final = re.compile(r"\b(?:hoc ki|hk) ?(ii|i|2|1)\b")
_SUBJECT: Final = re.compile(
    r"\bmôn(?:\s+học)?\s*:\s*(.+?)(?:\s+[-–|;]\s+|\s*;|\s+lớp\b|\s+học k[ìỳ]\b|$)"
    # "BẢNG ĐIỂM MÔN TOÁN - LỚP 6A1", without a colon, is a title only together with its class.
    r"|\bđiểm\s+môn\s+(?!học\b)([^:]+?)\s+(?:[-–|;,]\s*)?lớp\b",
    re.IGNORECASE,
)
_SCHOOL: Final = re.compile(
    r"^(?:đơn vị\s*:\s*)?(trường\s+(?:tiểu học|thcs|thpt|th|mầm non|phổ thông|trung học).*)$", re.I
)
_PERIODS: Final[dict[str, Period]] = {
    "giua hoc ki 1": "MID_S1",
    "giua hoc ki i": "MID_S1",
    "cuoi hoc ki 1": "END_S1",
    "cuoi hoc ki i": "END_S1",
    "giua hoc ki 2": "MID_S2",
    "giua hoc ki ii": "MID_S2",
    "cuoi hoc ki 2": "YEAR_END",
    "cuoi hoc ki ii": "YEAR_END",
    "cuoi nam": "YEAR_END",
    "ca nam": "YEAR_END",
}


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Facts known at one row of a sheet; None where neither a title row nor the sheet name has said so."""

    school_name: str | None = None
    academic_year: str | None = None
    class_code: str | None = None
    subject_text: str | None = None
    term: TermNumber | None = None
    period: Period | None = None


def of_sheet_name(name: str) -> Context:
    """A sheet called "6A", "Toán" or "Ngữ văn HK2" already says something."""
    context = with_title(Context(), name)
    bare = _BARE_CLASS.match(name)
    if bare and not context.class_code:
        context = msgspec.structs.replace(context, class_code=bare[1].upper())
    subject = " ".join(_TERM.sub(" ", key_of(name)).split())
    known = catalogue.subject_anywhere(subject)
    return msgspec.structs.replace(context, subject_text=subject) if known else context


def with_title(context: Context, text: str) -> Context:
    """The context after one more title cell, such as "Môn: Toán - Lớp: 6A - Học kì I"."""
    found: dict[str, object] = {}
    if school := _SCHOOL.match(text):
        found["school_name"] = school[1]
    if (years := _YEAR.search(text)) and int(years[2]) == int(years[1]) + 1:
        found["academic_year"] = f"{years[1]}-{years[2]}"
    if class_ := _CLASS.search(text):
        found["class_code"] = class_[1].upper()
    if subject := _SUBJECT.search(text):
        found["subject_text"] = subject[1] or subject[2]
    words = key_of(text)
    if term := _TERM.search(words):
        found["term"] = _term(term[1])
    if period := _period(words):
        found["period"] = period
    return msgspec.structs.replace(context, **found) if found else context


def _term(numeral: str) -> TermNumber:
    return cast(Literal[1, 2], len(numeral) if "i" in numeral else int(numeral))


def _period(words: str) -> Period | None:
    padded = f" {words} "
    return next((period for phrase, period in _PERIODS.items() if f" {phrase} " in padded), None)
