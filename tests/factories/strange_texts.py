"""Texts that people paste, and what becomes of them at every door: stored so that they print, or refused in words."""

import unicodedata
from typing import NamedTuple


class Strange(NamedTuple):
    """`stored` is what the school keeps of `typed`; None where it is refused with `said`."""

    typed: str
    stored: str | None
    said: str = ""


STRANGE = {
    "emoji": Strange("Lò Thị 😀 Ngoan", None, "có ký tự không in được “😀”"),
    "CJK": Strange("Lò 王 Ngoan", None, "có ký tự không in được “王”"),
    "NUL": Strange("Lò Thị\x00Ngoan", None, "có ký tự không in được U+0000"),
    "private use": Strange("Lò \ue000 Ngoan", None, "có ký tự không in được U+E000"),
    "a pile of marks": Strange("Lò Thị Ngo\u0489an", None, "(U+0489)"),
    "10,000 letters": Strange("Ngoan " * 1700, None, "quá giới hạn"),
    "bidi controls": Strange("Lò \u202eThị\u202c Ngoan", "Lò Thị Ngoan"),
    "zero width": Strange("Lò\u200b Th\u2060ị\ufeff Ngo\u00adan", "Lò Thị Ngoan"),
    "other spaces": Strange(" Lò\u00a0Thị\u3000\tNgoan\n", "Lò Thị Ngoan"),
    "decomposed": Strange(unicodedata.normalize("NFD", "Lường Thị Ngọc Ễnh"), "Lường Thị Ngọc Ễnh"),
    "Đ of another alphabet": Strange("\u00d0inh Thị Ngoan", "Đinh Thị Ngoan"),
    "markup": Strange("<b>Lò</b> & #strong[Ngoan] $x$ `y`", "<b>Lò</b> & #strong[Ngoan] $x$ `y`"),
    "SQL": Strange("Lò'); drop table mark;--", "Lò'); drop table mark;--"),
    "letters of minority languages": Strange("Y Ƀlê Niê Kđăm H’ Ƀlŭn ơ̆", "Y Ƀlê Niê Kđăm H’ Ƀlŭn ơ̆"),
}
KEPT = {name: one for name, one in STRANGE.items() if one.stored is not None}
