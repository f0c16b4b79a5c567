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
    """One signature as the public may see it. `part` is the subject that a subject's teacher signed.

    `timestamped`: `signed_at` is what an authority says, not the signer. `level` is that of ETSI (B-T, B-LTA).
    """

    role: str
    part: str | None
    signer: str
    signed_at: datetime | None
    intact: bool
    trusted: bool
    organisation: str | None = None
    issuer: str = ""
    serial: str = ""
    timestamped: bool = False
    level: str = ""


class YearStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A school year of a transcript, and how its newest version stands."""

    academic_year: str
    version: int
    standing: Standing


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Three separate answers about one transcript: intact, signed by whom, in force. No personal data of the pupil.

    `recalled_at`: the school has taken it back since, and no newer version is issued; else `replaced_by` is the number
    of that version. `years` are all that stand under the code. `file_sha256` is that of the file that was asked about.
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
    replaced_by: int | None = None
    replaced_at: datetime | None = None
    years: tuple[YearStanding, ...] = ()
    file_sha256: str | None = None


class ShownYear(msgspec.Struct, frozen=True, kw_only=True):
    """A school year that stands: what its page says (`view`, as the form prints it)."""

    academic_year: str
    version: int
    class_name: str
    full_name: str
    born: date
    view: object


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about a transcript, and its years; none where everything was recalled."""

    answer: Answer
    years: tuple[ShownYear, ...]
