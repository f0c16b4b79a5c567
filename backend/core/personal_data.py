"""What the columns of our tables say about people, why we keep it, and for how long: declared with each table.

`info=` of a table holds `holding(…)`: each column but keys and references is of one kind. A guard test knows the columns
that nobody has classified; the register of processing (`data_register.py`) is read from there (Luật 91/2025/QH15).
"""

from enum import StrEnum
from typing import Any

import msgspec

#: Under which `info=` of a table keeps its holding.
KEY = "holding"


class DataKind(StrEnum):
    """How much a value says about a person, least first."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


KIND_NAMES = {
    DataKind.PUBLIC: "Công khai",
    DataKind.INTERNAL: "Nội bộ, không nói về cá nhân",
    DataKind.PERSONAL: "Dữ liệu cá nhân",
    DataKind.SENSITIVE: "Dữ liệu cá nhân nhạy cảm",
}


class Ground(StrEnum):
    """Why the law lets the school keep it, in words of the register."""

    EDUCATION = (
        "Nghĩa vụ của nhà trường theo pháp luật giáo dục (Luật 91/2025/QH15 Đ.19; TT 27/2020, TT 22/2021)"
    )
    EMPLOYMENT = "Thực hiện hợp đồng với nhân sự (Luật 91/2025/QH15 Đ.19)"
    SIGNATURES = "Nghĩa vụ về chữ ký số và lưu chứng cứ ký (Luật Giao dịch điện tử 20/2023/QH15)"
    CONSENT = "Sự đồng ý của người đại diện, và của học sinh từ đủ 7 tuổi (Luật 91/2025/QH15 Đ.24)"
    ACCOUNTABILITY = "Nghĩa vụ bảo vệ và chứng minh việc xử lý dữ liệu (Luật 91/2025/QH15)"


class Keep(StrEnum):
    """For how long; `MONTHS` says it in figures."""

    RECORD = "Không tự xóa: hồ sơ học bạ, giao lại khi trường đóng (TT 27/2016, Luật Lưu trữ 33/2024/QH15)"
    WITH_RECORD = "Như hồ sơ học bạ mà nó làm căn cứ"
    EMPLOYMENT = "Suốt thời gian làm việc; tên trên học bạ đã ký được giữ như học bạ"
    TRACE = "Không tự xóa: nhật ký để kiểm tra việc xử lý"
    TASK = "Đến khi xong việc; xong là xóa ngay"
    EXPIRED = "1 tháng sau khi hết hạn (Luật 91/2025/QH15 Đ.3: chỉ lưu trong thời gian cần cho mục đích)"
    COPY = "1 tháng sau khi tạo; bản gốc vẫn còn trong hệ thống (Luật 91/2025/QH15 Đ.3)"
    WORK = "24 tháng sau khi xong việc, để trả lời khi có thắc mắc (Luật 91/2025/QH15 Đ.3)"
    REQUEST = "60 tháng sau khi trả lời, để chứng minh đã trả lời đúng hạn (Luật 91/2025/QH15)"


#: None: no night purges it, for the reason that stands above; else `ends` of each table says from when on.
MONTHS: dict[Keep, int | None] = {
    Keep.RECORD: None,
    Keep.WITH_RECORD: None,
    Keep.EMPLOYMENT: None,
    Keep.TRACE: None,
    Keep.TASK: None,
    Keep.EXPIRED: 1,
    Keep.COPY: 1,
    Keep.WORK: 24,
    Keep.REQUEST: 60,
}


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What one table holds: column → kind; and, where it says anything about people, about whom, why, how long.

    `ends` is the column from whose moment on `keep` counts, "" where nothing is purged.
    """

    kinds: dict[str, DataKind]
    title: str
    purpose: str
    ground: Ground | None
    keep: Keep | None
    ends: str

    def columns(self, kind: DataKind) -> tuple[str, ...]:
        """Columns of one kind."""
        return tuple(name for name, of in self.kinds.items() if of is kind)

    @property
    def is_personal(self) -> bool:
        """Whether the table says anything about people."""
        return bool(self.columns(DataKind.PERSONAL) or self.columns(DataKind.SENSITIVE))


def holding(
    *,
    public: str = "",
    internal: str = "",
    personal: str = "",
    sensitive: str = "",
    title: str = "",
    purpose: str = "",
    ground: Ground | None = None,
    keep: Keep | None = None,
    ends: str = "",
) -> dict[str, Any]:
    """The `info=` of a table: its columns by kind, names with spaces between."""
    named = {
        DataKind.PUBLIC: public,
        DataKind.INTERNAL: internal,
        DataKind.PERSONAL: personal,
        DataKind.SENSITIVE: sensitive,
    }
    kinds = {column: kind for kind, columns in named.items() for column in columns.split()}
    return {KEY: Holding(kinds=kinds, title=title, purpose=purpose, ground=ground, keep=keep, ends=ends)}
