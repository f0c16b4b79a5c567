"""The words of credentials."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.core.actor import StaffId
from backend.remote_signing.formats.schemas import CertificateFacts
from backend.remote_signing.providers.port import RemoteCredential
from backend.tenants.approvals.schemas import ApprovalRequest

CredentialId = NewType("CredentialId", uuid.UUID)


class Purpose(StrEnum):
    """A person's signature and the school's seal are different things in law."""

    SIGNATURE = "signature"
    SEAL = "seal"


class CredentialStatus(StrEnum):
    """Only an active credential is consented with; a retiring one, which another has replaced, signs what was consented
    to before and then is replaced. Replaced and revoked ones never sign again."""

    ACTIVE = "active"
    RETIRING = "retiring"
    SUSPENDED = "suspended"
    REPLACED = "replaced"
    REVOKED = "revoked"


class CertificateState(StrEnum):
    """How a holder's certificate stands today: valid, or what needs doing, the most urgent last."""

    VALID = "valid"
    IN_60_DAYS = "in_60_days"
    IN_30_DAYS = "in_30_days"
    IN_7_DAYS = "in_7_days"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    MISSING = "missing"


def path_of(staff_id: StaffId | None) -> str:
    """The page about the certificates of a person, or of the seal."""
    return f"/chung-thu/{staff_id or 'con-dau'}"


class CredentialView(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate with what is needed to use it. `certificate` and `chain` are DER.

    `fingerprint` is SHA-256 of the certificate (hex); `revision` grows with each change of the status.
    """

    id: CredentialId
    purpose: Purpose
    staff_id: StaffId | None
    provider: str
    provider_name: str
    account: str
    reference: str
    subject_name: str
    issuer_name: str
    serial: str
    certificate: bytes
    chain: tuple[bytes, ...]
    fingerprint: str
    not_before: datetime
    not_after: datetime
    status: CredentialStatus
    revision: int
    enrolled_at: datetime


class HolderState(msgspec.Struct, frozen=True, kw_only=True):
    """Whose certificate (a signer's, or the school's seal: no `staff_id`), and how it stands.

    `credential` is the one that says so: the best of the holder's that may still sign.
    """

    holder: str
    role_label: str
    staff_id: StaffId | None
    credential: CredentialView | None
    days_left: int | None
    state: CertificateState

    @property
    def valid_until(self) -> date | None:
        """The last day."""
        return self.credential.not_after.date() if self.credential else None

    @property
    def path(self) -> str:
        """Where the holder's certificates are."""
        return path_of(self.staff_id)


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who a certificate must name: a person of the school, or the school itself with its tax code."""

    staff_id: StaffId | None
    name: str
    tax_code: str = ""

    @property
    def path(self) -> str:
        """Where their certificates are."""
        return path_of(self.staff_id)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that a provider lists, and why it cannot be taken over; with no `problems` it can.

    `is_theirs`: it names the holder. Of one that does not, nobody here is told more.
    """

    found: RemoteCredential
    facts: CertificateFacts
    is_theirs: bool
    problems: tuple[str, ...]


class TrialState(StrEnum):
    """What came of a harmless signature so far."""

    WAITING = "waiting"
    WORKS = "works"
    FAILS = "fails"


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it in words; with a `ticket` the browser may ask again."""

    state: TrialState
    told: str
    ticket: str = ""


class HolderFile(msgspec.Struct, frozen=True, kw_only=True):
    """The certificates of one holder, newest first; `waiting` is what two people have yet to decide about them."""

    holder: Holder
    credentials: tuple[CredentialView, ...]
    waiting: tuple[ApprovalRequest, ...]


class HistoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a certificate, when, by whom, and why."""

    at: datetime
    what: str
    by: str
    reason: str


class Minutes(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes of a certificate: what two people agreed to about it, and everything that became of it, oldest first.

    `key_sha256` is of its public key (SubjectPublicKeyInfo), in hex.
    """

    holder: Holder
    credential: CredentialView
    key_sha256: str
    approvals: tuple[ApprovalRequest, ...]
    history: tuple[HistoryLine, ...]


class CredentialFile(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of a holder, what became of it, the newest first, and what two people have yet to decide."""

    holder: Holder
    credential: CredentialView
    history: tuple[HistoryLine, ...]
    waiting: tuple[ApprovalRequest, ...]
