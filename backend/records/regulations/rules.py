"""What a school may decide about assessment, how it is told, and what was typed. No I/O."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.records.regulations.schemas import MAX_GROUND, MIN_GROUND, SAFE, Choice, Policy
from backend.tenants.schools.schemas import SchoolLevel

_PRIMARY = frozenset({SchoolLevel.PRIMARY})
_SECONDARY = frozenset(SchoolLevel) - _PRIMARY

#: Every setting with the values that its form may send; the first is the safe one, which holds until a school decides.
CHOICES = (
    Choice(
        field="adjustment",
        title="Điều chỉnh khi chỉ một môn kéo kết quả học tập xuống từ hai mức",
        article="TT22 Đ.9.3",
        meaning="Thông tư không nói rõ cách bỏ qua môn ấy. Hai cách chỉ khác nhau khi môn ấy cũng cần để đủ 6 môn đạt "
        "ngưỡng, ví dụ học sinh có 7 môn điểm: 5 môn từ 8,0, một môn 7,9 và một môn 4,0.",
        levels=_SECONDARY,
        options={"A": "Không kể môn ấy, xét các môn còn lại", "B": "Coi như môn ấy đạt tốt rồi xét lại"},
    ),
    Choice(
        field="optional_subjects_count",
        title="Môn tự chọn (Ngoại ngữ 2, Tiếng dân tộc thiểu số)",
        article="TT22 Đ.9.2, TT27 Đ.9.2",
        meaning="Thông tư không tách môn tự chọn. Khi không tính, điểm môn tự chọn vẫn ghi trong học bạ nhưng không làm "
        "tăng hay giảm mức của học sinh. Kế hoạch môn học của lớp nói khác thì theo kế hoạch.",
        levels=frozenset(SchoolLevel),
        options={"1": "Tính như các môn khác", "0": "Không tính vào mức của học kì, năm học"},
    ),
    Choice(
        field="topic_is_extra_mark",
        title="Kết quả cụm chuyên đề học tập",
        article="TT22 Đ.6.2",
        meaning="Kết quả chuyên đề được tính là một lần đánh giá thường xuyên. Cộng thêm thì môn trên 70 tiết có 5 lần; "
        "thay chỗ thì vẫn 4 lần.",
        levels=frozenset({SchoolLevel.UPPER_SECONDARY}),
        options={"1": "Cộng thêm một lần đánh giá thường xuyên", "0": "Thay một lần đánh giá thường xuyên"},
    ),
    Choice(
        field="better_of_reassessment",
        title="Kết quả đánh giá lại trong kì nghỉ hè",
        article="TT22 Đ.14",
        meaning="Theo thông tư, kết quả đánh giá lại thay cho kết quả cả năm của môn đó khi xét lên lớp, kể cả khi thấp "
        "hơn.",
        levels=_SECONDARY,
        options={"0": "Thay kết quả cả năm", "1": "Lấy kết quả cao hơn"},
    ),
    Choice(
        field="both_failed_may_recover",
        title="Học sinh có cả rèn luyện và học tập Chưa đạt",
        article="TT22 Đ.12, Đ.13, Đ.14",
        meaning="Đ.14 chỉ cho đánh giá lại khi rèn luyện từ mức Đạt. Nếu trường cho rèn luyện trong hè trước rồi mới "
        "đánh giá lại môn học, hãy hỏi Sở trước khi chọn.",
        levels=_SECONDARY,
        options={"0": "Không được lên lớp", "1": "Rèn luyện trong hè đạt thì được đánh giá lại môn học"},
    ),
    Choice(
        field="primary_zero_allowed",
        title="Điểm 0 ở bài kiểm tra định kì",
        article="TT27 Đ.7.1.b",
        meaning="Thông tư quy định thang 10 điểm, không nói điểm thấp nhất. Khi không tính, học sinh có điểm 0 chưa được "
        "xếp mức cho đến khi có điểm kiểm tra lại.",
        levels=_PRIMARY,
        options={"1": "Tính điểm 0, có nhắc kiểm tra lại", "0": "Coi như chưa có điểm, chờ kiểm tra lại"},
    ),
)
_SWITCHES = {"1": True, "0": False}


def for_levels(levels: Iterable[SchoolLevel]) -> tuple[Choice, ...]:
    """The settings that matter for a school of these levels."""
    own = frozenset(levels)
    return tuple(choice for choice in CHOICES if choice.levels & own)


def chosen(policy: Policy, choice: Choice) -> str:
    """The value of the form that says what a policy says."""
    value = getattr(policy, choice.field)
    return ("1" if value else "0") if isinstance(value, bool) else str(value)


def checked(old: Policy, typed: Mapping[str, str]) -> Policy:
    """The policy with what was typed, field → value; what was not typed stays. Raises Invalid."""
    values: dict[str, Any] = {}
    for choice in CHOICES:
        value = typed.get(choice.field, "")
        if not value:
            continue
        if value not in choice.options:
            raise Invalid(f"“{choice.title}”: hãy chọn một trong các cách có trong danh sách.")
        values[choice.field] = _SWITCHES.get(value, value)
    return msgspec.convert(msgspec.to_builtins(old) | values, Policy)


def checked_ground(typed: str) -> str:
    """On what ground the school decides. Raises Invalid."""
    ground = check_text(typed, field="Căn cứ", person="quy định đánh giá", limit=MAX_GROUND)
    if len(ground) < MIN_GROUND:
        raise Invalid(
            f"Mục “Căn cứ” cần từ {MIN_GROUND} đến {MAX_GROUND} ký tự, ví dụ số quyết định hoặc biên bản họp."
        )
    return ground


def changes(old: Policy, new: Policy) -> tuple[str, ...]:
    """What becomes different, in sentences."""
    return tuple(
        f"{choice.title}: {choice.options[chosen(new, choice)]}."
        for choice in CHOICES
        if chosen(old, choice) != chosen(new, choice)
    )


def is_safe(choice: Choice, value: str) -> bool:
    """Whether a value is the reading that holds where a school decides nothing."""
    return chosen(SAFE, choice) == value
