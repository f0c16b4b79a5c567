"""The words of reconciliation (đối soát): the Authority's list against ours."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

ReconciliationId = NewType("ReconciliationId", uuid.UUID)


class Outcome(StrEnum):
    """What came of a run. Only what was compared says anything of a difference."""

    WAITING = "waiting"
    COMPARED = "compared"
    UNREACHED = "unreached"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


OUTCOME_NAMES = {
    Outcome.WAITING: "Đang đối soát",
    Outcome.COMPARED: "Đã đối soát",
    Outcome.UNREACHED: "Không lấy được danh sách",
    Outcome.REFUSED: "Cơ quan tiếp nhận từ chối khóa kết nối",
    Outcome.UNREADABLE: "Danh sách không đọc được hoặc không đủ",
}


class Kind(StrEnum):
    """How the two lists differ about one message."""

    EXTRA = "extra"
    MISSING = "missing"
    CONTENT = "content"
    STATE = "state"


KIND_NAMES = {
    Kind.EXTRA: "Sở có, trường không gửi",
    Kind.MISSING: "Trường đã được chấp nhận, Sở không có",
    Kind.CONTENT: "Nội dung ở Sở khác nội dung đã gửi",
    Kind.STATE: "Trạng thái ở Sở khác trạng thái ở trường",
}
#: What a person does about it.
KIND_ADVICE = {
    Kind.EXTRA: "Hỏi Sở ngay ai đã nộp học bạ này dưới tên trường; không tự nộp hay thu hồi gì.",
    Kind.MISSING: "Hỏi Sở vì sao không còn; đưa số biên nhận. Không nộp học bạ mới.",
    Kind.CONTENT: "Hỏi Sở, đưa biên nhận và mã băm đã gửi; học bạ ở trường vẫn nguyên vẹn.",
    Kind.STATE: "Xem lại ngày mai; nếu vẫn khác thì hỏi Sở.",
}


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """One message as we know it. `state` is that of its delivery, `withdrawn` says that a later message took it back."""

    delivery_id: uuid.UUID
    message_id: str
    label: str
    lookup_code: str
    version: str
    sha256: str
    state: str
    withdrawn: bool


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference; `delivery_id` is ours, None of what we never sent. `ours` and `theirs` are what each side says."""

    kind: Kind
    message_id: str
    label: str
    delivery_id: uuid.UUID | None
    ours: str
    theirs: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What comparing found: how many agree, the differences, and of what we do not know the end yet they do."""

    matched: int
    findings: tuple[Finding, ...]
    known_there: tuple[uuid.UUID, ...]


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """One run as the page shows it, with how many differences of each kind."""

    id: ReconciliationId
    authority: str
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome
    matched: int
    extra: int
    missing: int
    content: int
    state: int

    @property
    def differing(self) -> int:
        return self.extra + self.missing + self.content + self.state
