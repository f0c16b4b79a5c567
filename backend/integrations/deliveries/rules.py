"""The life of a delivery: what an answer makes of it. No I/O."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from backend.core.crypto import sha256_hex
from backend.core.events import Event
from backend.integrations.deliveries.channels import port
from backend.integrations.deliveries.events import (
    DeliveryAccepted,
    DeliveryLocked,
    DeliveryRecalled,
    DeliveryRejected,
    DeliverySubmitted,
    RecallRefused,
    RecallReturned,
)
from backend.integrations.deliveries.schemas import Action, ClassProgress, DeliveryState, DeliverySummary
from backend.integrations.profiles.schemas import ErrorEntry, Profile, Retry
from backend.records.calendar.schemas import Due, Step
from backend.records.roster.schemas import ClassSummary

#: Names of the tasks that follow each other (tasks.py).
OPEN = "deliveries.open"
SEND, QUERY, ASK_LOCKED = "deliveries.send", "deliveries.query", "deliveries.ask_locked"
OPEN_RECALL = "deliveries.open_recall"
FINAL = frozenset({DeliveryState.ACCEPTED, DeliveryState.REJECTED, DeliveryState.CANCELLED})
#: Nothing of these is on its way: they may be sent.
TO_SEND = frozenset({DeliveryState.DRAFT, DeliveryState.VALIDATED, DeliveryState.QUEUED})
#: The Authority has it; somebody has to look at it.
_ARRIVED = frozenset({DeliveryState.ACCEPTED, DeliveryState.REJECTED, DeliveryState.RECEIVED})
_TROUBLED = frozenset({DeliveryState.REJECTED, DeliveryState.PARKED})

STATE_NAMES = {
    DeliveryState.DRAFT: "Mới mở, chưa lập thông điệp",
    DeliveryState.VALIDATED: "Đã kiểm tra, chờ giờ gửi",
    DeliveryState.QUEUED: "Chờ gửi",
    DeliveryState.SENDING: "Đang gửi",
    DeliveryState.RECEIVED: "Đã tiếp nhận, chờ kết quả",
    DeliveryState.UNKNOWN: "Chưa rõ, đang hỏi lại",
    DeliveryState.ACCEPTED: "Được chấp nhận",
    DeliveryState.REJECTED: "Bị từ chối",
    DeliveryState.PARKED: "Chờ người xử lý",
    DeliveryState.WAITING: "Chờ người nộp ở cổng",
    DeliveryState.HANDED: "Đã lấy tệp nộp, chờ biên nhận",
    DeliveryState.CANCELLED: "Không gửi nữa",
}
#: States that say what is to be done with a recall of the version.
TELLING = TO_SEND | {
    DeliveryState.ACCEPTED,
    DeliveryState.REJECTED,
    DeliveryState.WAITING,
    DeliveryState.PARKED,
}
RECALLED_BEFORE = "Học bạ được thu hồi trước khi gửi; cơ quan tiếp nhận chưa có học bạ này."
#: Outcomes of an attempt after which the Authority certainly does not have the message.
_NOT_THERE = frozenset({"notsent", "refused", "rejected"})


CANNOT_SIGN = "Không ký được thông điệp ({reason}); hãy kiểm tra khóa ở trang Kết nối cơ quan tiếp nhận."
CANNOT_FILL = "Học bạ thiếu hoặc sai dữ liệu mà cơ quan tiếp nhận đòi: {reason}."
_TURNED_BACK = (
    "Cơ quan tiếp nhận chưa nhận thông điệp: {told}. "
    "Học bạ không sai; hãy sửa thông tin kết nối nếu cần rồi gửi lại."
)
#: Classes of errors that another message with the same content may not meet; and so much is told of them (characters).
_NOT_THE_CONTENT, _LONGEST = frozenset({"fix_config", "resend_same", "wait"}), 300
#: No reason of a recall is shorter.
_SHORTEST_REASON = 3


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """New state, why, the Authority's reference and errors, and in how many seconds to look again (None: never).

    `locked`: what was accepted can be changed no more.
    """

    state: DeliveryState
    reason: str | None = None
    reference: str | None = None
    errors: tuple[port.AuthorityError, ...] = ()
    locked: bool = False
    ask_after: float | None = None
    send_after: float | None = None


def outcome(
    answer: port.SendResult | port.QueryResult, waited: float, retry: Retry, *, sent: bool = False
) -> Outcome:
    """What an answer means. What cannot be read is UNKNOWN, never accepted and never rejected.

    `sent`: it is the answer to the message itself. An Authority that turns a message back at its door, for nothing that
    stands in the học bạ, has not decided about it: it waits for a person, and then goes under its own id again.

    `waited`: seconds since the first attempt; an Authority in trouble is left alone for longer and longer, as its profile
    says.
    """

    def pause(shortest: float) -> float:
        return min(retry.longest, max(shortest, waited / 4))

    match answer:
        case port.Received(authority_id=reference):
            return Outcome(state=DeliveryState.RECEIVED, reference=reference, ask_after=retry.ask)
        case port.Accepted(receipt=receipt):
            return Outcome(state=DeliveryState.ACCEPTED, reference=receipt)
        case port.Locked(receipt=receipt):
            return Outcome(state=DeliveryState.ACCEPTED, reference=receipt, locked=True)
        case port.Rejected(errors=errors) if sent and all(one.kind in _NOT_THE_CONTENT for one in errors):
            told = "; ".join(dict.fromkeys(f"{one.message or one.code} ({one.code})" for one in errors))
            return Outcome(
                state=DeliveryState.PARKED, reason=_TURNED_BACK.format(told=told[:_LONGEST]), errors=errors
            )
        case port.Rejected(errors=errors):
            return Outcome(state=DeliveryState.REJECTED, errors=errors)
        case port.Processing():
            return Outcome(state=DeliveryState.RECEIVED, ask_after=pause(retry.processing))
        case port.NotFound():
            return Outcome(state=DeliveryState.QUEUED, send_after=0.0)
        case port.NotSent(needs_person=True, reason=reason):
            return Outcome(state=DeliveryState.PARKED, reason=reason)
        case port.NotSent(reason=reason, retry_after=wait):
            return Outcome(state=DeliveryState.QUEUED, reason=reason, send_after=wait or pause(retry.unsent))
        case port.ForPerson():
            return Outcome(state=DeliveryState.WAITING)
        case port.Unknown(reason=reason):
            return Outcome(state=DeliveryState.UNKNOWN, reason=reason, ask_after=pause(retry.unknown))


def outcome_name(answer: port.SendResult) -> str:
    """What became of an attempt, in a word. That an Authority refuses us, or a message cannot be made, is no silence."""
    if isinstance(answer, port.NotSent) and answer.needs_person:
        return "refused"
    return type(answer).__name__.lower()


def obstacles(delivery: DeliverySummary, message: port.Message) -> list[tuple[str, str]]:
    """Why this Authority would not take a message, by all that can be told before: the field, and a sentence."""
    found = []
    if delivery.state in FINAL:
        found.append(
            ("", f"Lần gửi này đã xong ({STATE_NAMES[delivery.state].lower()}), không gửi lại được nữa.")
        )
    if message.action != Action.SUBMIT and not message.refers_to:
        found.append(("", "Chưa có thông điệp đã được chấp nhận để thay thế hay thu hồi."))
    if message.action == Action.RECALL and len((message.reason or "").strip()) < _SHORTEST_REASON:
        found.append(("", "Đề nghị thu hồi phải có lý do."))
    if message.action != Action.RECALL and message.lookup_code.encode() not in message.package_xml:
        found.append(("", "Mã tra cứu trong tệp XML khác mã của học bạ; hãy báo bên vận hành."))
    return found


def is_elsewhere(state: str, last_outcome: str | None, *, tried: bool) -> bool:
    """Whether a message that has no answer has certainly not arrived. Of what waits for a person its last try tells."""
    if state in TO_SEND or state == DeliveryState.WAITING:
        return True
    return state == DeliveryState.PARKED and (not tried or last_outcome in _NOT_THERE)


def overdue(profile: Profile, year: Mapping[str, Any], today: date) -> str:
    """That the last of the Authority's days for this grade is over, in a sentence; empty before."""
    ends = str(year.get("academic_year", ""))[-4:]
    windows = [one for one in profile.calendar if not one.grades or year.get("grade_level") in one.grades]
    if not windows or not ends.isdigit():
        return ""
    last = max(windows, key=lambda one: one.closes)
    closes = date.fromisoformat(f"{ends}-{last.closes}")
    if today <= closes:
        return ""
    return f"Đã qua hạn {closes:%d/%m/%Y} của cơ quan tiếp nhận ({last.title}); xin hỏi cơ quan ấy trước khi gửi."


def message_id(sender_code: str, version_id: uuid.UUID, authority: str, action: str) -> str:
    """The id of a message, which follows from what it says: whoever makes it anew makes the same."""
    said = f"hocba message 1 {version_id} {authority} {action}"
    return sender_code + sha256_hex(said.encode())[:32]


def next_message_id(sender_code: str, refused: str) -> str:
    """The id of a message that says again what was refused under that id."""
    return sender_code + sha256_hex(f"hocba message 1 after {refused}".encode())[:32]


def announcement(action: str, version_id: uuid.UUID, was: str, found: Outcome) -> Event | None:
    """What the others are told when a delivery comes from one state to the next; None: nothing that is new to them."""
    if found.state == was:
        return None
    match action, found.state:
        case Action.RECALL, DeliveryState.ACCEPTED:
            return DeliveryRecalled(version_id)
        case Action.RECALL, DeliveryState.REJECTED:
            return _about_recall(version_id, found)
        case Action.RECALL, _:
            return None
        case _, DeliveryState.RECEIVED:
            return DeliverySubmitted(version_id)
        case _, DeliveryState.ACCEPTED:
            return DeliveryLocked(version_id) if found.locked else DeliveryAccepted(version_id)
        case _, DeliveryState.REJECTED:
            return DeliveryRejected(version_id)
    return None


def _about_recall(version_id: uuid.UUID, found: Outcome) -> Event:
    """Why an Authority refuses a recall says how the version stands there; a code that may mean other things says not."""
    means = [frozenset(error.means) for error in found.errors]
    if frozenset({"locked"}) in means:
        return RecallRefused(version_id)
    taken_out = any(one and one <= {"recalled", "replaced"} for one in means)
    return DeliveryRecalled(version_id) if taken_out else RecallReturned(version_id)


def cause_of(state: str, code: str, reason: str, known: ErrorEntry | None) -> str:
    """What several deliveries have in common that stopped: the cause that the profile names, or the words themselves."""
    if state == DeliveryState.REJECTED:
        return f"error {known.cause}" if known else f"code {code}"
    return f"reason {sha256_hex(reason.encode())[:16]}"


def class_progress(
    one: ClassSummary,
    issued: int,
    states: Mapping[str, int],
    dues: Mapping[Step, Due],
    today: date,
) -> ClassProgress:
    """How far the documents of a class are with the Authority, and how long the report may still take."""
    due = dues.get(Step.REPORTED)
    return ClassProgress(
        class_id=one.id,
        class_name=one.name,
        issued=issued,
        sent=sum(states.get(state, 0) for state in _ARRIVED),
        accepted=states.get(DeliveryState.ACCEPTED, 0),
        troubled=sum(states.get(state, 0) for state in _TROUBLED),
        due=due.day if due else None,
        days=(due.day - today).days if due else None,
    )
