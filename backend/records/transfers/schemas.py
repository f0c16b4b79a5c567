"""The words of transfers: what a package says of itself, schema "hocba.transfer/1", and how far one has come."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, NewType

import msgspec
from msgspec import Meta

from backend.records.transcripts.schemas import AcademicYear, LookupCode, PersonalId, SignerRole, Snapshot
from backend.records.verification.schemas import SignatureView, Standing

TransferId = NewType("TransferId", uuid.UUID)
ReceivedId = NewType("ReceivedId", uuid.UUID)

PDF_TYPE = "application/pdf"
MANIFEST = "manifest.json"
#: Who signs a package, in this order: the head of the school, then its seal.
SIGNERS = (SignerRole.PRINCIPAL, SignerRole.SCHOOL_SEAL)

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Words = Annotated[str, Meta(min_length=1, max_length=300)]


class TransferState(StrEnum):
    """How far a package that goes out has come; `rules.NEXT` says what follows what."""

    DRAFTED = "drafted"
    SIGNING = "signing"
    READY = "ready"
    OFFERED = "offered"
    REFUSED = "refused"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"


class OfferState(StrEnum):
    """What became of an offer to another school of the platform."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class RefusalReason(StrEnum):
    """Why a school does not take a package; a closed list, so that the directory holds no word about anybody."""

    NO_SUCH_PUPIL = "no_such_pupil"
    NOT_ADMITTED = "not_admitted"
    WRONG_CONTENT = "wrong_content"


class ReceivedState(StrEnum):
    """How far a package that came in has come."""

    CHECKED = "checked"
    ACCEPTED = "accepted"
    DISCARDED = "discarded"


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Immutable; an unknown field means a newer schema and is refused rather than dropped."""


class Party(_Frozen, frozen=True, kw_only=True):
    """A school by its name and its Ministry code."""

    name: Words
    code: Annotated[str, Meta(max_length=30)]


class Pupil(_Frozen, frozen=True, kw_only=True):
    """Whose học bạ it is."""

    full_name: Words
    date_of_birth: date
    student_code: Words
    personal_id: PersonalId | None


class Part(_Frozen, frozen=True, kw_only=True):
    """One attached file."""

    name: Annotated[str, Meta(pattern=r"^[0-9a-z.-]{1,60}$(?!\n)")]
    sha256: Digest


class NamedSigner(_Frozen, frozen=True, kw_only=True):
    """Who signed a year in which place."""

    role: SignerRole
    name: Words


class YearPart(_Frozen, frozen=True, kw_only=True):
    """One issued school year and its two files."""

    academic_year: AcademicYear
    class_name: Words
    version: Annotated[int, Meta(ge=1)]
    lookup_code: LookupCode
    content_sha256: Digest
    issued_on: date
    signers: tuple[NamedSigner, ...]
    pdf: Part
    xml: Part


class Manifest(_Frozen, frozen=True, kw_only=True):
    """All that a package says; as canonical JSON it is attached to its cover page. `head` signs for the sender."""

    id: uuid.UUID
    drafted_on: date
    sandbox: bool
    sender: Party
    head: Words
    receiver: Party
    student: Pupil
    years: Annotated[tuple[YearPart, ...], Meta(min_length=1, max_length=15)]
    schema: Literal["hocba.transfer/1"] = "hocba.transfer/1"


class CheckedYear(msgspec.Struct, frozen=True, kw_only=True):
    """A year of a package whose files were checked; `standing` is None where that is not known here."""

    part: YearPart
    snapshot: Snapshot
    standing: Standing | None


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package that is intact and signed: what it says, who signed it, its years. `size` in bytes."""

    manifest: Manifest
    sha256: str
    size: int
    signatures: tuple[SignatureView, ...]
    years: tuple[CheckedYear, ...]


class ToOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed package and the school of the platform for which it is meant."""

    receiver_id: uuid.UUID
    sha256: str


class TransferView(msgspec.Struct, frozen=True, kw_only=True):
    """A package that goes out, for people. `why` says why it was cancelled or refused."""

    id: TransferId
    student_id: uuid.UUID
    state: TransferState
    to_name: str
    to_code: str
    drafted_at: datetime
    package_sha256: str | None
    signed_sha256: str | None
    ended_at: datetime | None
    why: str | None


class ReceivedView(msgspec.Struct, frozen=True, kw_only=True):
    """A package that came in, for people; its verdict is that of the moment when it was checked."""

    id: ReceivedId
    student_id: uuid.UUID
    state: ReceivedState
    from_name: str
    from_code: str
    sha256: str
    verdict: dict[str, str]
    received_at: datetime
    decided_at: datetime | None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A package that another school of the platform offers to this one; without a word about the pupil."""

    transfer_id: uuid.UUID
    from_code: str
    from_name: str
    sha256: str
    state: OfferState
    offered_at: datetime
    answered_at: datetime | None
    why: RefusalReason | None


class IssuedYear(msgspec.Struct, frozen=True, kw_only=True):
    """A year that a package would hold."""

    academic_year: str
    class_name: str
    number: int
    issued_at: datetime
    lookup_code: str


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil's page: who, what has gone out and come in, what a new package would hold or why there can be none."""

    student_id: uuid.UUID
    full_name: str
    sent: tuple[TransferView, ...]
    received: tuple[ReceivedView, ...]
    years: tuple[IssuedYear, ...]
    obstacle: str | None
