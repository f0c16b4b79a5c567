"""The words of shares: who may read a học bạ by a link, what for, until when, and who has agreed to it."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.records.roster.schemas import StudentId
from backend.records.transcripts.schemas import TranscriptId

ShareId = NewType("ShareId", uuid.UUID)


class Relation(StrEnum):
    """Who agrees for the pupil (Luật 91/2025/QH15 Đ.24: the legal representative), or the pupil of age."""

    FATHER = "father"
    MOTHER = "mother"
    GUARDIAN = "guardian"
    SELF = "self"


RELATIONS = {
    Relation.MOTHER: "Mẹ",
    Relation.FATHER: "Cha",
    Relation.GUARDIAN: "Người giám hộ",
    Relation.SELF: "Chính học sinh, đã đủ 18 tuổi",
}


class Means(StrEnum):
    """How the consent was given, so that it can be proved (Luật 91/2025/QH15: specific, not assumed)."""

    PAPER = "paper"
    IN_PERSON = "in_person"
    ELECTRONIC = "electronic"


MEANS = {
    Means.PAPER: "Văn bản có chữ ký",
    Means.IN_PERSON: "Trực tiếp tại trường, có biên bản",
    Means.ELECTRONIC: "Tin nhắn, thư điện tử hoặc biểu mẫu của trường",
}


class Visit(StrEnum):
    """What somebody did with a link."""

    OPENED = "opened"
    WRONG_PIN = "wrong_pin"
    PDF = "pdf"
    XML = "xml"
    JSON = "json"


VISITS = {
    Visit.OPENED: "Xem nội dung",
    Visit.WRONG_PIN: "Nhập sai mã PIN",
    Visit.PDF: "Tải tệp PDF",
    Visit.XML: "Tải tệp XML",
    Visit.JSON: "Tải dữ liệu JSON",
}


class NewShare(msgspec.Struct, frozen=True, kw_only=True):
    """What is agreed: for whom, what for, until when, with or without files for machines; and the consent."""

    recipient: str
    purpose: str
    days: int
    with_data: bool
    consented_by: str
    relation: Relation
    means: Means
    consented_on: date
    child_agrees: bool


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets of a new share, shown once: the link and its PIN for the recipient, and the family's own link."""

    share_id: ShareId
    token: str
    pin: str
    family_token: str


class ShareView(msgspec.Struct, frozen=True, kw_only=True):
    """One share as the school and the family see it; `ended` says why it does not open any more, "" where it does."""

    id: ShareId
    transcript_id: TranscriptId
    student_id: StudentId
    recipient: str
    purpose: str
    with_data: bool
    made_at: datetime
    expires_at: datetime
    consented_by: str
    relation: str
    means: str
    consented_on: date
    revoked_at: datetime | None
    revoked_by_family: bool
    revoked_why: str | None
    wrong_pins: int
    ended: str = ""
    visits: tuple["VisitView", ...] = ()


class VisitView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a share's log."""

    at: datetime
    what: str
    network: str


class RequestState(StrEnum):
    """How far a request of an organisation has come."""

    WAITING = "waiting"
    GRANTED = "granted"
    REFUSED = "refused"


class NewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, what for, and whether machines are to read it; `is_known_school`: the platform vouches for the name."""

    organisation: str
    organisation_code: str
    is_known_school: bool
    contact: str
    purpose: str
    with_data: bool


class RequestView(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the school sees it; of `version_id` is the newest version, `full_name` the pupil."""

    id: uuid.UUID
    transcript_id: TranscriptId
    organisation: str
    organisation_code: str
    is_known_school: bool
    contact: str
    purpose: str
    with_data: bool
    asked_at: datetime
    state: str
    why: str | None
    version_id: uuid.UUID | None = None
    full_name: str = ""
