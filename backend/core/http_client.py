"""The only way out over HTTP: where `egress` lets it, to the address that was checked. No redirects, no cookies, no proxy
from the environment, no compression, limits on time and size.

It tells two failures apart, because what may be repeated hangs on it (infra/decisions/0003): `NotSent`, not
one byte of the request left; `NoAnswer`, the other side may have acted.
"""

import asyncio
import os
import select
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit
from weakref import WeakKeyDictionary

import httpcore
import msgspec

from backend.core import egress, settings

#: Largest answer that is read, in bytes, unless the caller says otherwise.
MAX_ANSWER = 5 * 1024 * 1024
#: Connections of one process by the same ways, under the same certificates, how many of them may idle, and for how long
#: (seconds).
_MOST, _MOST_IDLE, _IDLE_SECONDS = 64, 16, 15.0
_ALWAYS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "hocba"}
#: Of the time for everything, a connection may take so much.
_OF_TOTAL = 0.8
_FIRST_BYTE_EVENTS = ("http11.send_request_headers.started", "http2.send_request_headers.started")

#: Services of one process with certificates of their own whose connections are kept; beyond that the one used longest ago
#: is closed, of those that nobody waits for.
_MAX_TLS = 32
_pools_lock = threading.Lock()


class Tls(msgspec.Struct, frozen=True):
    """Who a service may be and who we are to it, PEM: the only authorities that are believed; our key with its chain."""

    authorities: bytes | None = None
    identity: bytes | None = None

    def __repr__(self) -> str:
        return "Tls(…)"


_Pools = dict[tuple[egress.Outlets, Tls | None], httpcore.AsyncConnectionPool]
_pools: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Pools]" = WeakKeyDictionary()


class BadIdentity(ValueError):
    """The key or the certificates that a connection needs cannot be read."""


class HttpFailure(Exception):
    """A request without a usable answer.

    The text is technical, for logs; it never holds headers or bodies.
    """


class NotSent(HttpFailure):
    """Nothing left this machine: no connection, no free place in the pool, an address that is none."""


class NotProven(NotSent):
    """The other side shows a certificate that is over, of another name or of nobody we know; nothing left."""


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
    tls: Tls | None = None,
) -> Response:
    """One request, one answer of any status. At most one of `json`, `form`, `content`; times in seconds.

    `total_timeout` covers everything from the look-up of the name to the last byte. `in_the_open`: what is said is
    signed by itself and a secret to nobody, so that it may go without TLS. `ways`: other outlets than those of the
    settings. Raises `NotSent`, also as `Forbidden`, `NotProven`, or where `require_usable` refuses `tls`; or `NoAnswer`.
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
    # A connection that is cut off from outside while it is being made is not closed by the library: it ends by itself.
    connect_timeout = min(connect_timeout, _OF_TOTAL * total_timeout)
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
            return await _exchange(await _pool(outlets, tls), built, max_bytes)
    except egress.Refused as refusal:
        raise Forbidden(str(refusal)) from refusal
    except (*_OUTSIDE, TimeoutError, OSError, ValueError) as failure:
        raise progress.failure(failure) from failure


def require_usable(tls: Tls) -> None:
    """Raises BadIdentity for a key or certificates that cannot be read."""
    _context(tls)


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
        kind: type[HttpFailure] = NoAnswer if self.started else NotSent
        if not self.started and any(isinstance(one, ssl.SSLCertVerificationError) for one in _causes(cause)):
            kind = NotProven
        return kind(f"{type(cause).__name__}: {cause}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


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
                return _Stream(
                    await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that says cheaply whether the other side has closed it: before each request the library asks that of
    every connection that it keeps, and asking it through its own layers costs more than the request.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._socket = inner.get_extra_info("socket")
        self._number = -1 if self._socket is None else self._socket.fileno()
        self._poll = select.poll()
        if self._number >= 0:
            self._poll.register(self._number, select.POLLIN)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        if info != "is_readable":
            return self._inner.get_extra_info(info)
        if self._socket is None or self._number < 0 or self._socket.fileno() != self._number:
            return True
        return bool(self._poll.poll(0))


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


async def _pool(outlets: egress.Outlets, tls: Tls | None) -> httpcore.AsyncConnectionPool:
    loop, over, wanted = asyncio.get_running_loop(), None, (outlets, tls)
    with _pools_lock:
        pools = _pools.setdefault(loop, {})
        pool = pools.pop(wanted, None) or httpcore.AsyncConnectionPool(
            ssl_context=_context(tls) if tls else None,
            max_connections=_MOST,
            max_keepalive_connections=_MOST_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_Checked(outlets),
        )
        pools[wanted] = pool
        own = [one for one in pools if one[1] is not None]
        if len(own) > _MAX_TLS:
            idle = [one for one in own[:-1] if all(used.is_idle() for used in pools[one].connections)]
            over = pools.pop(idle[0]) if idle else None
    if over is not None:
        await over.aclose()
    return pool


@lru_cache(maxsize=2 * _MAX_TLS)
def _context(tls: Tls) -> ssl.SSLContext:
    """Raises BadIdentity."""
    try:
        authorities = tls.authorities.decode("ascii") if tls.authorities else None
        context = ssl.create_default_context(cadata=authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.identity is not None:
            _load(context, tls.identity)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise BadIdentity(type(error).__name__) from error
    return context


def _load(context: ssl.SSLContext, identity: bytes) -> None:
    """The library takes a key from a file alone: this one is in memory, and gone when it is read."""
    file = os.memfd_create("identity")
    try:
        os.write(file, identity)
        context.load_cert_chain(f"/proc/self/fd/{file}", password="")
    finally:
        os.close(file)
