"""The words of verification."""

from datetime import date, datetime
from enum import StrEnum

import msgspec


class Standing(StrEnum):
    """How far a transcript counts: in force from the lock on (PL1 §2.1: R21), until then the school may recall it."""

    IN_FORCE = "in_force"
    ISSUED = "issued"
    NOT_ACCEPTED = "not_accepted"
    SUPERSEDED = "superseded"
    RECALLED = "recalled"


class SignatureView(msgspec.Struct, frozen=True, kw_only=True):
    """One signature as the public may see it. `part` is the subject that a subject's teacher signed."""

    role: str
    part: str | None
    signer: str
    signed_at: datetime | None
    intact: bool
    trusted: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Three separate answers about one transcript: intact, signed by whom, in force. No personal data of the pupil.

    `recalled_at`: the school has taken it back since, and no newer version is issued.
    """

    school: str | None
    academic_year: str | None
    version: int | None
    lookup_code: str | None
    verdict: str
    intact: bool
    signatures: tuple[SignatureView, ...]
    standing: Standing | None
    issued_at: datetime | None
    recalled_at: datetime | None
    effective_on: date | None
    problems: tuple[str, ...]
    notices: tuple[str, ...]
    sandbox: bool
