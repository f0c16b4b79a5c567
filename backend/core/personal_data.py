"""What the columns of our tables say about people, why we keep it, and for how long: declared with each table.

`info=` of a table holds `holding(…)`: each column but keys and references is of one kind. A guard test knows the columns
that nobody has classified; the register of processing is read from here (Luật 91/2025/QH15).
"""

from enum import StrEnum
from typing import Any

import msgspec

from backend.core.database import metadata

_KEY = "holding"


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
    ACCOUNTABILITY = "Nghĩa vụ bảo vệ và chứng minh việc xử lý dữ liệu (Luật 91/2025/QH15)"


class Keep(StrEnum):
    """For how long; `MONTHS` says it in figures."""

    RECORD = "Không tự xóa: hồ sơ học bạ, giao lại khi trường đóng (TT 27/2016, Luật Lưu trữ 33/2024/QH15)"
    WITH_RECORD = "Như hồ sơ học bạ mà nó làm căn cứ"
    EMPLOYMENT = "Suốt thời gian làm việc; tên trên học bạ đã ký được giữ như học bạ"
    TRACE = "Không tự xóa: nhật ký để kiểm tra việc xử lý"
    WORK = "24 tháng sau khi xong việc"
    REQUEST = "60 tháng sau khi trả lời"


#: None: nothing is ever due for removal by itself.
MONTHS: dict[Keep, int | None] = {
    Keep.RECORD: None,
    Keep.WITH_RECORD: None,
    Keep.EMPLOYMENT: None,
    Keep.TRACE: None,
    Keep.WORK: 24,
    Keep.REQUEST: 60,
}


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What one table holds: column → kind; and, where it says anything about people, about whom, why, how long."""

    kinds: dict[str, DataKind]
    title: str
    purpose: str
    ground: Ground | None
    keep: Keep | None

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
) -> dict[str, Any]:
    """The `info=` of a table: its columns by kind, names with spaces between."""
    named = {
        DataKind.PUBLIC: public,
        DataKind.INTERNAL: internal,
        DataKind.PERSONAL: personal,
        DataKind.SENSITIVE: sensitive,
    }
    kinds = {column: kind for kind, columns in named.items() for column in columns.split()}
    return {_KEY: Holding(kinds=kinds, title=title, purpose=purpose, ground=ground, keep=keep)}


#: What lies before the fence (infra/decisions/0011), where no model describes it; ids and times of the directory.
DIRECTORY: dict[str, dict[str, Any]] = {
    "directory.tenant": holding(internal="opened_at"),
    "directory.account": holding(
        personal="login disabled_at",
        sensitive="password_hash",
        title="Tài khoản đăng nhập",
        purpose="Biết ai đang đăng nhập",
        ground=Ground.EMPLOYMENT,
        keep=Keep.EMPLOYMENT,
    ),
    "directory.place": holding(),
    "directory.former_place": holding(),
    "directory.invitation": holding(internal="token_digest"),
    "directory.session": holding(
        internal="ends_at",
        personal="opened_at seen_at",
        sensitive="token_digest",
        title="Phiên đăng nhập",
        purpose="Giữ người đã đăng nhập ở lại trong phiên",
        ground=Ground.ACCOUNTABILITY,
        keep=Keep.WORK,
    ),
    "directory.school_application": holding(
        internal="applied_at state decided_at decided_by reason",
        personal="facts",
        title="Hồ sơ xin mở trường",
        purpose="Đối chiếu trường và người đăng ký trước khi mở",
        ground=Ground.ACCOUNTABILITY,
        keep=Keep.WORK,
    ),
    "directory.platform_event": holding(
        internal="at action details",
        personal="operator",
        title="Nhật ký của bên vận hành",
        purpose="Biết ai của bên vận hành đã làm gì",
        ground=Ground.ACCOUNTABILITY,
        keep=Keep.TRACE,
    ),
    "directory.lookup_code": holding(internal="code_digest"),
    "directory.api_client": holding(internal="name secret_digest scopes ends_at seen_at"),
    "directory.api_token": holding(internal="token_digest scopes ends_at"),
}


def holdings() -> dict[str, Holding]:
    """What each table holds, as far as it says so."""
    declared = {name: table.info for name, table in metadata.tables.items()} | DIRECTORY
    return {name: info[_KEY] for name, info in sorted(declared.items()) if _KEY in info}


def register() -> dict[str, Holding]:
    """Every table that says anything about people, by name."""
    return {name: one for name, one in holdings().items() if one.is_personal}
