"""What may stand in a phrase, and which phrases fit a sheet. No I/O."""

import re
from collections.abc import Iterable

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.records.phrases.schemas import MAX_PHRASE, NAME, NewPhrase, Phrase
from backend.records.phrases.starting import starting_phrases

#: What a comment may go with: T, H, C in primary; T, K, Đ, CĐ from grade 6.
LEVELS = ("T", "H", "C", "K", "Đ", "CĐ")
_NUMBER = re.compile(r"[0-9]{6}")


def checked(new: NewPhrase) -> NewPhrase:
    """A phrase as it is kept. Raises Invalid: a phrase is about nobody, and has no other placeholder than the name."""
    text = check_text(new.text, field="Câu mẫu", person="kho câu mẫu", limit=MAX_PHRASE)
    if not text:
        raise Invalid("Hãy ghi câu mẫu.")
    if {"{", "}"} & set(text.replace(NAME, "")):
        raise Invalid(
            f"Trong câu mẫu chỉ có {NAME} được thay bằng tên học sinh; hãy bỏ các dấu ngoặc nhọn khác."
        )
    if _NUMBER.search(text):
        raise Invalid(
            "Câu mẫu dùng cho mọi học sinh nên không ghi số định danh, số điện thoại hay mã học sinh."
        )
    if new.grade_level not in ("", *(str(grade) for grade in range(1, 13))):
        raise Invalid("Hãy chọn khối lớp trong danh sách.")
    if new.level not in ("", *LEVELS):
        raise Invalid("Hãy chọn mức đánh giá trong danh sách.")
    return NewPhrase(
        text=text,
        subject_code=new.subject_code.strip()[:20],
        grade_level=new.grade_level,
        level=new.level,
        shared=new.shared,
    )


def fitting(phrases: Iterable[Phrase], subject_code: str, grade_level: int) -> list[Phrase]:
    """Phrases for a subject in a grade: a person's own, then the school's, then those that come with the product."""
    kept = [
        one
        for one in phrases
        if one.subject_code in ("", subject_code) and one.grade_level in (0, grade_level)
    ]
    known = {one.text for one in kept}
    return sorted(kept, key=lambda one: one.shared) + [
        one for one in starting_phrases(grade_level) if one.text not in known
    ]
