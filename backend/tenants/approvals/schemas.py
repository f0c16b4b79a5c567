"""The words of what two people of a school decide together (four-eyes)."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

import msgspec

from backend.core.actor import StaffId
from backend.tenants.permissions import Permission

RequestId = NewType("RequestId", uuid.UUID)
#: What a deed needs to be done, as texts: kept with the request, and never changed.
Facts = Mapping[str, str]

#: A request that nobody has decided by then is over.
LASTS = timedelta(hours=72)


class Kind(StrEnum):
    """The closed list of deeds that one person asks for and another approves."""

    SCHOOL_EXPORT = "school_export"
    SCHOOL_CLOSING = "school_closing"
    SEAL_CERTIFICATE = "seal_certificate"
    SEAL_RESUMING = "seal_resuming"
    CERTIFICATE_REVOCATION = "certificate_revocation"
    TOKEN_PAIRING = "token_pairing"
    TRANSCRIPT_RECALL = "transcript_recall"
    PROVIDER_ACCOUNT = "provider_account"
    UNATTENDED_SEAL = "unattended_seal"


#: What a kind is called, and what whoever asks for it must be allowed to do, still on the day when it is done.
KIND_NAMES = {
    Kind.SCHOOL_EXPORT: "Xuất toàn bộ dữ liệu của trường",
    Kind.SCHOOL_CLOSING: "Đóng trường",
    Kind.SEAL_CERTIFICATE: "Đăng ký hoặc thay con dấu số",
    Kind.SEAL_RESUMING: "Dùng lại con dấu số",
    Kind.CERTIFICATE_REVOCATION: "Thu hồi chứng thư số",
    Kind.TOKEN_PAIRING: "Ghép máy giữ token USB của con dấu số",
    Kind.TRANSCRIPT_RECALL: "Thu hồi học bạ đã phát hành",
    Kind.PROVIDER_ACCOUNT: "Dùng tài khoản ký số khác của trường",
    Kind.UNATTENDED_SEAL: "Cho con dấu số tự đóng trong giới hạn",
}
ASKED_BY = {
    Kind.SCHOOL_EXPORT: Permission.SCHOOL_EXPORT,
    Kind.SCHOOL_CLOSING: Permission.SCHOOL_CLOSE,
    Kind.SEAL_CERTIFICATE: Permission.CREDENTIALS_MANAGE,
    Kind.SEAL_RESUMING: Permission.CREDENTIALS_MANAGE,
    Kind.CERTIFICATE_REVOCATION: Permission.CREDENTIALS_MANAGE,
    Kind.TOKEN_PAIRING: Permission.CREDENTIALS_MANAGE,
    Kind.TRANSCRIPT_RECALL: Permission.TRANSCRIPT_WITHDRAW,
    Kind.PROVIDER_ACCOUNT: Permission.CREDENTIALS_MANAGE,
    Kind.UNATTENDED_SEAL: Permission.SEAL,
}
#: Kinds that are each about one thing of many: several may wait side by side, one about each.
ABOUT_ONE_OF_MANY = frozenset({Kind.TRANSCRIPT_RECALL})


class State(StrEnum):
    """Waiting until somebody decides; what is over undecided is told by its time (`rules.is_over`)."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ApprovalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request: `told` says in a sentence what would be done, `reason` why. `answer` is why it was refused.

    Of the two people their places at the school and their accounts are known: neither may be the same.
    """

    id: RequestId
    kind: Kind
    facts: Facts
    told: str
    reason: str
    asked_by: StaffId
    asked_by_name: str
    asked_account: uuid.UUID
    asked_at: datetime
    ends_at: datetime
    state: State
    decided_by_name: str | None = None
    decided_at: datetime | None = None
    answer: str | None = None

    @property
    def title(self) -> str:
        """What the kind is called."""
        return KIND_NAMES[self.kind]
