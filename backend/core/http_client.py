"""The only way out over HTTP: where `egress` lets it, to the address that was checked. No redirects, no cookies, no proxy
from the environment, no compression, limits on time and size.

It tells two failures apart, because what may be repeated hangs on it (infra/decisions/0003): `NotSent`, not
one byte of the request left; `NoAnswer`, the other side may have acted.
"""

import asyncio
import threading
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, urlencode, urlsplit
from weakref import WeakKeyDictionary

import httpcore
import msgspec

from backend.core import egress, settings

#: Largest answer that is read, in bytes, unless the caller says otherwise.
MAX_ANSWER = 5 * 1024 * 1024
#: Connections of one process to all services together, how many of them may idle, and for how long (seconds).
_MOST, _MOST_IDLE, _IDLE_SECONDS = 64, 16, 15.0
_ALWAYS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "hocba"}
_FIRST_BYTE_EVENTS = ("http11.send_request_headers.started", "http2.send_request_headers.started")

_pools: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[egress.Outlets, httpcore.AsyncConnectionPool]]" = (
    WeakKeyDictionary()
)
_pools_lock = threading.Lock()


class HttpFailure(Exception):
    """A request without a usable answer.

    The text is technical, for logs; it never holds headers or bodies.
    """


class NotSent(HttpFailure):
    """Nothing left this machine: no connection, no free place in the pool, an address that is none."""


class Forbidden(NotSent):
    """Nothing left this machine: the product does not connect there (`egress`). Trying again changes nothing."""


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
    in_the_open: bool = False,
    ways: egress.Outlets | None = None,
) -> Response:
    """One request, one answer of any status. At most one of `json`, `form`, `content`; times in seconds.

    `total_timeout` covers everything from the look-up of the name to the last byte. `in_the_open`: what is said is
    signed by itself and a secret to nobody, so that it may go without TLS. `ways`: other outlets than those of the
    settings. Raises `NotSent`, also as `Forbidden`, or `NoAnswer`.
    """
    try:
        address = urlsplit(url)
    except ValueError as error:
        raise NotSent("no address") from error
    sent_headers = {"host": address.netloc, **_ALWAYS, **(headers or {})}
    if json is not None:
        content = msgspec.json.encode(json)
        sent_headers.setdefault("content-type", "application/json")
    if form is not None:
        content = urlencode(form).encode()
        sent_headers.setdefault("content-type", "application/x-www-form-urlencoded")
    outlets = ways or settings.outlets()
    if content is not None or method != "GET":
        sent_headers["content-length"] = str(len(content or b""))
    progress = _Progress()
    limits = {
        "connect": connect_timeout,
        "pool": connect_timeout,
        "read": total_timeout,
        "write": total_timeout,
    }
    try:
        port = _permitted(address, outlets, in_the_open)
        async with asyncio.timeout(total_timeout):
            built = httpcore.Request(
                method,
                httpcore.URL(
                    scheme=address.scheme, host=address.hostname or "", port=port, target=_target(address)
                ),
                headers=[(name.encode(), value.encode()) for name, value in sent_headers.items()],
                content=content,
                extensions={"timeout": limits, "trace": progress.note},
            )
            return await _exchange(_pool(outlets), built, max_bytes)
    except egress.Refused as refusal:
        raise Forbidden(str(refusal)) from refusal
    except (*_OUTSIDE, TimeoutError, OSError, ValueError) as failure:
        raise progress.failure(failure) from failure


async def aclose() -> None:
    """Close the connections of the running event loop. Call it before the loop ends."""
    with _pools_lock:
        pools = _pools.pop(asyncio.get_running_loop(), {})
    for pool in pools.values():
        await pool.aclose()


#: What goes wrong on the way, in the words of the library.
_OUTSIDE = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


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


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked; TLS and the request go on under the name."""

    def __init__(self, outlets: egress.Outlets) -> None:
        self._outlets = outlets
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 the library's name
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises egress.Refused, and for the last of the addresses what went wrong there."""
        failure: Exception = OSError("no address")
        for address in await egress.addresses(host, port, self._outlets):
            try:
                return await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _permitted(address: SplitResult, outlets: egress.Outlets, in_the_open: bool) -> int:
    """The port. Raises egress.Refused and ValueError."""
    if "@" in address.netloc:
        raise egress.Refused("a name and a password in an address")
    return egress.permit(
        address.scheme, address.hostname or "", address.port, outlets, in_the_open=in_the_open
    )


def _target(address: SplitResult) -> str:
    return (address.path or "/") + (f"?{address.query}" if address.query else "")


async def _exchange(
    pool: httpcore.AsyncConnectionPool, request: httpcore.Request, max_bytes: int
) -> Response:
    answer = await pool.handle_async_request(request)
    try:
        body = bytearray()
        async for chunk in answer.aiter_stream():
            body += chunk
            if len(body) > max_bytes:
                raise NoAnswer(f"answer larger than {max_bytes} bytes")
    finally:
        await answer.aclose()
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
    return Response(status=answer.status, headers=headers, body=bytes(body))


def _pool(outlets: egress.Outlets) -> httpcore.AsyncConnectionPool:
    loop = asyncio.get_running_loop()
    with _pools_lock:
        pools = _pools.setdefault(loop, {})
        if outlets not in pools:
            pools[outlets] = httpcore.AsyncConnectionPool(
                max_connections=_MOST,
                max_keepalive_connections=_MOST_IDLE,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=_Checked(outlets),
            )
        return pools[outlets]
