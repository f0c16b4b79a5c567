"""Subject and trait names as templates spell them → codes of the national programme.

The only place of the readers that knows the programme's own list.
"""

import re
from functools import cache
from typing import Final

from backend.integrations.imports.readers.text import key_of
from backend.records.roster.curriculum import TRAITS, AssessedBy, GradeSubject, Kind, TraitGroup, subjects_of

GradeSubjects = tuple[GradeSubject, ...]

_GRADE: Final = re.compile(r"^(1[0-2]|[1-9])(?!\d)")
#: Spellings beside the programme's own name, as keys (see `text.key_of`). Codes are reused across grades, so
#: a spelling is only tried for subjects that the grade has.
_ALSO: Final[dict[str, tuple[str, ...]]] = {
    "NN1": ("ngoai ngu", "tieng anh", "ngoai ngu 1 tieng anh", "tieng anh nn1"),
    "TV": ("tieng viet",),
    "VAN": ("van",),
    "TDTTS": ("tieng dan toc",),
    "TNXH": ("tu nhien xa hoi", "tn va xh", "tnxh"),
    "LSDL": ("ls va dl", "su dia", "lich su va dia li"),
    "KHTN": ("khtn",),
    "KTPL": ("gdkt va pl", "gdktpl", "gd kinh te va phap luat"),
    "QPAN": ("gdqp an", "gdqp va an", "gdqpan", "gd quoc phong va an ninh"),
    "GDCD": ("gdcd",),
    "GDTC": ("gdtc", "the duc"),
    "GDDP": ("gddp", "giao duc dia phuong", "nd giao duc cua dia phuong"),
    "HDTN": ("hdtn",),
    "HDTNHN": ("hdtn hn", "hdtnhn", "hd trai nghiem huong nghiep"),
    "TH": ("th cn tin hoc", "tin hoc va cong nghe tin hoc"),
    "CN": ("th cn cong nghe", "tin hoc va cong nghe cong nghe"),
    "TIN": ("tin",),
    "AN": ("nghe thuat am nhac",),
    "MT": ("nghe thuat mi thuat",),
    "LICHSU": ("su",),
    "DIA": ("dia",),
    "LY": ("li",),
    "HOA": ("hoa",),
    "SINH": ("sinh",),
}
_TRAIT_GROUPS: Final = {
    TraitGroup.QUALITY: ("pham chat chu yeu", "pham chat", "pc"),
    TraitGroup.GENERAL: ("nang luc chung", "nl chung"),
    TraitGroup.SPECIFIC: ("nang luc dac thu", "nl dac thu"),
}


def grade_of(class_code: str) -> int | None:
    """The grade (1–12) that a class code such as "10A1" or "6/2" begins with."""
    found = _GRADE.match(class_code)
    return int(found[1]) if found else None


@cache
def spellings(grade: int) -> dict[str, tuple[str, ...]]:
    """Subject code → all header keys of its name in this grade."""
    return {
        subject.code: (key_of(subject.name), *_ALSO.get(subject.code, ())) for subject in subjects_of(grade)
    }


@cache
def subject_named(key: str, grade: int) -> GradeSubject | None:
    """The subject of a grade with this name; None where the grade has no such subject."""
    for subject in subjects_of(grade):
        if key in spellings(grade)[subject.code]:
            return subject
    return None


def by_comment(subject: GradeSubject) -> bool:
    """TT22/2021 Đ.5: assessed as Đạt or Chưa đạt, without marks."""
    return subject.assessed_by is AssessedBy.COMMENT


def find_subject(grade: int | None, code: str) -> GradeSubject | None:
    """The subject with this code in a grade; None where the grade is unknown or has no such subject."""
    return next((subject for subject in subjects_of(grade) if subject.code == code), None) if grade else None


@cache
def subject_anywhere(key: str) -> bool:
    """Whether any grade has a subject of this name."""
    return any(subject_named(key, grade) for grade in range(1, 13))


@cache
def compulsory(grade: int) -> GradeSubjects:
    """Subjects without which a results workbook of this grade is not complete."""
    return tuple(subject for subject in subjects_of(grade) if subject.kind is Kind.COMPULSORY)


@cache
def trait_keys() -> dict[str, tuple[str, ...]]:
    """Trait code → header keys. Three competences are named like a subject: those need their group's name."""
    subjects = {key_of(subject.name) for grade in range(1, 6) for subject in subjects_of(grade)}
    keys: dict[str, tuple[str, ...]] = {}
    for trait in TRAITS:
        name = key_of(trait.name)
        grouped = tuple(f"{group} {name}" for group in _TRAIT_GROUPS[trait.group])
        keys[trait.code] = grouped if name in subjects else (*grouped, name)
    return keys
