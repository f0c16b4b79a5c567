"""The words of deliveries."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal, NewType

import msgspec

from backend.integrations.authorities.schemas import Endpoint
from backend.integrations.profiles.schemas import ErrorClass, Listed, Message

DeliveryId = NewType("DeliveryId", uuid.UUID)


class Action(StrEnum):
    """What the Authority is asked to do with the version; the last two refer to the message that brought it there."""

    SUBMIT = "submit"
    REPLACE = "replace"
    RECALL = "recall"


ACTION_NAMES = {
    Action.SUBMIT: "Nộp",
    Action.REPLACE: "Nộp thay bản đã thu hồi",
    Action.RECALL: "Đề nghị thu hồi",
}


class DeliveryState(StrEnum):
    """draft → validated → queued → sending → received or unknown → accepted or rejected. Unknown is a state, no error.

    A draft has no message yet. It is validated when its message has been made and holds to the Authority's schemas and
    rules, and stays so while the Authority is not to be sent to; queued, it waits for its turn.
    What is recalled while the Authority certainly does not have it is cancelled. At a portal that a person uses:
    sending → waiting for a person → handed over, until there is a receipt.
    """

    DRAFT = "draft"
    VALIDATED = "validated"
    QUEUED = "queued"
    SENDING = "sending"
    RECEIVED = "received"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PARKED = "parked"
    WAITING = "waiting"
    HANDED = "handed"
    CANCELLED = "cancelled"


class ClassProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Issued documents of a class: how many, of them sent, accepted, in trouble; the last day of the report."""

    class_id: uuid.UUID
    class_name: str
    issued: int
    sent: int
    accepted: int
    troubled: int
    due: date | None
    days: int | None


class DeliveryManifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="delivery"):
    """What a delivery can be rebuilt from: above all the id under which its message may have arrived."""

    kind: Literal["hocba manifest 1"] = "hocba manifest 1"
    version_id: uuid.UUID
    delivery_id: uuid.UUID
    authority: str
    action: str
    message_id: str
    refers_to: str | None
    package_sha256: str
    queued_at: datetime


class DeliveryManifests(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="deliveries"):
    """Those of the deliveries that one transaction opened, in one object."""

    deliveries: tuple[DeliveryManifest, ...]


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """All that the channel needs for one attempt; `package_sha256` names the XML in the store, `record` is its content.

    `refers_to` is the id of the earlier message that is recalled or replaced, `reason` why.
    """

    delivery_id: DeliveryId
    endpoint: Endpoint
    attempt_id: uuid.UUID
    message_id: str
    sender_code: str
    action: str
    lookup_code: str
    version: int
    package_sha256: str
    pdf_sha256: str
    refers_to: str | None
    reason: str | None
    queued_at: datetime
    record: Mapping[str, Any] | None

    def message(self, package: bytes) -> Message:
        """What is said; the XML `package` goes along, but not with a recall."""
        return Message(
            message_id=self.message_id,
            sender_code=self.sender_code,
            action=self.action,
            lookup_code=self.lookup_code,
            version=self.version,
            sha256=self.package_sha256,
            package_xml=b"" if self.action == Action.RECALL else package,
            pdf_sha256=self.pdf_sha256,
            refers_to=self.refers_to,
            reason=self.reason,
            queued_at=self.queued_at.isoformat(),
            record=self.record,
        )


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be asked of an Authority: what became of a message."""

    delivery_id: DeliveryId
    endpoint: Endpoint
    message_id: str
    sender_code: str


class ToCarry(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a person to carry it to a portal, of one class."""

    authority: str
    class_name: str
    count: int


class CarriedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a person took to a portal, of which there is no receipt yet."""

    authority: str
    sha256: str
    taken_at: datetime
    count: int


#: What can be done about an error of each class.
CLASS_NAMES: dict[ErrorClass, str] = {
    "fix_data": "Sửa dữ liệu ở trường rồi phát hành bản mới",
    "fix_config": "Sửa thông tin kết nối của trường",
    "resend_same": "Gửi lại đúng thông điệp ấy",
    "wait": "Chờ cơ quan tiếp nhận",
    "ask_human": "Hỏi cơ quan tiếp nhận",
}


class TroubleGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries that stopped for one cause: how many, what can be done, one of them to look at.

    `parked` of them wait for a person and may be sent again under their own ids; what was rejected is final.
    """

    cause: str
    words: str
    kind: ErrorClass
    authority: str
    count: int
    parked: int
    sample_id: uuid.UUID
    sample_version_id: uuid.UUID


class Level(StrEnum):
    """How far a package is tried before it is sent; each includes the one before it."""

    MAP = "map"
    SCHEMA = "schema"
    RULES = "rules"
    TRIAL = "trial"


LEVEL_NAMES = {
    Level.MAP: "Lập gói tin theo hồ sơ kết nối",
    Level.SCHEMA: "Đúng lược đồ của cơ quan tiếp nhận",
    Level.RULES: "Đúng quy định: thời hạn, việc đề nghị, mã tra cứu",
    Level.TRIAL: "Nơi gửi thử của cơ quan tiếp nhận chấp nhận",
}


class Hitch(msgspec.Struct, frozen=True, kw_only=True):
    """Something that stops a package; `address`: the page and the field where it is corrected, if known."""

    level: Level
    field: str
    words: str
    address: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a package; `before`: what was sent for it last time, where that was something else."""

    field: str
    value: str
    before: str | None


class DeliverySummary(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery in a list. `errors` are the Authority's, {code, field, message}."""

    id: DeliveryId
    version_id: uuid.UUID
    label: str
    authority: str
    action: Action
    message_id: str
    refers_to: str | None
    state: DeliveryState
    authority_reference: str | None
    errors: tuple[dict[str, Any], ...]
    reason: str | None
    queued_at: datetime
    answered_at: datetime | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries a person looks for; what is None or empty leaves nothing out.

    `cause` is that of a `TroubleGroup` with its Authority before it; `since` and `until` are days of Vietnam.
    """

    state: DeliveryState | None = None
    class_name: str = ""
    grade: int | None = None
    authority: str = ""
    cause: str = ""
    since: date | None = None
    until: date | None = None


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The deliveries that were looked for, newest first, a part of them; how many of each state there are among all that
    fit but for their state; and what can be chosen.
    """

    rows: tuple[DeliverySummary, ...]
    counts: Mapping[DeliveryState, int]
    total: int
    classes: tuple[str, ...]
    grades: tuple[int, ...]
    authorities: tuple[tuple[str, str], ...]
    causes: tuple[tuple[str, str], ...]


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that stopped; `address`: the page and the field where that is corrected, empty where nobody knows."""

    delivery: DeliverySummary
    address: str


class SentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message to an Authority that brought a version there, as its list would name it.

    `withdrawn`: a later message, which was accepted, took it back or stands in its place.
    """

    delivery_id: DeliveryId
    message_id: str
    label: str
    lookup_code: str
    version: str
    sha256: str
    state: DeliveryState
    withdrawn: bool


class FetchedList(msgspec.Struct, frozen=True, kw_only=True):
    """An Authority's list with its pages as they came, or why there is none."""

    pages: tuple[bytes, ...]
    items: tuple[Listed, ...] = ()
    problem: Literal["unreached", "refused", "unreadable"] | None = None


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One try with the digests of its evidence."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    sent_sha256: str | None
    answer_sha256: str | None


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What came of trying one delivery before it is sent; `has_trial`: the Authority has a place for that.

    `overdue` says that the Authority's last day is over, which stops nothing by itself.
    """

    delivery: DeliverySummary
    passed: tuple[Level, ...]
    hitches: tuple[Hitch, ...]
    lines: tuple[Line, ...]
    is_compared: bool
    overdue: str
    has_trial: bool
