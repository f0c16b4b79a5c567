"""Why TT27/2020 says so: one Vietnamese explanation for a teacher, with its article, for every conclusion."""

from collections.abc import Iterator

from backend.records.assessment.rules.missing_words import list_missing, missing_words
from backend.records.assessment.rules.year_level_27 import LAST_GRADE, PrimaryFacts, Supplemented
from backend.records.assessment.schemas import (
    SUBJECT_LEVEL_NAMES,
    TRAIT_LEVEL_NAMES,
    YEAR_LEVEL_NAMES,
    PrincipalDecision,
    Reason,
    Recognition,
    SubjectLevel,
    Title,
    TraitLevel,
    YearLevel,
)
from backend.records.roster.curriculum import TRAIT_NAMES, subject_name

#: What each level asks for, in the words of Đ.9.2.a.
_ASKS = {
    YearLevel.EXCELLENT: "mọi môn học, hoạt động giáo dục Hoàn thành tốt, mọi phẩm chất, năng lực Tốt, "
    "các bài kiểm tra cuối năm từ 9 điểm trở lên",
    YearLevel.GOOD: "mọi môn học, hoạt động giáo dục Hoàn thành tốt, mọi phẩm chất, năng lực Tốt, "
    "các bài kiểm tra cuối năm từ 7 điểm trở lên",
    YearLevel.COMPLETED: "mọi môn học, hoạt động giáo dục từ Hoàn thành trở lên, mọi phẩm chất, năng lực "
    "từ Đạt trở lên, các bài kiểm tra cuối năm từ 5 điểm trở lên",
}
#: level → the next one up, its lowest mark, and whether it wants everything at the best level
_ABOVE = {
    YearLevel.GOOD: (YearLevel.EXCELLENT, 9, True),
    YearLevel.COMPLETED: (YearLevel.GOOD, 7, True),
    YearLevel.NOT_COMPLETED: (YearLevel.COMPLETED, 5, False),
}


def explain(
    facts: PrimaryFacts, level: YearLevel | None, title: Title | None, later: Supplemented
) -> Iterator[Reason]:
    """All reasons, in the order in which a teacher checks a transcript."""
    zeros = [subject_name(facts.grade, code) for code, mark in facts.tests.items() if mark == 0]
    if zeros:
        yield Reason(
            rule="TT27 Đ.7.1.b",
            text=f"Bài kiểm tra cuối năm môn {', '.join(zeros)} có điểm 0; xin kiểm tra lại trước khi "
            "xác nhận.",
        )
    if level is None:
        yield Reason(
            rule="TT27 Đ.9.2.a",
            text="Chưa xếp mức đánh giá kết quả giáo dục vì còn thiếu: "
            f"{list_missing(facts.missing, facts.grade)}.",
        )
        return
    yield Reason(rule="TT27 Đ.9.2.a", text=_level_text(facts, level))
    yield _promotion_reason(facts.grade, level)
    yield from _supplement_reasons(facts, later)
    yield Reason(rule="TT27 Đ.13.1.a", text=_title_text(facts.recognition, level, title))


def _level_text(facts: PrimaryFacts, level: YearLevel) -> str:
    text = f"Mức đánh giá kết quả giáo dục: {YEAR_LEVEL_NAMES[level]}"
    if level in _ASKS:
        text += f", vì {_ASKS[level]}"
    if level not in _ABOVE:
        return text + "."
    above, lowest, best_only = _ABOVE[level]
    return f"{text}. Chưa được mức {YEAR_LEVEL_NAMES[above]} vì {_unmet(facts, lowest, best_only)}."


def _unmet(facts: PrimaryFacts, lowest: int, best_only: bool) -> str:
    subjects = (
        [SubjectLevel.COMPLETED_WELL] if best_only else [SubjectLevel.COMPLETED_WELL, SubjectLevel.COMPLETED]
    )
    traits = [TraitLevel.GOOD] if best_only else [TraitLevel.GOOD, TraitLevel.ACHIEVED]
    parts = [
        f"{subject_name(facts.grade, code)} ở mức {SUBJECT_LEVEL_NAMES[level]}"
        for code, level in facts.subjects.items()
        if level not in subjects
    ]
    parts += [
        f"{TRAIT_NAMES.get(code, code)} ở mức {TRAIT_LEVEL_NAMES[level]}"
        for code, level in facts.traits.items()
        if level not in traits
    ]
    parts += [
        f"bài kiểm tra {subject_name(facts.grade, code)} {mark} điểm (dưới {lowest})"
        for code, mark in facts.tests.items()
        if mark < lowest
    ]
    return "; ".join(parts)


def _supplement_reasons(facts: PrimaryFacts, later: Supplemented) -> Iterator[Reason]:
    """What came of additional assessment, and of the principal's decision after it."""
    if later.changed:
        done = "; ".join(
            f"{missing_words(path, facts.grade)} {_supplement_word(path, value)}"
            for path, value in later.changed.items()
        )
        left = [path for path in later.items if path not in later.changed]
        waiting = f" Còn chờ đánh giá bổ sung: {list_missing(left, facts.grade)}." if left else ""
        yield Reason(rule="TT27 Đ.11.1.b", text=f"Sau hướng dẫn, giúp đỡ, đánh giá bổ sung: {done}.{waiting}")
    if later.level is None:
        return
    completed = later.level is not YearLevel.NOT_COMPLETED
    yield Reason(
        rule="TT27 Đ.11.1.b",
        text=f"Sau đánh giá bổ sung đạt mức {YEAR_LEVEL_NAMES[later.level]}: "
        + (_completion(facts.grade) if completed else "vẫn chưa xác nhận hoàn thành chương trình lớp học."),
    )
    if completed:
        return
    told = {
        PrincipalDecision.PROMOTED: "Hiệu trưởng quyết định cho học sinh lên lớp.",
        PrincipalDecision.RETAINED: "Hiệu trưởng quyết định học sinh ở lại lớp.",
        None: "Giáo viên lập danh sách báo cáo; hiệu trưởng quyết định việc lên lớp hoặc ở lại lớp.",
    }
    yield Reason(rule="TT27 Đ.11.1.c", text=told[later.decided])


def _supplement_word(path: str, value: SubjectLevel | TraitLevel | int) -> str:
    if isinstance(value, SubjectLevel):
        return f"ở mức {SUBJECT_LEVEL_NAMES[value]}"
    return f"ở mức {TRAIT_LEVEL_NAMES[value]}" if isinstance(value, TraitLevel) else f"{value} điểm"


def _completion(grade: int) -> str:
    if grade == LAST_GRADE:
        return f"hoàn thành chương trình lớp {grade}; hoàn thành chương trình tiểu học."
    return f"hoàn thành chương trình lớp {grade}; được lên lớp {grade + 1}."


def _promotion_reason(grade: int, level: YearLevel) -> Reason:
    if level is YearLevel.NOT_COMPLETED:
        return Reason(
            rule="TT27 Đ.11.1",
            text="Chưa xác nhận hoàn thành chương trình lớp học: giáo viên hướng dẫn, giúp đỡ và đánh "
            "giá bổ sung; "
            "nếu vẫn chưa hoàn thành thì hiệu trưởng quyết định việc lên lớp hoặc ở lại lớp.",
        )
    rule = "TT27 Đ.11.2" if grade == LAST_GRADE else "TT27 Đ.11.1"
    text = _completion(grade)
    return Reason(rule=rule, text=text[0].upper() + text[1:])


def _title_text(recognition: Recognition, level: YearLevel, title: Title | None) -> str:
    if title is Title.EXCELLENT:
        return "Danh hiệu Học sinh Xuất sắc: đạt mức Hoàn thành xuất sắc."
    if title is Title.EXEMPLARY:
        return (
            "Danh hiệu Học sinh Tiêu biểu hoàn thành tốt trong học tập và rèn luyện: đạt mức Hoàn thành tốt, "
            f"{_achievement(recognition)} và được tập thể lớp công nhận."
        )
    if level is YearLevel.GOOD:
        return (
            "Chưa có danh hiệu Học sinh Tiêu biểu: cần thành tích xuất sắc về ít nhất một môn học hoặc "
            "tiến bộ rõ rệt "
            "ít nhất một phẩm chất, năng lực, và được tập thể lớp công nhận."
        )
    return (
        f"Không có danh hiệu cuối năm ở mức {YEAR_LEVEL_NAMES[level]}; vẫn có thể được khen thưởng đột xuất."
    )


def _achievement(recognition: Recognition) -> str:
    if recognition.outstanding_subject:
        return "có thành tích xuất sắc về ít nhất một môn học"
    return "có tiến bộ rõ rệt ít nhất một phẩm chất, năng lực"
