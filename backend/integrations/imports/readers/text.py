"""Text as people type it, made comparable."""

import re
import unicodedata
import uuid
from typing import Final

from backend.core.crypto import sha256_hex
from backend.core.text import plain

_INVISIBLE: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")
_TONES: Final = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
#: Look-alikes of đ that old encodings left behind.
_D_WITH_STROKE: Final = str.maketrans({"\u00f0": "đ", "\u0256": "đ"})
#: Both spellings are in use: "Địa lý / Địa lí", "Mỹ thuật / Mĩ thuật", "Học kỳ / Học kì".
_Y_WORDS: Final = {"ly": "li", "my": "mi", "ky": "ki", "sy": "si", "ty": "ti", "hy": "hi"}


def tidy(text: str) -> str:
    """NFC, whitespace (line breaks, no-break spaces) collapsed to one space, invisible characters removed."""
    composed = unicodedata.normalize("NFC", text.replace("_x000D_", " "))
    return " ".join(_INVISIBLE.sub("", composed).split())


def name_of(text: str) -> str:
    """A person's name made comparable: diacritics count; case, spaces and the place of a tone (hoà, hòa) do not."""
    words = unicodedata.normalize("NFD", tidy(text).lower().translate(_D_WITH_STROKE)).split()
    return " ".join(_TONES.sub("", word) + "".join(_TONES.findall(word)) for word in words)


def key_of(text: str) -> str:
    """The words of a text without accents, case and punctuation: "Điểm\\nKTĐK (*)" → "diem ktdk"."""
    words = _NOT_A_WORD.sub(" ", plain(text.replace("&", " va "))).split()
    return " ".join(_Y_WORDS.get(word, word) for word in words)


def line_mark(student_id: uuid.UUID, student_code: str, full_name: str) -> str:
    """What our own workbooks write beside a pupil: who it is, and a digest of the line, which tells whether names or
    codes were sorted apart from it since."""
    return f"{student_id}.{sha256_hex(f'{student_id}|{student_code}|{name_of(full_name)}'.encode())[:16]}"


def marked_pupil(mark: str, student_code: str, full_name: str) -> uuid.UUID | None:
    """The pupil of a line whose mark, code and name still belong together."""
    try:
        student_id = uuid.UUID(mark.partition(".")[0])
    except ValueError:
        return None
    return student_id if mark == line_mark(student_id, student_code, full_name) else None
