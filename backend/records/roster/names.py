"""Vietnamese order of names: given name first, then family and middle names, word by word as in a dictionary.

Computed here because PostgreSQL's own collations sort Đ, Ơ and tones in other ways, and every engine differently.
Keys of names consist of digits alone: every collation puts those in the same order.
"""

import re
import unicodedata

from backend.core.text import plain

_ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
#: Order of tones in Vietnamese dictionaries: none, grave, hook, tilde, acute, dot below.
_TONES = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}
_RANK = {letter: f"{position:02d}" for position, letter in enumerate(_ALPHABET, 1)}


def name_key(full_name: str) -> str:
    """Sort key of a person's name: plain string comparison gives the order of a Vietnamese class list."""
    words = full_name.split()
    ordered = [words[-1], *words[:-1]] if words else []
    return "".join(_word_key(word) for word in ordered)


def class_key(name: str) -> str:
    """Sort key of a class name: 2A before 10A1."""
    return re.sub(r"\d+", lambda number: number.group().zfill(3), name.upper())


def search_key(full_name: str, student_code: str, personal_id: str | None) -> str:
    """What a search for a pupil looks into: words without diacritics, the code, the end of the personal number.

    Each begins after a space, so that `% dan%` finds "Đặng" and not "Vân Đan…" in the middle of a word.
    """
    words = [*plain(full_name).split(), plain(student_code)]
    return "".join(f" {word}" for word in [*words, *([personal_id[-4:]] if personal_id else [])])


def _word_key(word: str) -> str:
    """Letters by rank, then the end of the word, then its tone wherever it is written (hoà, hòa)."""
    pairs = [_split_tone(char) for char in unicodedata.normalize("NFC", word.lower())]
    letters = "".join(_RANK.get(base) or f"99{ord(base[:1] or ' '):07d}" for base, _ in pairs)
    return f"{letters}00{max((tone for _, tone in pairs), default='0')}"


def _split_tone(char: str) -> tuple[str, str]:
    marks = unicodedata.normalize("NFD", char)
    tone = next((_TONES[mark] for mark in marks if mark in _TONES), "0")
    base = unicodedata.normalize("NFC", "".join(mark for mark in marks if mark not in _TONES))
    return base, tone
