"""The only way out over HTTP. No redirects, no proxy from the environment, no compression, limits on time
and size.

It tells two failures apart, because what may be repeated hangs on it (infra/decisions/0003): `NotSent`, not
one byte of the request left; `NoAnswer`, the other side may have acted.
"""

import asyncio
import threading
from collections.abc import Mapping
from weakref import WeakKeyDictionary

import httpx
import msgspec

#: Largest answer that is read, in bytes, unless the caller says otherwise.
MAX_ANSWER = 5 * 1024 * 1024
#: Connections of one process to all services together, and how long an idle one is kept (seconds).
_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=15.0)
_FIRST_BYTE_EVENTS = ("http11.send_request_headers.started", "http2.send_request_headers.started")

_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient]" = WeakKeyDictionary()
_clients_lock = threading.Lock()


class HttpFailure(Exception):
    """A request without a usable answer.

    The text is technical, for logs; it never holds headers or bodies.
    """


class NotSent(HttpFailure):
    """Nothing left this machine: no connection, no free place in the pool, an address that is none."""


class NoAnswer(HttpFailure):
    """The request left, wholly or in part, and no whole answer within the limits came back."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it came. Names of `headers` are lower-case; of repeated ones the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower-case; empty if none was given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


async def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: object = None,
    form: Mapping[str, str] | None = None,
    content: bytes | None = None,
    total_timeout: float = 30.0,
    connect_timeout: float = 5.0,
    max_bytes: int = MAX_ANSWER,
) -> Response:
    """One request, one answer of any status. At most one of `json`, `form`, `content`; times in seconds.

    `total_timeout` covers everything from the connection to the last byte. Raises `NotSent` or `NoAnswer`.
    """
    sent_headers = {"accept-encoding": "identity", **(headers or {})}
    if json is not None:
        content = msgspec.json.encode(json)
        sent_headers.setdefault("content-type", "application/json")
    progress = _Progress()
    limits = httpx.Timeout(total_timeout, connect=connect_timeout, pool=connect_timeout)
    try:
        async with asyncio.timeout(total_timeout):
            built = _client().build_request(
                method, url, headers=sent_headers, content=content, data=form, timeout=limits,
                extensions={"trace": progress.note},
            )  # fmt: skip
            return await _exchange(built, max_bytes)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as failure:
        raise progress.failure(failure) from failure


async def aclose() -> None:
    """Close the connections of the running event loop. Call it before the loop ends."""
    with _clients_lock:
        client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()


class _Progress:
    """Listens to the transport to learn whether the first byte of the request has left."""

    def __init__(self) -> None:
        self.started = False

    async def note(self, event: str, info: object) -> None:
        if event in _FIRST_BYTE_EVENTS:
            self.started = True

    def failure(self, cause: Exception) -> HttpFailure:
        kind = NoAnswer if self.started else NotSent
        return kind(f"{type(cause).__name__}: {cause}")


async def _exchange(request: httpx.Request, max_bytes: int) -> Response:
    answer = await _client().send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > max_bytes:
                raise NoAnswer(f"answer larger than {max_bytes} bytes")
    finally:
        await answer.aclose()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(status=answer.status_code, headers=headers, body=bytes(body))


def _client() -> httpx.AsyncClient:
    loop = asyncio.get_running_loop()
    with _clients_lock:
        client = _clients.get(loop)
        if client is None:
            client = httpx.AsyncClient(limits=_LIMITS, follow_redirects=False, trust_env=False)
            _clients[loop] = client
    return client
