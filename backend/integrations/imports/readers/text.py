"""Text as people type it, made comparable."""

import re
import unicodedata
from typing import Final

_INVISIBLE: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")
#: Both spellings are in use: "Địa lý / Địa lí", "Mỹ thuật / Mĩ thuật", "Học kỳ / Học kì".
_Y_WORDS: Final = {"ly": "li", "my": "mi", "ky": "ki", "sy": "si", "ty": "ti", "hy": "hi"}


def tidy(text: str) -> str:
    """NFC, whitespace (line breaks, no-break spaces) collapsed to one space, invisible characters removed."""
    composed = unicodedata.normalize("NFC", text.replace("_x000D_", " "))
    return " ".join(_INVISIBLE.sub("", composed).split())


def key_of(text: str) -> str:
    """The words of a text without accents, case and punctuation: "Điểm\\nKTĐK (*)" → "diem ktdk"."""
    decomposed = unicodedata.normalize("NFD", text.lower().replace("đ", "d").replace("&", " va "))
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    words = _NOT_A_WORD.sub(" ", plain).split()
    return " ".join(_Y_WORDS.get(word, word) for word in words)
