"""The life of a delivery: what an answer makes of it. No I/O."""

import msgspec

from backend.integrations.deliveries.channels import port
from backend.integrations.deliveries.schemas import DeliveryState

#: After an interrupted attempt: how long its message may still be on the way (seconds).
SETTLE_SECONDS = 3.0
#: Longest pause between two looks at an Authority that is of no help (seconds).
LONGEST_PAUSE = 60.0

FINAL = frozenset({DeliveryState.ACCEPTED, DeliveryState.REJECTED})

STATE_NAMES = {
    DeliveryState.QUEUED: "Chờ gửi",
    DeliveryState.SENDING: "Đang gửi",
    DeliveryState.RECEIVED: "Đã tiếp nhận, chờ kết quả",
    DeliveryState.UNKNOWN: "Chưa rõ, đang hỏi lại",
    DeliveryState.ACCEPTED: "Được chấp nhận",
    DeliveryState.REJECTED: "Bị từ chối",
    DeliveryState.PARKED: "Chờ người xử lý",
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """New state, why, the Authority's reference and errors, and in how many seconds to look again (None: never)."""

    state: DeliveryState
    reason: str | None = None
    reference: str | None = None
    errors: tuple[port.AuthorityError, ...] = ()
    ask_after: float | None = None
    send_after: float | None = None


def outcome(answer: port.SendResult | port.QueryResult, waited: float) -> Outcome:
    """What an answer means. What cannot be read is UNKNOWN, never accepted and never rejected.

    `waited`: seconds since the first attempt; an Authority in trouble is left alone for longer and longer.
    """
    match answer:
        case port.Received(authority_id=reference):
            return Outcome(state=DeliveryState.RECEIVED, reference=reference, ask_after=1.0)
        case port.Accepted(receipt=receipt):
            return Outcome(state=DeliveryState.ACCEPTED, reference=receipt)
        case port.Rejected(errors=errors):
            return Outcome(state=DeliveryState.REJECTED, errors=errors)
        case port.Processing():
            return Outcome(state=DeliveryState.RECEIVED, ask_after=_pause(2.0, waited))
        case port.NotFound():
            return Outcome(state=DeliveryState.QUEUED, send_after=0.0)
        case port.NotSent(needs_person=True, reason=reason):
            return Outcome(state=DeliveryState.PARKED, reason=reason)
        case port.NotSent(reason=reason, retry_after=wait):
            return Outcome(state=DeliveryState.QUEUED, reason=reason, send_after=wait or _pause(5.0, waited))
        case port.Unknown(reason=reason):
            return Outcome(state=DeliveryState.UNKNOWN, reason=reason, ask_after=_pause(3.0, waited))


def _pause(shortest: float, waited: float) -> float:
    return min(LONGEST_PAUSE, max(shortest, waited / 4))
