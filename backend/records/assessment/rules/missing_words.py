"""Paths of missing data ("subjects.TOAN.term2.final") in words for a teacher ("Toán học kì II: …")."""

from collections.abc import Sequence

from backend.core.text import ROMAN, term_words
from backend.records.roster.curriculum import TRAIT_NAMES, subject_name

#: Longer lists are cut: a teacher sees the rest in the mark sheets.
SHOWN = 6

_FIELDS = {
    "regular": "đánh giá thường xuyên",
    "midterm": "đánh giá giữa kì",
    "final": "đánh giá cuối kì",
    "average": "điểm trung bình",
    "result": "kết quả",
    "level": "mức đạt được",
    "tests": "điểm bài kiểm tra cuối năm",
}
_TERMS = {f"term{term}": term_words(term) for term in ROMAN}
_WHOLE = {
    "absences": "số buổi nghỉ",
    "absences.excused": "số buổi nghỉ có phép",
    "absences.unexcused": "số buổi nghỉ không phép",
    "subjects": "kết quả các môn học",
    "electives": "đúng 4 môn lựa chọn của học sinh",
    "traits": "mức đạt được về phẩm chất, năng lực",
}


def list_missing(missing: Sequence[str], grade: int) -> str:
    """The missing items as one Vietnamese enumeration, without a full stop."""
    words = "; ".join(missing_words(path, grade) for path in missing[:SHOWN])
    rest = len(missing) - SHOWN
    return f"{words}; và {rest} mục khác" if rest > 0 else words


def missing_words(path: str, grade: int) -> str:
    """One missing item in Vietnamese."""
    if path in _WHOLE:
        return _WHOLE[path]
    area, code, *rest = path.split(".")
    if area == "conduct":
        return f"kết quả rèn luyện {_TERMS[code]}"
    name = f"{TRAIT_NAMES.get(code, code)}" if area == "traits" else subject_name(grade, code)
    if rest and rest[0] in _TERMS:
        return f"{name} {_TERMS[rest[0]]}: {_FIELDS[rest[1]]}"
    return f"{name}: {_FIELDS[rest[0]]}" if rest else name
