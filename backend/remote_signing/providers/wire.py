"""Habits of every service that is spoken to in JSON over HTTP: what a silence means, how an answer is read."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from backend.core import http_client
from backend.core.http_client import Response
from backend.remote_signing.providers import port
from backend.remote_signing.providers.tokens import TokenCache

UNCLEAR = "Dịch vụ ký số trả lời không đọc được; hệ thống sẽ hỏi lại, không gửi yêu cầu ký mới."
_UNREACHED = "Không kết nối được dịch vụ ký số; hệ thống sẽ tự thử lại."
_SILENT = "Dịch vụ ký số không trả lời; hệ thống sẽ hỏi lại, không gửi yêu cầu ký mới."
_BUSY = "Dịch vụ ký số đang quá tải; hệ thống sẽ tự thử lại sau ít phút."
_Answer = TypeVar("_Answer")
#: The exception for an answer that is not a success.
Failure = Callable[[Response], port.ProviderError]


class TokenRefused(port.LoginRefused):
    """The access token is not accepted; a fresh one may be."""


class WasDeclined(port.UserActionNeeded):
    """The person refused."""


class HasExpired(port.NewAuthorizationNeeded):
    """The question to the person ran out."""


async def post(
    url: str,
    failure: Failure,
    *,
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
    form: Mapping[str, str] | None = None,
    within: float = 30.0,
) -> Response:
    """As `send`."""
    return await send("POST", url, failure, headers=headers, body=body, form=form, within=within)


async def send(
    verb: str,
    url: str,
    failure: Failure,
    *,
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
    form: Mapping[str, str] | None = None,
    within: float = 30.0,
) -> Response:
    """One call, `within` so many seconds.

    Raises NotReached, OutcomeUnknown, and for an answer that is no success what `failure` says.
    """
    try:
        answer = await http_client.request(
            verb, url, headers=headers, json=body, form=form, total_timeout=within
        )
    except http_client.NotSent as error:
        raise port.NotReached(_UNREACHED, str(error)) from error
    except http_client.NoAnswer as error:
        raise port.OutcomeUnknown(_SILENT, str(error)) from error
    if answer.status == 429:
        raise port.NotReached(_BUSY, "HTTP 429", _retry_after(answer))
    if not 200 <= answer.status < 300:
        raise failure(answer)
    return answer


async def with_token(
    tokens: TokenCache, account: port.ProviderAccount, ask: Callable[[str], Awaitable[Response]]
) -> Response:
    """Ask with a token; a refused one is renewed once, for all who wait. A second refusal is `LoginRefused`."""
    token = await tokens.get(account)
    try:
        return await ask(token)
    except TokenRefused:
        return await ask(await tokens.get(account, refused=token))


def read(answer: Response, kind: type[_Answer]) -> _Answer:
    """The answer as what it should be. Raises OutcomeUnknown: of a garbled success we do not know what it did."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(f"HTTP {answer.status}, {error}") from error


def read_part(part: msgspec.Raw, kind: type[_Answer]) -> _Answer:
    """A part of an answer; null is an empty one. Raises OutcomeUnknown."""
    try:
        return msgspec.json.decode(b"{}" if bytes(part) == b"null" else part, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(str(error)) from error


def hint(body: bytes, *path: str) -> port.WebhookHint | None:
    """The transaction that a notice names, at the given place; None when it names none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    is_name = isinstance(found, str) and found and found.isprintable()
    return port.WebhookHint(provider_tx=found) if is_name else None


def peek(answer: Response, kind: type[_Answer], empty: _Answer) -> _Answer:
    """What a failure says of itself, or `empty` when it cannot be read."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return empty


def unreadable(why: str) -> port.OutcomeUnknown:
    """A success that says nothing; `why` is for the log."""
    return port.OutcomeUnknown(UNCLEAR, why[:300])


def to_base64(data: bytes) -> str:
    """As JSON carries it."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes:
    """Bytes, line breaks in the text allowed. Raises UntrustedAnswer."""
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError) as error:
        raise port.UntrustedAnswer(
            "Dịch vụ ký số trả về dữ liệu không đúng định dạng; lô ký đã bị cách ly.", "not base64"
        ) from error


def require_digests(batch: port.HashBatch, limit: int) -> None:
    """Raises ValueError for a batch that must never leave: too large, or not SHA-256."""
    if not 0 < len(batch.hashes) <= limit:
        raise ValueError(f"a batch holds 1 to {limit} hashes")
    if any(len(digest) != port.DIGEST_BYTES for digest in batch.hashes):
        raise ValueError("only SHA-256 digests go out")


def rule(kind: type[port.ProviderError], message: str) -> Callable[[str], port.ProviderError]:
    """An entry of a table of errors: makes the exception out of the service's own words."""
    return lambda detail: kind(message, detail[:300])


def _retry_after(answer: Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None
