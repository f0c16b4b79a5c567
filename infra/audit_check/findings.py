"""What a check may find, in words for whoever runs it."""

import uuid
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What is wrong. The last three mean that something cannot be vouched for yet; all others mean tampering."""

    ALTERED = "nội dung đã bị sửa sau khi ghi"
    MISSING = "sự kiện đã bị xóa"
    UNLINKED = "không nối tiếp sự kiện đứng trước"
    CUT = "đuôi chuỗi đã bị cắt hoặc bị thêm"
    BACKDATED = "thời điểm ghi lùi về trước lúc sự kiện có mặt"
    REWRITTEN = "chuỗi đã bị viết lại sau khi niêm phong"
    CHECKPOINT_MISSING = "điểm niêm phong đã bị xóa"
    CHECKPOINT_FORGED = "điểm niêm phong đã bị sửa hoặc làm giả"
    WAITING = "chưa được nối vào chuỗi"
    CHECKPOINT_LEFT = "điểm niêm phong chưa được ghi vào bảng"
    LATE = "quá lâu không có điểm niêm phong mới"


_UNCERTAIN = {Kind.WAITING, Kind.CHECKPOINT_LEFT, Kind.LATE}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, and what exactly."""

    kind: Kind
    where: str
    detail: str = ""
    school: uuid.UUID | None = None

    @property
    def is_tampering(self) -> bool:
        """Whether somebody changed something, as opposed to: nobody can tell yet."""
        return self.kind not in _UNCERTAIN

    def __str__(self) -> str:
        sign = "SAI" if self.is_tampering else "CHƯA RÕ"
        place = f"trường {self.school}, {self.where}" if self.school else self.where
        return f"{sign}: {place}: {self.kind.value}{f' ({self.detail})' if self.detail else ''}."
