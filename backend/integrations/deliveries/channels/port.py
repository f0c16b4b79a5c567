"""The port of every way to an authority: a message goes out, one of a few named answers comes back
(`integrations.md` 4.1).

What cannot be read is `Unknown`, never accepted and never rejected. Every answer carries its evidence: the
bytes that went out and came back, with digests and times, without secrets.
"""

import hashlib
from datetime import datetime
from typing import Protocol

import msgspec

# These words belong to authorities and profiles; they are named here again because every channel speaks them.
from backend.integrations.authorities.schemas import Endpoint as Endpoint
from backend.integrations.profiles.schemas import ErrorClass, Finding
from backend.integrations.profiles.schemas import Message as Message


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What went out and what came back, byte for byte;

    `status` is the HTTP status, None without an answer.
    """

    target: str
    started_at: datetime
    ended_at: datetime
    sent: bytes
    received: bytes
    status: int | None

    @property
    def sent_sha256(self) -> str:
        """Lower-case hex."""
        return hashlib.sha256(self.sent).hexdigest()

    @property
    def received_sha256(self) -> str:
        """Lower-case hex."""
        return hashlib.sha256(self.received).hexdigest()


class AuthorityError(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the authority's error list: its code, the field meant, its words; what it means, who can act."""

    code: str
    field: str
    message: str
    means: tuple[Finding, ...] = ()
    kind: ErrorClass = "ask_human"


class Received(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Technical acknowledgement: the authority has the message under `authority_id`. Not yet accepted."""

    authority_id: str
    evidence: Evidence


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Business answer: taken into the authority's database, with the number of its receipt."""

    receipt: str
    evidence: Evidence


class Locked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Accepted before, and now closed: nothing of it may be recalled or replaced any more."""

    receipt: str
    evidence: Evidence


class Rejected(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The authority refuses the content and says why."""

    errors: tuple[AuthorityError, ...]
    evidence: Evidence


class Processing(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The authority has it and has not decided."""

    evidence: Evidence


class NotFound(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The authority does not know the message id: resend the same id after the settle time."""

    evidence: Evidence


class Unknown(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It may or may not have arrived: query, then resend the same id. `reason` is a Vietnamese sentence.

    `refused`: the authority does not take our key.
    """

    reason: str
    evidence: Evidence
    refused: bool = False


class NotSent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Certainly not taken: no connection, key refused (`needs_person`) or told to wait (`retry_after` s)."""

    reason: str
    evidence: Evidence
    needs_person: bool = False
    retry_after: float | None = None


class ForPerson(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A person has to carry it there: the line that belongs into the file is made, nothing has left."""

    evidence: Evidence


SendResult = Received | Rejected | Unknown | NotSent | ForPerson
QueryResult = Accepted | Locked | Rejected | Processing | NotFound | Unknown


class Channel(Protocol):
    """One transport.

    Both calls always return; a fault of the network or of the authority is an answer with a name.
    """

    def make(self, endpoint: Endpoint, message: Message) -> bytes:
        """The message as it leaves: the same one is the same bytes, unless it is encrypted.

        Raises profiles.mapping.BadMapping and formats.BadKey.
        """
        ...

    async def send(self, endpoint: Endpoint, message: Message, content: bytes | None = None) -> SendResult:
        """Send, or send again under the same id; `content` is what `make` made. Commit the attempt before calling."""
        ...

    async def query(self, endpoint: Endpoint, message_id: str, sender_code: str) -> QueryResult:
        """What became of the message."""
        ...
