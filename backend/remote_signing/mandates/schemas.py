"""The words of mandates: what a seal may seal without a person for each batch."""

import uuid
from datetime import date, datetime, time
from typing import NewType

import msgspec

from backend.core.actor import StaffId
from backend.remote_signing.credentials.schemas import CredentialId

MandateId = NewType("MandateId", uuid.UUID)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How many documents a day, between which times of the day, until which day (inclusive)."""

    daily_limit: int
    opens: time
    closes: time
    last_day: date


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """What two people agreed to: whoever keeps the seal asked for it and answers for what is sealed under it."""

    id: MandateId
    credential_id: CredentialId
    keeper_id: StaffId
    keeper_name: str
    terms: Terms
    given_at: datetime
    ended_at: datetime | None
    ended_by_name: str
    ended_reason: str


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What a mandate allows at a moment: so many documents, or none for so many seconds; with neither it is over."""

    most: int = 0
    wait: float | None = None
