"""The words of the interface for other systems, version 1: fields may be added, none is ever changed."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus

import msgspec

from backend.integrations.deliveries.schemas import Action as DeliveryAction
from backend.integrations.deliveries.schemas import DeliveryState
from backend.records.transcripts.schemas import VersionState
from backend.tenants.api_clients.schemas import ApiClientId


class FileKind(StrEnum):
    """The two files of an issued transcript: the signed PDF, and the XML that was sent to the Authority."""

    PDF = "pdf"
    XML = "xml"


class ClassItem(msgspec.Struct, frozen=True, kw_only=True):
    """A homeroom class; `students` counts those who study in it now."""

    id: uuid.UUID
    name: str
    grade_level: int
    academic_year: str
    students: int


class StudentItem(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil of a class; `gender` is female, male or null where the school has not said."""

    id: uuid.UUID
    student_code: str
    full_name: str
    date_of_birth: date
    gender: str | None


class TranscriptItem(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen version of a pupil's transcript; all versions of one share `transcript_id`.

    Digests are SHA-256 in hex; the file's is there once it is issued.
    """

    id: uuid.UUID
    transcript_id: uuid.UUID
    student_id: uuid.UUID
    student_code: str
    class_id: uuid.UUID
    class_name: str
    academic_year: str
    number: int
    state: VersionState
    content_sha256: str
    signed_pdf_sha256: str | None
    verify_url: str | None
    frozen_at: datetime
    issued_at: datetime | None
    effective_on: date | None


class DeliveryProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What an Authority objected to."""

    code: str
    field: str | None
    message: str


class DeliveryItem(msgspec.Struct, frozen=True, kw_only=True):
    """What the Authority is asked about a version; `version_id` is its id among the transcripts.

    A recall or replacement names the message that it is about in `refers_to`.
    """

    id: uuid.UUID
    version_id: uuid.UUID
    transcript_id: uuid.UUID
    student_id: uuid.UUID
    authority: str
    action: DeliveryAction
    message_id: str
    refers_to: str | None
    state: DeliveryState
    authority_reference: str | None
    errors: tuple[DeliveryProblem, ...]
    queued_at: datetime
    answered_at: datetime | None


class ClassPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list; ask again with `next_cursor` until it is null."""

    items: tuple[ClassItem, ...]
    next_cursor: uuid.UUID | None


class StudentPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list; ask again with `next_cursor` until it is null."""

    items: tuple[StudentItem, ...]
    next_cursor: uuid.UUID | None


class TranscriptPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list; ask again with `next_cursor` until it is null."""

    items: tuple[TranscriptItem, ...]
    next_cursor: uuid.UUID | None


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list; ask again with `next_cursor` until it is null."""

    items: tuple[DeliveryItem, ...]
    next_cursor: uuid.UUID | None


class TokenForm(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a token (RFC 6749, 4.4.2); id and secret here or, better, as HTTP Basic."""

    grant_type: str = ""
    scope: str = ""
    client_id: str = ""
    client_secret: str = ""


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A token (RFC 6749, 5.1); `expires_in` in seconds, `scope` with spaces between."""

    access_token: str
    expires_in: int
    scope: str
    token_type: str = "Bearer"


class TokenProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is none (RFC 6749, 5.2)."""

    error: str
    error_description: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A failure (RFC 9457); `detail` is a sentence in Vietnamese, `request_id` leads us to the log."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for a token, by their own word, and for which scopes; none named means all of theirs."""

    client_id: ApiClientId
    secret: str
    scopes: tuple[str, ...]


class TokenRefused(Exception):
    """No token: the answer that says why, as RFC 6749 wants it."""

    def __init__(self, status: HTTPStatus, problem: TokenProblem, headers: dict[str, str]) -> None:
        super().__init__(problem.error)
        self.status, self.problem, self.headers = status, problem, headers
