"""The words of requests about personal data (Luật 91/2025/QH15): who asks for what about which pupil, and by when."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NewType

import msgspec

from backend.records.roster.schemas import StudentId

DataRequestId = NewType("DataRequestId", uuid.UUID)


class RequestKind(StrEnum):
    """What is asked for."""

    SEE = "see"
    COPY = "copy"
    CORRECT = "correct"
    DELETE = "delete"
    OBJECT = "object"


KIND_NAMES = {
    RequestKind.SEE: "Xem dữ liệu",
    RequestKind.COPY: "Nhận bản sao dữ liệu",
    RequestKind.CORRECT: "Chỉnh sửa dữ liệu",
    RequestKind.DELETE: "Xóa dữ liệu",
    RequestKind.OBJECT: "Phản đối, hạn chế xử lý hoặc rút lại đồng ý",
}


class Relation(StrEnum):
    """Who asks; for a child the legal representative does (Luật 91/2025/QH15 Đ.24)."""

    PUPIL = "pupil"
    FATHER = "father"
    MOTHER = "mother"
    GUARDIAN = "guardian"


RELATION_NAMES = {
    Relation.PUPIL: "Chính học sinh",
    Relation.FATHER: "Cha",
    Relation.MOTHER: "Mẹ",
    Relation.GUARDIAN: "Người giám hộ",
}


class RequestState(StrEnum):
    """received → under way → answered or refused."""

    RECEIVED = "received"
    UNDER_WAY = "under_way"
    ANSWERED = "answered"
    REFUSED = "refused"


STATE_NAMES = {
    RequestState.RECEIVED: "Chờ xác nhận đã nhận",
    RequestState.UNDER_WAY: "Đang xử lý",
    RequestState.ANSWERED: "Đã trả lời",
    RequestState.REFUSED: "Đã từ chối",
}


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """The last days for telling that a request has come, and for answering it."""

    acknowledge_by: date
    answer_by: date


class NewDataRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as somebody at the school writes it down."""

    student_code: str
    kind: RequestKind
    requester_name: str
    relation: Relation
    contact: str
    wanted: str
    received_on: date


class DataRequestView(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `due_on` is the next last day, None once it is closed."""

    id: DataRequestId
    student_id: StudentId
    student_code: str
    student_name: str
    kind: RequestKind
    state: RequestState
    requester_name: str
    relation: Relation
    contact: str
    wanted: str
    received_on: date
    acknowledge_by: date
    answer_by: date
    acknowledged_at: datetime | None
    extension_reason: str | None
    answer: str | None
    closed_at: datetime | None
    recorded_by: str

    @property
    def due_on(self) -> date | None:
        """The next last day."""
        if self.state is RequestState.RECEIVED:
            return self.acknowledge_by
        return self.answer_by if self.state is RequestState.UNDER_WAY else None


class PupilData(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the school keeps about one pupil: rows by table, and files as (name, SHA-256)."""

    student_code: str
    tables: dict[str, list[dict[str, Any]]]
    files: tuple[tuple[str, str], ...]
