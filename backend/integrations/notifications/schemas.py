"""The words of notices: what waits for a person, and when and how they are told of it."""

import uuid
from datetime import date, datetime
from enum import StrEnum

import msgspec

from backend.core.actor import StaffId


class Kind(StrEnum):
    """What a notice is about, the most urgent first."""

    HALTED = "halted"
    STOPPED = "stopped"
    REJECTED = "rejected"
    RECALLED = "recalled"
    APPROVAL = "approval"
    DECLINED = "declined"
    NUDGE = "nudge"
    WORK = "work"
    SEAL = "seal"
    PARKED = "parked"
    PORTAL = "portal"
    DIFFERENCE = "difference"
    CERTIFICATE = "certificate"
    DEADLINE = "deadline"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that waits: `text` counts and names nobody, `url` is the place where it is done, `due` its last day.

    It is what waits at this moment and is kept nowhere, so it is gone as soon as the work is done.
    """

    kind: Kind
    text: str
    url: str
    due: date | None = None
    days: int | None = None


class Rhythm(StrEnum):
    """How often a person gets a digest by e-mail."""

    DAILY = "daily"
    WEEKLY = "weekly"
    NEVER = "never"


RHYTHM_NAMES = {
    Rhythm.DAILY: "Mỗi ngày, khi có việc",
    Rhythm.WEEKLY: "Mỗi thứ Hai, khi có việc",
    Rhythm.NEVER: "Không gửi thư",
}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has chosen. Hours are of Vietnam: nothing is sent from `quiet_from` on until `quiet_until`.

    `urgent`: told within the hour of what cannot wait for the digest (`rules.URGENT`).
    """

    rhythm: Rhythm = Rhythm.DAILY
    hour: int = 7
    quiet_from: int = 20
    quiet_until: int = 6
    urgent: bool = True


class MailState(StrEnum):
    """waiting → sending → sent, or refused; back to waiting where the server did not answer. Dropped: nothing waited any
    more, or it was too late to say so."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    DROPPED = "dropped"


STATE_NAMES = {
    MailState.WAITING: "Chờ gửi",
    MailState.SENDING: "Đang gửi",
    MailState.SENT: "Đã gửi",
    MailState.REFUSED: "Máy chủ thư không nhận",
    MailState.DROPPED: "Không cần gửi nữa",
}


class SentMail(msgspec.Struct, frozen=True, kw_only=True):
    """One e-mail to a person, as people may look at it; `problem` is a sentence, empty where there was none."""

    id: uuid.UUID
    staff_id: StaffId
    name: str
    state: MailState
    created_at: datetime
    tried_at: datetime | None
    attempts: int
    problem: str
