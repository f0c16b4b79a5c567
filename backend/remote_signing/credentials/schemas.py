"""The words of credentials."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.core.actor import StaffId

CredentialId = NewType("CredentialId", uuid.UUID)


class Purpose(StrEnum):
    """A person's signature and the school's seal are different things in law."""

    SIGNATURE = "signature"
    SEAL = "seal"


class CredentialStatus(StrEnum):
    """Only an active credential signs."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class CredentialView(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate with what is needed to use it. `certificate` and `chain` are DER."""

    id: CredentialId
    purpose: Purpose
    staff_id: StaffId | None
    provider: str
    account: str
    reference: str
    subject_name: str
    serial: str
    certificate: bytes
    chain: tuple[bytes, ...]
    not_before: datetime
    not_after: datetime
    status: CredentialStatus
