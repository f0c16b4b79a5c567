"""Where messages may go, when they are tried again, and what they look like on the wire. No I/O."""

import ipaddress
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

import msgspec

from backend.core.errors import Invalid
from backend.integrations.webhooks.schemas import (
    SCHEDULE,
    STOPPED_AFTER,
    TOLD,
    EventKind,
    NewEndpoint,
    Outcome,
    Problem,
)

#: The kind of job that sends one message.
SEND = "webhooks.send"
MOST_ENDPOINTS = 10
_LONGEST = 500
#: Whoever asks to wait is waited for no longer than this.
_LONGEST_WAIT = 24 * 3600.0


def checked(new: NewEndpoint, tunnels: Collection[str]) -> NewEndpoint:
    """The endpoint with a clean address. Raises Invalid; hosts of `tunnels` may also be told without TLS, at any port."""
    if not new.events or not new.events <= {*TOLD}:
        raise Invalid("Chưa chọn loại tin nào để báo; hãy chọn ít nhất một loại.")
    url = new.url.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Invalid(_no_address(url)) from None
    public = parts.scheme == "https" and port in (None, 443) and _is_name(host)
    by_tunnel = parts.scheme in ("http", "https") and host in tunnels
    odd = "@" in parts.netloc or parts.fragment or len(url) > _LONGEST or not _is_plain(url)
    if odd or not (public or by_tunnel):
        raise Invalid(_no_address(url))
    return NewEndpoint(url=_canonical(parts), events=new.events)


def _no_address(url: str) -> str:
    return (
        f"Địa chỉ nhận tin “{url[:80]}” phải bắt đầu bằng https://, có tên miền công khai, không kèm cổng, tên đăng nhập "
        "hay dấu #; hãy hỏi lại bên kết nối."
    )


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def _is_name(host: str) -> bool:
    """A name of the public internet, not an address of a machine; where it leads is looked at with each message."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host.strip(".") and not host.rpartition(".")[2].isdigit()
    return False


def _canonical(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/").geturl()


def delay(attempts: int, jitter: float, wait: float) -> float | None:
    """Seconds until the next try, after so many; None: no more by itself. `jitter` (0…1) spreads those of one moment."""
    if attempts > len(SCHEDULE):
        return None
    return max(SCHEDULE[attempts - 1] * (0.9 + 0.2 * jitter), min(wait, _LONGEST_WAIT))


def stops(outcome: Outcome, failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint is told nothing more after this try."""
    return outcome.problem is Problem.GONE or now - failing_since > STOPPED_AFTER


def outcome_of(status: int, retry_after: str) -> Outcome:
    """What an answer means: taken, or not, and when to ask again. Its body means nothing."""
    if 200 <= status < 300:
        return Outcome(status=status)
    wait = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 8 else 0
    return Outcome(status=status, problem=Problem.GONE if status == 410 else Problem.REFUSED, wait=wait)


def wire_id(event_id: uuid.UUID) -> str:
    """The id of a message: the same however often it is sent, and to whom."""
    return f"msg_{event_id.hex}"


def body(kind: EventKind, happened_at: datetime, subject_id: uuid.UUID, sequence: int) -> bytes:
    """What is sent: ids alone; whoever may see more asks the interface with a key."""
    said = {"type": kind, "timestamp": happened_at, "data": {"id": subject_id, "sequence": sequence}}
    return msgspec.json.encode(said)


def signed_content(message_id: str, timestamp: int, content: bytes) -> bytes:
    """What a signature is over (Standard Webhooks)."""
    return b".".join((message_id.encode(), str(timestamp).encode(), content))


def headers(message_id: str, timestamp: int, signatures: Sequence[str]) -> dict[str, str]:
    """Of a message; one signature for each key that counts."""
    return {
        "content-type": "application/json",
        "user-agent": "hocba-webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
