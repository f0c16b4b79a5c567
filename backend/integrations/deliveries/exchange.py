"""Talking to an Authority between two transactions: the bytes of both sides are stored before they are recorded."""

import uuid
from collections.abc import Sequence

import msgspec

from backend.core import clock, storage
from backend.core.storage import Packed
from backend.integrations.authorities.schemas import Endpoint, Trial
from backend.integrations.deliveries.channels import lists, rest
from backend.integrations.deliveries.channels.port import (
    Channel,
    Evidence,
    Message,
    NotFound,
    NotSent,
    QueryResult,
    SendResult,
    Unknown,
)
from backend.integrations.deliveries.channels.portal import PortalChannel
from backend.integrations.deliveries.channels.rest import RestChannel
from backend.integrations.deliveries.schemas import Action, FetchedList, Question, Sending
from backend.integrations.profiles.mapping import BadMapping
from backend.integrations.profiles.messages import takes_grade
from backend.remote_signing.formats.service import BadKey

_BY_HTTP = RestChannel()
_BY_HAND = PortalChannel()

_NO_TURN = "Cơ quan tiếp nhận trả lời chậm nên chưa đến lượt gửi; hệ thống tự gửi tiếp."
_OTHER_GRADE = (
    "Cơ quan tiếp nhận này không nhận học bạ của khối lớp này; hãy hỏi Sở nơi nhận rồi kết nối đúng cơ quan."
)
_NO_SUCH_ACTION: dict[str, str] = {
    Action.SUBMIT: "Cơ quan tiếp nhận này không nhận học bạ nộp mới; hãy hỏi Sở.",
    Action.REPLACE: "Cơ quan tiếp nhận này không nhận bản thay thế; hãy gửi văn bản đề nghị Sở thay.",
    Action.RECALL: "Cơ quan tiếp nhận này không nhận đề nghị thu hồi; hãy gửi văn bản đề nghị Sở thu hồi.",
}


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A message with the bytes that leave; or the reason why none can, in a sentence: then it waits for a person."""

    message: Message
    content: bytes = b""
    reason: str = ""


def channel_of(endpoint: Endpoint) -> Channel:
    """The channel that speaks the transport of a profile."""
    match endpoint.profile.transport.kind:
        case "rest" | "soap":
            return _BY_HTTP
        case "manual_portal":
            return _BY_HAND
        case "sftp":
            # Loaded by whoever has such an Authority: asyncssh is large.
            from backend.integrations.deliveries.channels.sftp import SftpChannel

            return SftpChannel()


def made(sending: Sending, package: bytes) -> Made:
    """The message about the XML `package` as it leaves, held to the Authority's schemas; or why there is none.

    A recall names the package and does not carry it.
    """
    message = sending.message(package)
    reason = why_not(sending.endpoint, message)
    if reason:
        return Made(message=message, reason=reason)
    try:
        return Made(message=message, content=channel_of(sending.endpoint).make(sending.endpoint, message))
    except BadMapping as error:
        return Made(message=message, reason=rest.UNMAPPED.format(reason=error))
    except BadKey as error:
        return Made(message=message, reason=rest.BAD_KEY.format(reason=error))


async def send(sending: Sending, made: Made) -> SendResult:
    """Send what was made, or send it again under the same message id."""
    return await channel_of(sending.endpoint).send(sending.endpoint, made.message, made.content)


def not_begun() -> NotSent:
    """What is said of a message that had no turn in the time of its job."""
    return NotSent(reason=_NO_TURN, evidence=_nothing())


async def ask(question: Question) -> QueryResult:
    """What became of a message."""
    channel = channel_of(question.endpoint)
    return await channel.query(question.endpoint, question.message_id, question.sender_code)


async def keep(tenant_id: uuid.UUID, evidence: Sequence[Evidence]) -> list[Packed]:
    """Store what went out and what came back, before it is recorded. Raises Unavailable."""
    both = [part for one in evidence for part in (one.sent, one.received)]
    return await storage.put_together(tenant_id, both, "application/octet-stream") if both else []


async def fetch_list(tenant_id: uuid.UUID, endpoint: Endpoint, sender_code: str) -> FetchedList:
    """What an Authority has of a school."""
    fetched = await lists.fetch(endpoint, sender_code)
    for page in fetched.pages:
        await storage.put(tenant_id, page)
    return fetched


async def try_out(endpoint: Endpoint, sender_code: str) -> Trial:
    """What an Authority says to a question about a message that it cannot know."""
    answer = await channel_of(endpoint).query(endpoint, sender_code + "0" * 32, sender_code)
    match answer:
        case NotFound():
            return Trial.ANSWERED
        case Unknown(refused=True):
            return Trial.REFUSED
        case Unknown(evidence=Evidence(status=None)):
            return Trial.UNREACHED
    return Trial.UNREADABLE


def why_not(endpoint: Endpoint, message: Message) -> str:
    """Why this Authority takes such a message in no form, in a sentence; empty where it may."""
    profile = endpoint.profile
    by_letter = profile.transport.kind == "manual_portal" and message.action == Action.RECALL
    if message.action not in profile.actions and not by_letter:
        return _NO_SUCH_ACTION[message.action]
    return "" if takes_grade(profile, message.record or {}) else _OTHER_GRADE


def _nothing() -> Evidence:
    now = clock.now()
    return Evidence(target="", started_at=now, ended_at=now, sent=b"", received=b"", status=None)


def brought(receipt: bytes) -> Evidence:
    """The evidence of a receipt that a person brought."""
    now = clock.now()
    return Evidence(target="", started_at=now, ended_at=now, sent=b"", received=receipt, status=None)
