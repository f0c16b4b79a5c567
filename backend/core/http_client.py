"""The only way out over HTTP. No redirects, no proxy from the environment, no compression, limits on time
and size.

It tells two failures apart, because what may be repeated hangs on it (infra/decisions/0003): `NotSent`, not
one byte of the request left; `NoAnswer`, the other side may have acted.
"""

import asyncio
import os
import ssl
import threading
from collections.abc import Mapping
from functools import lru_cache
from weakref import WeakKeyDictionary

import httpx
import msgspec

#: Largest answer that is read, in bytes, unless the caller says otherwise.
MAX_ANSWER = 5 * 1024 * 1024
#: Connections of one process to all services together, and how long an idle one is kept (seconds).
_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=15.0)
#: Of the time for everything, a connection may take so much.
_OF_TOTAL = 0.8
#: How TLS names that a certificate of ours is missing or not believed.
_CERTIFICATE_ALERTS = (
    "ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_UNSUPPORTED_CERTIFICATE",
)  # fmt: skip
_FIRST_BYTE_EVENTS = ("http11.send_request_headers.started", "http2.send_request_headers.started")

#: Services of one process with certificates of their own whose connections are kept; the one used longest ago is closed.
_MAX_TLS = 32
_clients_lock = threading.Lock()


class Tls(msgspec.Struct, frozen=True):
    """Who a service may be and who we are to it, PEM: the only authorities that are believed; our key with its chain."""

    authorities: bytes | None = None
    identity: bytes | None = None

    def __repr__(self) -> str:
        return "Tls(…)"


_Clients = dict[Tls | None, httpx.AsyncClient]
_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients]" = WeakKeyDictionary()


class BadIdentity(ValueError):
    """The key or the certificates that a connection needs cannot be read."""


class HttpFailure(Exception):
    """A request without a usable answer.

    The text is technical, for logs; it never holds headers or bodies.
    """


class NotSent(HttpFailure):
    """Nothing left this machine: no connection, no free place in the pool, an address that is none."""


class NotTrusted(NotSent):
    """The other side did not take our certificate, so it never looked at the request."""


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
    tls: Tls | None = None,
) -> Response:
    """One request, one answer of any status. At most one of `json`, `form`, `content`; times in seconds.

    `total_timeout` covers everything from the connection to the last byte. Raises `NotSent` or `NoAnswer`, and
    BadIdentity for what `require_usable` refuses.
    """
    client = await _client(tls)
    sent_headers = {"accept-encoding": "identity", **(headers or {})}
    if json is not None:
        content = msgspec.json.encode(json)
        sent_headers.setdefault("content-type", "application/json")
    progress = _Progress()
    # A connection that is cut off from outside while it is being made is not closed by the library: it ends by itself first.
    connect_timeout = min(connect_timeout, _OF_TOTAL * total_timeout)
    limits = httpx.Timeout(total_timeout, connect=connect_timeout, pool=connect_timeout)
    try:
        async with asyncio.timeout(total_timeout):
            built = client.build_request(
                method, url, headers=sent_headers, content=content, data=form, timeout=limits,
                extensions={"trace": progress.note},
            )  # fmt: skip
            return await _exchange(client, built, max_bytes)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as failure:
        raise progress.failure(failure) from failure


def require_usable(tls: Tls) -> None:
    """Raises BadIdentity for a key or certificates that cannot be read."""
    _context(tls)


async def aclose() -> None:
    """Close the connections of the running event loop. Call it before the loop ends."""
    with _clients_lock:
        clients = _clients.pop(asyncio.get_running_loop(), {})
    for client in clients.values():
        await client.aclose()


class _Progress:
    """Listens to the transport to learn whether the first byte of the request has left."""

    def __init__(self) -> None:
        self.started = False

    async def note(self, event: str, info: object) -> None:
        if event in _FIRST_BYTE_EVENTS:
            self.started = True

    def failure(self, cause: Exception) -> HttpFailure:
        kind: type[HttpFailure] = NoAnswer if self.started else NotSent
        if _refuses_our_certificate(cause):
            kind = NotTrusted
        return kind(f"{type(cause).__name__}: {cause}")


def _refuses_our_certificate(cause: BaseException | None) -> bool:
    """A server of TLS 1.3 says so after our first bytes, but before it reads them (RFC 8446, 4.4.2.4)."""
    while cause is not None:
        if isinstance(cause, ssl.SSLError) and any(
            one in (cause.reason or "") for one in _CERTIFICATE_ALERTS
        ):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


async def _exchange(client: httpx.AsyncClient, request: httpx.Request, max_bytes: int) -> Response:
    answer = await client.send(request, stream=True)
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


async def _client(tls: Tls | None) -> httpx.AsyncClient:
    loop, over = asyncio.get_running_loop(), None
    with _clients_lock:
        clients = _clients.setdefault(loop, {})
        client = clients.pop(tls, None) or httpx.AsyncClient(
            limits=_LIMITS, follow_redirects=False, trust_env=False, verify=_context(tls) if tls else True
        )
        clients[tls] = client
        if len(clients) > _MAX_TLS:
            over = clients.pop(next(one for one in clients if one is not None))
    if over is not None:
        await over.aclose()
    return client


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
