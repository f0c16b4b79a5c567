"""The words of webhooks: what happened in a school, which other systems are told so, and how far that has come."""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

import msgspec

EndpointId = NewType("EndpointId", uuid.UUID)
MessageId = NewType("MessageId", uuid.UUID)

_MINUTE, _HOUR = 60.0, 3600.0
#: Seconds until the next try after each one that failed: three and a half days in all.
SCHEDULE = (
    5,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
#: An endpoint that has taken nothing for so long is told nothing more until a person says so.
STOPPED_AFTER = timedelta(days=5)
#: So long both keys sign, so that the other system can change them at any moment in between.
BOTH_KEYS = timedelta(days=2)


class EventKind(StrEnum):
    """What other systems may be told. The subject is a version of a transcript, or a class where results were confirmed.

    A PING is sent to one endpoint because somebody wants to see it work.
    """

    TRANSCRIPT_ISSUED = "transcript.issued"
    TRANSCRIPT_RECALLED = "transcript.recalled"
    TRANSCRIPT_REPLACED = "transcript.replaced"
    TRANSCRIPT_LOCKED = "transcript.locked"
    DELIVERY_ACCEPTED = "delivery.accepted"
    DELIVERY_REJECTED = "delivery.rejected"
    RESULTS_CONFIRMED = "results.confirmed"
    PING = "webhook.ping"


EVENT_NAMES = {
    EventKind.TRANSCRIPT_ISSUED: "Học bạ được phát hành",
    EventKind.TRANSCRIPT_RECALLED: "Học bạ bị thu hồi",
    EventKind.TRANSCRIPT_REPLACED: "Học bạ được thay bằng phiên bản sau",
    EventKind.TRANSCRIPT_LOCKED: "Học bạ được chốt",
    EventKind.DELIVERY_ACCEPTED: "Sở chấp nhận học bạ",
    EventKind.DELIVERY_REJECTED: "Sở từ chối học bạ",
    EventKind.RESULTS_CONFIRMED: "Kết quả của một lớp được xác nhận",
    EventKind.PING: "Tin thử",
}
#: What an endpoint may ask for.
TOLD = tuple(kind for kind in EventKind if kind is not EventKind.PING)


class MessageState(StrEnum):
    """Waits for its first or next try; taken by the other system; given up until a person sends it again."""

    DUE = "due"
    DELIVERED = "delivered"
    FAILED = "failed"


STATE_NAMES = {
    MessageState.DUE: "Đang gửi",
    MessageState.DELIVERED: "Đã nhận",
    MessageState.FAILED: "Không gửi được",
}


class Problem(StrEnum):
    """Why a try failed, in words that show nothing of the answer."""

    NOT_REACHED = "not_reached"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    GONE = "gone"


PROBLEM_NAMES = {
    Problem.NOT_REACHED: "Không kết nối được tới địa chỉ này",
    Problem.NO_ANSWER: "Không trả lời kịp hoặc trả lời quá dài",
    Problem.REFUSED: "Trả lời bằng mã lỗi",
    Problem.GONE: "Trả lời là không nhận tin nữa (410)",
}


class NewEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as somebody wants it."""

    url: str
    events: frozenset[EventKind]


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint in a list. `public_key` checks the signatures (whpk_…); the one before counts until `old_until`."""

    id: EndpointId
    url: str
    events: tuple[EventKind, ...]
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    stopped_at: datetime | None
    failing_since: datetime | None
    public_key: str
    old_public_key: str | None
    old_until: datetime | None
    due: int
    delivered: int
    failed: int


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """One event for one endpoint, and what came of it."""

    id: MessageId
    kind: EventKind
    subject_id: uuid.UUID
    state: MessageState
    attempts: int
    status: int | None
    problem: Problem | None
    happened_at: datetime
    tried_at: datetime | None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """All that one try needs. `keys` are the private keys that sign, two while they are changed."""

    message_id: MessageId
    endpoint_id: EndpointId
    url: str
    body: bytes
    keys: tuple[bytes, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a try. `wait`: the other system asks for so many seconds."""

    status: int | None = None
    problem: Problem | None = None
    wait: float = 0


class EventItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, in the order of `sequence`; `id` is that of the webhook message about it."""

    id: str
    sequence: int
    type: EventKind
    subject_id: uuid.UUID
    happened_at: datetime
