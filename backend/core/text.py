"""The door for text that people will read on paper: NFC, nothing invisible, only letters and signs that print."""

import unicodedata
from datetime import date

from backend.core.errors import Invalid

#: Longest text of one field, in characters; a comment of the form holds about 300.
MAX_TEXT = 4000

#: Letters and signs that the forms print. Every one of them is in the packaged font (tests render them all).
PRINTABLE = frozenset(
    chr(code)
    for first, last in (
        (0x20, 0x7E),
        (0xA1, 0xAC),
        (0xAE, 0x24F),  # Latin with all letters of Vietnamese and of the minority languages (ƀ, č, ĕ, ñ, ŏ)
        (0x391, 0x3A1),
        (0x3A3, 0x3A9),
        (0x3B1, 0x3C9),
        (0x1E00, 0x1EFF),
        (0x2010, 0x2015),
        (0x2018, 0x201F),
        (0x2020, 0x2022),
        (0x2026, 0x2026),
        (0x2030, 0x2033),
        (0x2039, 0x203A),
        (0x2070, 0x2071),
        (0x2074, 0x208E),
        (0x20AB, 0x20AC),
        (0x2190, 0x2195),
        (0x2212, 0x2212),
        (0x2248, 0x2248),
        (0x2260, 0x2261),
        (0x2264, 0x2265),
    )
    for code in range(first, last + 1)
)
#: Marks that NFC leaves beside their letter in minority languages (ơ̆, ư̆); anything else is decoration.
MARKS = frozenset("\u0300\u0301\u0302\u0303\u0306\u0309\u030c\u0323\u0331")
_SPACES = frozenset("\t\n\r\v\f\x85\u00a0\u2028\u2029\u202f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}
#: Bidi controls, zero width, soft hyphen: a reader sees nothing of them, and they may hide something.
_INVISIBLE = frozenset("\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\ufeff") | {
    chr(c) for c in (*range(0x202A, 0x202F), *range(0x2060, 0x2070))
}
#: Look-alikes of Đ that old Vietnamese encodings left behind; Vietnamese has neither letter.
_FOLD = str.maketrans(
    {"\u00d0": "Đ", "\u0189": "Đ"} | dict.fromkeys(_INVISIBLE) | dict.fromkeys(_SPACES, " ")
)

#: The two terms of a school year as the Ministry's forms write them: HKI, HKII (TT22/2021, mẫu học bạ).
ROMAN = {1: "I", 2: "II"}

#: Last digits of a personal number that stay readable, enough to tell two people apart.
_SHOWN = 4
#: So much of a name stands in a sentence.
_NAME_SHOWN = 80


def check_text(value: str, *, field: str, person: str, limit: int = MAX_TEXT) -> str:
    """Text as it may enter a transcript: NFC, single spaces, nothing invisible, only what the form can print.

    Raises Invalid with one sentence that names the field, the person and the sign (or the length) refused.
    """
    words = unicodedata.normalize("NFC", value.translate(_FOLD)).split(" ")
    text = " ".join(word for word in words if word)
    if len(text) > limit:
        raise Invalid(
            f"Mục “{field}” của {shown_name(person)} dài {len(text)} ký tự, quá giới hạn {limit};"
            " hãy viết ngắn lại."
        )
    bad = _first_unprintable(text)
    if bad:
        raise Invalid(
            f"Mục “{field}” của {shown_name(person)} có ký tự không in được {_named(bad)};"
            " hãy xóa ký tự đó hoặc thay bằng chữ thông thường."
        )
    return text


def read_day(typed: str, field: str) -> date:
    """A day as a browser sends it (2026-05-31) or people write it (31/05/2026). Raises Invalid that names the field."""
    parts = typed.strip().replace("/", "-").split("-")
    if len(parts) == 3 and len(parts[2]) == 4:
        parts.reverse()
    try:
        year, month, day = (int(part) for part in parts)
        return date(year, month, day)
    except (ValueError, OverflowError):
        raise Invalid(f"Mục “{field}” chưa phải là một ngày có thật; xin chọn lại ngày.") from None


def _first_unprintable(text: str) -> str:
    if PRINTABLE.issuperset(text):
        return ""
    for index, char in enumerate(text):
        if char in MARKS:
            if index == 0 or not text[index - 1].isalpha():
                return char
        elif char not in PRINTABLE:
            return char
    return ""


def _named(char: str) -> str:
    code = f"U+{ord(char):04X}"
    return f"“{char}” ({code})" if char.isprintable() and not unicodedata.combining(char) else code


def plain(text: str) -> str:
    """Lower-case letters without diacritics, for search: "Đặng" → "dang"."""
    stripped = "".join(
        char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char)
    )
    return stripped.replace("đ", "d")


def term_words(term: int, *, capital: bool = False) -> str:
    """A term as people read it everywhere: "học kì I"; `capital` where it begins a line."""
    return f"{'Học' if capital else 'học'} kì {ROMAN[term]}"


def masked(value: str) -> str:
    """A number of a person as pages show it until somebody asks: "••••••••0123"."""
    return "•" * max(0, len(value) - _SHOWN) + value[-_SHOWN:]


def shown_name(person: str) -> str:
    """A name that is safe inside a sentence and fits into it, even when the name itself is what is wrong."""
    safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in person.translate(_FOLD))
    return (safe if len(safe) <= _NAME_SHOWN else safe[:_NAME_SHOWN] + "…") or "học sinh"
