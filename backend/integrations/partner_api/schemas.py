"""The words of the interface for other systems, version 1: fields may be added, none is ever changed."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from backend.integrations.deliveries.schemas import Action as DeliveryAction
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.webhooks.schemas import EventItem
from backend.records.assessment.schemas import PrimaryResult, SecondaryResult
from backend.records.gradebook.schemas import MarkKind, SheetState
from backend.records.roster.schemas import StudentStatus
from backend.records.transcripts.schemas import VersionState
from backend.tenants.api_clients.schemas import ApiClientId


class FileKind(StrEnum):
    """The package of an issued transcript: the signed PDF, the signed XML, and the content that both show as JSON."""

    PDF = "pdf"
    XML = "xml"
    JSON = "json"


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


class NewClassItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A class of the working year, named as the Ministry's files name it ("6A1"); `electives` are subject codes.

    Grades 10 to 12 take exactly four of them (TT13/2022).
    """

    name: Annotated[str, Meta(min_length=1, max_length=20, examples=["6A1"])]
    grade_level: Annotated[int, Meta(ge=1, le=12)]
    electives: Annotated[tuple[Annotated[str, Meta(max_length=20)], ...], Meta(max_length=12)] = ()


class ClassesIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Classes to open."""

    classes: Annotated[tuple[NewClassItem, ...], Meta(min_length=1, max_length=100)]


class ClassTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A class of the request; `opened` is false where the school had it already."""

    id: uuid.UUID
    name: str
    opened: bool


class ClassesTaken(msgspec.Struct, frozen=True, kw_only=True):
    """In the order of the request."""

    classes: tuple[ClassTaken, ...]


Text = Annotated[str, Meta(min_length=1, max_length=300)]


class NewStudentItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pupil of the register. `student_code` is the Ministry's (mã định danh), `class_name` a class of the working year.

    What is left out says nothing: it never erases what the school knows. `status` other than studying, transferred_in
    and returned ends the pupil's place, on the day `status_on`.
    """

    student_code: Annotated[str, Meta(min_length=1, max_length=40, examples=["1400000001"])]
    full_name: Annotated[str, Meta(min_length=1, max_length=100, examples=["Lường Thị Ngọc Ánh"])]
    date_of_birth: date
    class_name: Annotated[str, Meta(max_length=20, examples=["6A1"])] = ""
    gender: Literal["female", "male"] | None = None
    personal_id: Annotated[str, Meta(pattern="^[0-9]{12}$")] | None = None
    ethnicity: Text | None = None
    nationality: Text | None = None
    birth_place: Text | None = None
    hometown: Text | None = None
    permanent_address: Text | None = None
    current_address: Text | None = None
    father_name: Text | None = None
    mother_name: Text | None = None
    guardian_name: Text | None = None
    registry_no: Text | None = None
    status: StudentStatus = StudentStatus.STUDYING
    status_on: date | None = None


class StudentsIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A register, or a part of it; who is not in it stays as they are."""

    students: Annotated[tuple[NewStudentItem, ...], Meta(min_length=1, max_length=1000)]


class StudentsTaken(msgspec.Struct, frozen=True, kw_only=True):
    """How many pupils were added, corrected, moved (to another class, or away), and found as they are."""

    new: int
    changed: int
    moved: int
    unchanged: int


class NewMarkItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cell of a sheet. `term` is 1 or 2, 0 for the whole year (grades 1 to 5, and the homeroom sheet "GVCN").

    `kind` and `slot` name the column as `GET /classes/{class_id}/sheets` lists them; `value` is written as people do
    ("8,5", "Đ", "T"), empty to clear. The code and the name must mean the same pupil.
    """

    class_name: Annotated[str, Meta(min_length=1, max_length=20, examples=["6A1"])]
    subject_code: Annotated[str, Meta(min_length=1, max_length=20, examples=["TOAN"])]
    term: Annotated[int, Meta(ge=0, le=2)]
    student_code: Annotated[str, Meta(min_length=1, max_length=40, examples=["1400000001"])]
    full_name: Annotated[str, Meta(min_length=1, max_length=100, examples=["Lường Thị Ngọc Ánh"])]
    kind: MarkKind
    slot: Annotated[str, Meta(max_length=40, examples=["1"])] = ""
    value: Annotated[str, Meta(max_length=2000, examples=["8,5"])]


class MarksIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Marks, of any open sheets."""

    marks: Annotated[tuple[NewMarkItem, ...], Meta(min_length=1, max_length=2000)]


class MarksTaken(msgspec.Struct, frozen=True, kw_only=True):
    """How many cells were filled, changed, and found as they are."""

    new: int
    changed: int
    unchanged: int


class ColumnItem(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a sheet; `kind` and `slot` name it when marks are pushed, `label` is what people read."""

    kind: MarkKind
    slot: str
    label: str


class SheetItem(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet of a class; `term` 0 is the whole year. It takes marks while `state` is open or reopened."""

    id: uuid.UUID
    subject_code: str
    subject_name: str
    term: int
    state: SheetState
    columns: tuple[ColumnItem, ...]


class SheetPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list; ask again with `next_cursor` until it is null."""

    items: tuple[SheetItem, ...]
    next_cursor: uuid.UUID | None


class ResultItem(msgspec.Struct, frozen=True, kw_only=True):
    """What the homeroom teacher has confirmed of a pupil's year; `result` as `hocba assess` writes it.

    `rule_set` names the edition of the circular by which it was made.
    """

    id: uuid.UUID
    student_id: uuid.UUID
    student_code: str
    rule_set: str
    result: SecondaryResult | PrimaryResult


class ResultPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list; ask again with `next_cursor` until it is null."""

    items: tuple[ResultItem, ...]
    next_cursor: uuid.UUID | None


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, oldest first; ask again with `after=next_after`, at any time: nothing is left out or told twice."""

    items: tuple[EventItem, ...]
    next_after: int


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
