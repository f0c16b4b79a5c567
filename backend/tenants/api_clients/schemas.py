"""The words of connections: other systems that read and write a school's data with a key of their own."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

ApiClientId = NewType("ApiClientId", uuid.UUID)


class Scope(StrEnum):
    """What a key opens; the closed list."""

    CLASSES_READ = "classes:read"
    STUDENTS_READ = "students:read"
    TRANSCRIPTS_READ = "transcripts:read"
    DELIVERIES_READ = "deliveries:read"
    RESULTS_READ = "results:read"
    EVENTS_READ = "events:read"
    ROSTER_WRITE = "roster:write"
    MARKS_WRITE = "marks:write"


SCOPE_NAMES = {
    Scope.CLASSES_READ: "Danh sách lớp",
    Scope.STUDENTS_READ: "Họ tên, mã, ngày sinh, giới tính của học sinh",
    Scope.TRANSCRIPTS_READ: "Trạng thái, mã băm và tệp của học bạ đã phát hành",
    Scope.DELIVERIES_READ: "Kết quả gửi học bạ lên Sở",
    Scope.RESULTS_READ: "Kết quả cả năm đã được xác nhận của học sinh",
    Scope.EVENTS_READ: "Việc đã xảy ra với học bạ và kết quả (chỉ mã, không có dữ liệu học sinh)",
    Scope.ROSTER_WRITE: "Ghi lớp, học sinh và việc xếp lớp",
    Scope.MARKS_WRITE: "Ghi điểm vào sổ đang mở",
}


class ClientKind(StrEnum):
    """How the other system shows its key: one that it sends each time, or a secret that it changes for short ones."""

    TOKEN = "token"
    OAUTH = "oauth"


KIND_NAMES = {
    ClientKind.TOKEN: "Mã truy cập cố định",
    ClientKind.OAUTH: "OAuth 2.0 (mã khách và khóa bí mật)",
}


class NewApiClient(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as somebody wants it."""

    name: str
    kind: ClientKind
    scopes: frozenset[Scope]
    months: int


class ApiClient(msgspec.Struct, frozen=True, kw_only=True):
    """A connection in a list. `seen_at` is when its key was last used, to the minute."""

    id: ApiClientId
    name: str
    kind: ClientKind
    scopes: tuple[Scope, ...]
    created_by: str
    created_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    seen_at: datetime | None


class KnownClient(msgspec.Struct, frozen=True, kw_only=True):
    """The holder of a key: which school let it in under which name, and to what."""

    id: ApiClientId
    tenant_id: uuid.UUID
    name: str
    scopes: frozenset[Scope]


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown once, to whoever asked for it, and kept nowhere."""

    client_id: ApiClientId
    kind: ClientKind
    secret: str


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """A short-lived key; `seconds` until it ends."""

    token: str
    scopes: frozenset[Scope]
    seconds: int
