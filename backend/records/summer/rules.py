"""What people decide after the results of a year, where the circulars leave it to them. No I/O."""

from collections.abc import Callable, Sequence

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.records.assessment.schemas import (
    LEVEL_NAMES,
    SUBJECT_LEVEL_NAMES,
    TRAIT_LEVEL_NAMES,
    Level,
    PrimaryResult,
    Promotion,
    PupilResult,
    SecondaryResult,
    YearLevel,
)
from backend.records.decisions.schemas import (
    MAX_REASON,
    MIN_REASON,
    Decision,
    DecisionKey,
    DecisionKind,
    Decisions,
)
from backend.records.roster.curriculum import TRAIT_NAMES, AssessedBy, find_subject, subject_name
from backend.records.summer.schemas import Item, NewWord

_CONDUCT = {level.value: name for level, name in LEVEL_NAMES.items()}
_PASS_WORDS = {level.value: LEVEL_NAMES[level] for level in (Level.PASS, Level.FAIL)}
_LEVELS = {level.value: name for level, name in SUBJECT_LEVEL_NAMES.items()}
_TRAITS = {level.value: name for level, name in TRAIT_LEVEL_NAMES.items()}
_PROMOTIONS = {"PROMOTED": "Cho lên lớp", "RETAINED": "Ở lại lớp"}
_YES = {"1": "Có"}
_RECOGNITION = {
    "outstanding_subject": ("Thành tích xuất sắc về ít nhất một môn học", "Môn học và thành tích"),
    "clear_progress": ("Tiến bộ rõ rệt ít nhất một phẩm chất, năng lực", "Phẩm chất, năng lực và biểu hiện"),
    "class_agrees": ("Được tập thể lớp công nhận", "Ngày họp lớp"),
}
_REASON = "Lý do hoặc ghi chú"


def due(pupil: PupilResult, decided: Decisions, supplement: Sequence[str]) -> list[Item]:
    """What is to be decided about a pupil now, and what was decided and could be taken back.

    `supplement`: what additional assessment is about (TT27 Đ.11.1.b), as paths.
    """
    said = {key for key, one in decided.items() if one.value}
    if isinstance(pupil.result, SecondaryResult):
        keys = [*_secondary(pupil, pupil.result)]
    else:
        keys = [*_primary(pupil.result, supplement)]
    if pupil.result.promotion is Promotion.NOT_ASSESSED:
        keys.append(DecisionKey(DecisionKind.PROMOTION))
    return [_item(key, pupil) for key in dict.fromkeys([*keys, *sorted(said)])]


def _secondary(pupil: PupilResult, result: SecondaryResult) -> list[DecisionKey]:
    keys = [DecisionKey(DecisionKind.REASSESSED, code) for code in result.reassess]
    if result.promotion is Promotion.SUMMER_TRAINING:
        keys.append(DecisionKey(DecisionKind.CONDUCT, "summer"))
    return keys


def _primary(result: PrimaryResult, supplement: Sequence[str]) -> list[DecisionKey]:
    keys = [_supplement_key(path) for path in supplement]
    if result.after_supplement is YearLevel.NOT_COMPLETED:
        keys.append(DecisionKey(DecisionKind.PROMOTION))
    if result.year_level is YearLevel.GOOD:
        keys += [DecisionKey(DecisionKind.RECOGNITION, slot) for slot in _RECOGNITION]
    return keys


def _supplement_key(path: str) -> DecisionKey:
    area, code, what, *_ = path.split(".")
    if area == "traits":
        return DecisionKey(DecisionKind.SUPPLEMENT_TRAIT, code)
    kind = DecisionKind.SUPPLEMENT_TEST if what == "tests" else DecisionKind.SUPPLEMENT_LEVEL
    return DecisionKey(kind, code)


def _item(key: DecisionKey, pupil: PupilResult) -> Item:
    """The item in words; what stood before it comes from the result."""
    return _WORDS[key.kind](key, pupil)


def _reassessed(key: DecisionKey, pupil: PupilResult) -> Item:
    grade = pupil.asked.grade
    subject = find_subject(grade, key.slot)
    by_comment = subject is not None and subject.assessed_by is AssessedBy.COMMENT
    results = pupil.result.subjects if isinstance(pupil.result, SecondaryResult) else {}
    year = results[key.slot].year if key.slot in results else None
    return Item(
        key=key,
        title=f"{subject_name(grade, key.slot)}: kết quả đánh giá lại",
        article="TT22 Đ.14",
        before=f"cả năm {_PASS_WORDS.get(year or '', (year or '—').replace('.', ','))}",
        options=_PASS_WORDS if by_comment else {},
        reason_label=_REASON,
        needs_reason=False,
    )


def _conduct(key: DecisionKey, pupil: PupilResult) -> Item:
    return Item(
        key=key,
        title="Rèn luyện sau kì nghỉ hè",
        article="TT22 Đ.13",
        before="cả năm Chưa đạt",
        options=_CONDUCT,
        reason_label="Kết quả nhiệm vụ rèn luyện đã giao",
        needs_reason=True,
    )


def _supplement(key: DecisionKey, pupil: PupilResult) -> Item:
    words = {
        DecisionKind.SUPPLEMENT_LEVEL: (subject_name(pupil.asked.grade, key.slot), _LEVELS),
        DecisionKind.SUPPLEMENT_TEST: (f"{subject_name(pupil.asked.grade, key.slot)}, bài kiểm tra", {}),
        DecisionKind.SUPPLEMENT_TRAIT: (TRAIT_NAMES.get(key.slot, key.slot), _TRAITS),
    }
    title, options = words[key.kind]
    return Item(
        key=key,
        title=f"{title}: đánh giá bổ sung",
        article="TT27 Đ.11.1.b",
        before="chưa đạt mức Hoàn thành",
        options=options,
        reason_label=_REASON,
        needs_reason=False,
    )


def _promotion(key: DecisionKey, pupil: PupilResult) -> Item:
    return Item(
        key=key,
        title="Hiệu trưởng quyết định lên lớp hoặc ở lại lớp",
        article="TT22 Đ.11" if isinstance(pupil.result, SecondaryResult) else "TT27 Đ.11.1.c",
        before="theo quy định do hiệu trưởng quyết định",
        options=_PROMOTIONS,
        reason_label="Lý do của quyết định",
        needs_reason=True,
    )


def _recognition(key: DecisionKey, pupil: PupilResult) -> Item:
    title, reason = _RECOGNITION[key.slot]
    return Item(
        key=key,
        title=f"Học sinh Tiêu biểu: {title[0].lower()}{title[1:]}",
        article="TT27 Đ.13.1.a",
        before="mức Hoàn thành tốt",
        options=_YES,
        reason_label=reason,
        needs_reason=True,
    )


_WORDS: dict[DecisionKind, Callable[[DecisionKey, PupilResult], Item]] = {
    DecisionKind.REASSESSED: _reassessed,
    DecisionKind.CONDUCT: _conduct,
    DecisionKind.SUPPLEMENT_LEVEL: _supplement,
    DecisionKind.SUPPLEMENT_TEST: _supplement,
    DecisionKind.SUPPLEMENT_TRAIT: _supplement,
    DecisionKind.PROMOTION: _promotion,
    DecisionKind.RECOGNITION: _recognition,
}
#: Whose word counts; where the kind is about a subject, its teacher's.
OF_SUBJECT = frozenset({DecisionKind.REASSESSED, DecisionKind.SUPPLEMENT_LEVEL, DecisionKind.SUPPLEMENT_TEST})


def checked_reason(new: NewWord, item: Item, said: Decision | None, name: str) -> str:
    """The reason as it is kept. Raises Invalid where one is due and missing."""
    reason = check_text(new.reason, field=item.reason_label, person=name, limit=MAX_REASON)
    changes = said is not None and said.value != ""
    if (item.needs_reason or changes) and len(reason) < MIN_REASON:
        why = "sửa hoặc bỏ nội dung đã ghi" if changes else "ghi mục này"
        raise Invalid(
            f"{name}, {item.title}: để {why}, xin ghi “{item.reason_label}” từ {MIN_REASON} đến {MAX_REASON} ký tự."
        )
    return reason


def checked_value(new: NewWord, item: Item, said: Decision | None, name: str, mark: str) -> str:
    """The value as it is kept, "" for one that is taken back; `mark` is a typed one that was read. Raises Invalid."""
    if not new.value:
        if said is None or not said.value:
            raise Invalid(f"{name}, {item.title}: xin chọn hoặc nhập kết quả trước khi ghi.")
        return ""
    if item.options and new.value not in item.options:
        raise Invalid(f"{name}, {item.title}: hãy chọn một trong {', '.join(item.options.values())}.")
    value = new.value if item.options else mark
    if said is not None and said.value == value:
        raise Invalid(f"{name}, {item.title}: nội dung này đã được ghi, không có gì thay đổi.")
    return value
