"""Why TT22/2021 says so: one Vietnamese explanation for a teacher, with its article, for every conclusion."""

from collections.abc import Iterator

from backend.records.assessment.rules.learning import FLOORS, SUBJECTS_NEEDED, Floor, Outcome
from backend.records.assessment.rules.marks import show_mark
from backend.records.assessment.rules.missing_words import list_missing
from backend.records.assessment.rules.subject_results import Assessed, Value
from backend.records.assessment.rules.year_facts import ABSENCES_ALLOWED, YearFacts, is_weak
from backend.records.assessment.schemas import LEVEL_NAMES, Level, Promotion, Reason, Title

#: Counted subjects with their results of one period.
Results = list[tuple[Assessed, Value | None]]

_POINTS = {Level.GOOD: "a", Level.FAIR: "b", Level.PASS: "c", Level.FAIL: "d"}
_FLOOR_OF = {floor.level: floor for floor in FLOORS}
#: The level above each, whose conditions explain why it was not reached.
_ABOVE = {Level.FAIL: FLOORS[2], Level.PASS: FLOORS[1], Level.FAIR: FLOORS[0]}
_COMPLETED = {
    9: "được công nhận hoàn thành chương trình trung học cơ sở",
    12: "được công nhận hoàn thành chương trình trung học phổ thông, đủ điều kiện dự thi tốt nghiệp",
}


def explain(facts: YearFacts, promotion: Promotion, title: Title | None) -> Iterator[Reason]:
    """All reasons, in the order in which a teacher checks a transcript."""
    yield from _subject_reasons(facts)
    yield from _learning_reasons("học kì I", facts.term1, [(one, one.term1) for one in facts.counted])
    yield from _learning_reasons("học kì II", facts.term2, [(one, one.term2) for one in facts.counted])
    yield from _learning_reasons("cả năm", facts.year, [(one, one.year) for one in facts.counted])
    if facts.was_reassessed:
        yield from _after_reasons(facts)
    yield from _conduct_reasons(facts)
    yield _promotion_reason(facts, promotion)
    if promotion is not Promotion.PENDING:
        yield from _title_reasons(facts, title)
    elif facts.year is not None and facts.conduct is not None:
        yield Reason(rule="TT22 Đ.15.1.a", text="Chưa xét danh hiệu vì còn thiếu dữ liệu của năm học.")


def _show(value: Value | None) -> str:
    if value is None:
        return "chưa có"
    return show_mark(value) if isinstance(value, int) else LEVEL_NAMES[value]


def _subject_reasons(facts: YearFacts) -> Iterator[Reason]:
    scored = [_subject_line(one) for one in facts.assessed if one.scored and one.year is not None]
    if scored:
        yield Reason(
            rule="TT22 Đ.9.1.b",
            text="Điểm trung bình môn học kì = (tổng điểm thường xuyên + 2 × giữa kì + 3 × cuối kì) : "
            "(số điểm thường xuyên + 5); cả năm = (học kì I + 2 × học kì II) : 3; "
            "làm tròn đến một chữ số thập phân. " + "; ".join(scored) + ".",
        )
    comments = [_subject_line(one) for one in facts.assessed if not one.scored and one.year is not None]
    if comments:
        yield Reason(
            rule="TT22 Đ.9.1.a",
            text="Môn đánh giá bằng nhận xét lấy kết quả học kì II làm kết quả cả năm. "
            + "; ".join(comments)
            + ".",
        )
    left_out = [one.name for one in facts.assessed if not one.counted]
    if left_out:
        yield Reason(
            rule="TT22 Đ.9.2",
            text="Không tính vào kết quả học tập (được miễn, hoặc theo kế hoạch của trường): "
            f"{', '.join(left_out)}.",
        )


def _subject_line(one: Assessed) -> str:
    return f"{one.name}: học kì I {_show(one.term1)}, học kì II {_show(one.term2)}, cả năm {_show(one.year)}"


def _learning_reasons(period: str, outcome: Outcome | None, values: Results) -> Iterator[Reason]:
    if outcome is None:
        yield Reason(rule="TT22 Đ.9.2", text=f"Chưa xác định kết quả học tập {period} vì còn thiếu dữ liệu.")
        return
    yield Reason(
        rule=f"TT22 Đ.9.2.{_POINTS[outcome.base]}",
        text=f"Kết quả học tập {period}: {LEVEL_NAMES[outcome.base]}" + _because(outcome.base, values),
    )
    if outcome.adjusted_by and outcome.without:
        one, value = next((one, value) for one, value in values if one.code == outcome.adjusted_by)
        yield Reason(
            rule="TT22 Đ.9.3",
            text=f"Kết quả học tập {period} bị thấp xuống từ hai mức trở lên chỉ do môn "
            f"{one.name} ({_show(value)}): không kể môn này là mức {LEVEL_NAMES[outcome.without]}. "
            f"Vì vậy được điều chỉnh từ {LEVEL_NAMES[outcome.base]} "
            f"lên mức liền kề: {LEVEL_NAMES[outcome.level]}.",
        )


def _because(base: Level, values: Results) -> str:
    met = f", vì {_met(_FLOOR_OF[base], values)}." if base is not Level.FAIL else "."
    above = _ABOVE.get(base)
    return met + (f" Chưa được mức {LEVEL_NAMES[above.level]} vì {_unmet(above, values)}." if above else "")


def _met(floor: Floor, values: Results) -> str:
    comments = "các môn nhận xét đều Đạt" if not floor.failed_allowed else "không quá 1 môn nhận xét Chưa đạt"
    return (
        f"{comments}, các môn có điểm đều từ {show_mark(floor.every)} trở lên và có "
        f"{_reaching(floor.six, values)} môn từ {show_mark(floor.six)} trở lên "
        f"(cần ít nhất {SUBJECTS_NEEDED} môn)"
    )


def _unmet(floor: Floor, values: Results) -> str:
    parts = [
        f"{one.name} {_show(value)} (dưới {show_mark(floor.every)})"
        for one, value in values
        if isinstance(value, int) and value < floor.every
    ]
    failed = [f"{one.name} Chưa đạt" for one, value in values if value is Level.FAIL]
    parts += failed if len(failed) > floor.failed_allowed else []
    reaching = _reaching(floor.six, values)
    if reaching < SUBJECTS_NEEDED:
        parts.append(
            f"chỉ có {reaching} môn từ {show_mark(floor.six)} trở lên (cần ít nhất {SUBJECTS_NEEDED} môn)"
        )
    return "; ".join(parts)


def _reaching(mark: int, values: Results) -> int:
    return len([value for _, value in values if isinstance(value, int) and value >= mark])


def _after_reasons(facts: YearFacts) -> Iterator[Reason]:
    again = [one for one in facts.counted if one.reassessed]
    changes = "; ".join(f"{one.name}: {_show(one.year)} → {_show(one.final)}" for one in again)
    yield Reason(
        rule="TT22 Đ.14", text=f"Kết quả đánh giá lại thay cho kết quả cả năm khi xét lên lớp. {changes}."
    )
    doubtful = [one.name for one in again if one.year is not None and not is_weak(one.year)]
    if doubtful:
        yield Reason(
            rule="TT22 Đ.14",
            text=f"Môn {', '.join(doubtful)} không thuộc diện đánh giá lại (Chưa đạt hoặc dưới 5,0); "
            "nhà trường xin kiểm tra lại trước khi xác nhận.",
        )
    yield from _learning_reasons("sau đánh giá lại", facts.after, [(one, one.final) for one in facts.counted])


def _conduct_reasons(facts: YearFacts) -> Iterator[Reason]:
    if facts.conduct is None:
        yield Reason(
            rule="TT22 Đ.8.2.b", text="Chưa xác định kết quả rèn luyện cả năm vì còn thiếu mức của học kì."
        )
        if facts.conduct_summer:
            yield Reason(
                rule="TT22 Đ.13",
                text=f"Mức rèn luyện sau kì nghỉ hè ({LEVEL_NAMES[facts.conduct_summer]}) chưa được dùng vì chưa "
                "có kết quả rèn luyện cả năm.",
            )
        return
    term1, term2 = (LEVEL_NAMES[level] for level in facts.conduct_terms if level)
    yield Reason(
        rule="TT22 Đ.8.2.b",
        text=f"Kết quả rèn luyện cả năm: {LEVEL_NAMES[facts.conduct]} (học kì I {term1}, học kì II {term2}).",
    )
    if facts.conduct_after:
        yield Reason(
            rule="TT22 Đ.13",
            text=f"Sau rèn luyện trong kì nghỉ hè, kết quả rèn luyện được đánh giá lại là "
            f"{LEVEL_NAMES[facts.conduct_after]} và thay cho kết quả cả năm khi xét lên lớp.",
        )
    elif facts.conduct_summer:
        yield Reason(
            rule="TT22 Đ.13",
            text=f"Mức rèn luyện sau kì nghỉ hè ({LEVEL_NAMES[facts.conduct_summer]}) không được dùng: kết quả "
            f"rèn luyện cả năm là {LEVEL_NAMES[facts.conduct]}, không thuộc diện rèn luyện trong kì nghỉ hè.",
        )


def _promotion_reason(facts: YearFacts, promotion: Promotion) -> Reason:
    if promotion is Promotion.PENDING:
        return Reason(
            rule="TT22 Đ.12",
            text=f"Chưa xét lên lớp vì còn thiếu: {list_missing(facts.missing, facts.grade)}.",
        )
    if promotion is Promotion.PROMOTED:
        outcome = _COMPLETED.get(facts.grade, f"được lên lớp {facts.grade + 1}")
        return Reason(
            rule="TT22 Đ.12.1",
            text=f"Học sinh {outcome}: rèn luyện và học tập từ mức Đạt trở lên, nghỉ {facts.absences} buổi "
            f"(không quá {ABSENCES_ALLOWED} buổi).",
        )
    if promotion is Promotion.SUMMER_TRAINING:
        return Reason(
            rule="TT22 Đ.13",
            text="Kết quả rèn luyện cả năm Chưa đạt: học sinh rèn luyện trong kì nghỉ hè "
            "rồi được đánh giá lại.",
        )
    if promotion is Promotion.REASSESSMENT:
        names = ", ".join(one.name for one in facts.counted if one.code in facts.open_subjects)
        return Reason(
            rule="TT22 Đ.14",
            text="Kết quả học tập Chưa đạt, rèn luyện từ mức Đạt trở lên: học sinh được đánh giá lại "
            f"môn {names}.",
        )
    return Reason(rule="TT22 Đ.12", text=f"Học sinh không được lên lớp vì {_why_retained(facts)}.")


def _why_retained(facts: YearFacts) -> str:
    parts = []
    if facts.absences is not None and facts.absences > ABSENCES_ALLOWED:
        parts.append(f"nghỉ {facts.absences} buổi, quá {ABSENCES_ALLOWED} buổi (Đ.12.1.c)")
    if facts.is_lost:
        parts.append(
            "kết quả rèn luyện và kết quả học tập cả năm đều Chưa đạt "
            "nên không thuộc diện đánh giá lại (Đ.14)"
        )
    elif facts.conduct is Level.FAIL and facts.conduct_after in (None, Level.FAIL):
        parts.append(
            "kết quả rèn luyện Chưa đạt" + (" sau rèn luyện trong kì nghỉ hè" if facts.conduct_after else "")
        )
    elif facts.learning is Level.FAIL:
        again = " sau đánh giá lại" if facts.was_reassessed else ""
        none = "" if facts.was_reassessed or parts else " và không có môn nào thuộc diện đánh giá lại"
        parts.append(f"kết quả học tập Chưa đạt{again}{none}")
    return "; ".join(parts)


def _title_reasons(facts: YearFacts, title: Title | None) -> Iterator[Reason]:
    if facts.year is None or facts.conduct is None:
        return
    rule, excellent = "TT22 Đ.15.1.a", facts.excellent_marks
    if title is Title.EXCELLENT:
        text = (
            "Danh hiệu Học sinh Xuất sắc: rèn luyện Tốt, học tập Tốt, "
            f"{excellent} môn từ 9,0 trở lên (cần ít nhất {SUBJECTS_NEEDED})."
        )
    elif title is Title.VERY_GOOD:
        text = (
            "Danh hiệu Học sinh Giỏi: rèn luyện Tốt, học tập Tốt; "
            f"chỉ có {excellent} môn từ 9,0 (Xuất sắc cần ít nhất {SUBJECTS_NEEDED})."
        )
    else:
        text = (
            "Không có danh hiệu: cần rèn luyện Tốt và học tập Tốt, học sinh đạt rèn luyện "
            f"{LEVEL_NAMES[facts.conduct]}, học tập {LEVEL_NAMES[facts.year.level]}."
        )
    yield Reason(rule=rule, text=text)
