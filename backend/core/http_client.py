"""The only way out over HTTP: where `egress` lets it, to the address that was checked. No redirects, no cookies, no proxy
from the environment, no compression, limits on time and size.

It tells two failures apart, because what may be repeated hangs on it (infra/decisions/0003): `NotSent`, not
one byte of the request left; `NoAnswer`, the other side may have acted.
"""

import asyncio
import os
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from time import monotonic
from typing import NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit
from weakref import WeakKeyDictionary

import certifi
import msgspec

from backend.core import egress, http_wire, settings
from backend.core.http_wire import Talk, Wire

#: Largest answer that is read, in bytes, unless the caller says otherwise.
MAX_ANSWER = 5 * 1024 * 1024
#: Connections of one process by the same ways, under the same certificates, how many of them may idle, and for how long
#: (seconds).
_MOST, _MOST_IDLE, _IDLE_SECONDS = 64, 16, 15.0
_ALWAYS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "hocba"}
#: Of the time for everything, a connection may take so much.
_OF_TOTAL = 0.8
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


#: Whoever a public authority vouches for, and we are nobody.
_ANYBODY = Tls()
_Pools = dict[tuple[egress.Outlets, Tls | None], "_Pool"]
_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pools] = WeakKeyDictionary()


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
    # A connection that is cut off from outside while it is being made is not closed by the loop: it ends by itself.
    connect_timeout = min(connect_timeout, _OF_TOTAL * total_timeout)
    left = False
    try:
        port = _permitted(address, outlets, in_the_open)
        origin = _Origin(address.scheme, address.hostname or "", port)
        async with asyncio.timeout(total_timeout):
            pool = await _pool(outlets, tls)
            async with pool.talk(origin, connect_timeout) as talk:
                request = talk.write(method, _target(address), list(sent_headers.items()), content)
                left = True
                found = await talk.ask(request, max_bytes)
        return Response(status=found.status, headers=found.headers, body=found.body)
    except egress.Refused as refusal:
        raise Forbidden(str(refusal)) from refusal
    except (http_wire.Broken, http_wire.TooLarge, TimeoutError, OSError, ValueError) as failure:
        raise _failure(failure, left) from failure


def require_usable(tls: Tls) -> None:
    """Raises BadIdentity for a key or certificates that cannot be read."""
    _context(tls)


async def aclose() -> None:
    """Close the connections of the running event loop. Call it before the loop ends."""
    with _pools_lock:
        pools = _pools.pop(asyncio.get_running_loop(), {})
    for pool in pools.values():
        await pool.close()


def _failure(cause: Exception, left: bool) -> HttpFailure:
    kind: type[HttpFailure] = NoAnswer if left else NotSent
    if not left and any(isinstance(one, ssl.SSLCertVerificationError) for one in _causes(cause)):
        kind = NotProven
    return kind(f"{type(cause).__name__}: {cause}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int


class _Pool:
    """Connections to whoever is asked by the same ways under the same certificates, kept between requests."""

    def __init__(self, ways: egress.Outlets, context: ssl.SSLContext) -> None:
        self._ways, self._context = ways, context
        self._places = asyncio.Semaphore(_MOST)
        self._idle: dict[_Origin, list[tuple[Talk, float]]] = {}
        self._taken = 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for it."""
        return not self._taken

    @asynccontextmanager
    async def talk(self, origin: _Origin, connect_timeout: float) -> AsyncIterator[Talk]:
        """A connection to there for one request, the one used last or a new one; kept only if it may go on.

        Raises egress.Refused, TimeoutError and OSError when there is none.
        """
        self._taken += 1
        try:
            async with asyncio.timeout(connect_timeout):
                await self._places.acquire()
            try:
                talk = await self._kept(origin) or await self._opened(origin, connect_timeout)
                try:
                    yield talk
                finally:
                    await self._keep(origin, talk)
            finally:
                self._places.release()
        finally:
            self._taken -= 1

    async def close(self) -> None:
        """Close what is kept."""
        kept, self._idle = self._idle, {}
        for talk, _ in (one for many in kept.values() for one in many):
            await talk.close()

    async def _kept(self, origin: _Origin) -> Talk | None:
        kept = self._idle.get(origin, [])
        while kept:
            talk, since = kept.pop()
            if monotonic() - since < _IDLE_SECONDS and talk.may_go_on:
                return talk
            await talk.close()
        return None

    async def _keep(self, origin: _Origin, talk: Talk) -> None:
        idle = sum(map(len, self._idle.values()))
        if talk.may_go_on and idle < _MOST_IDLE:
            self._idle.setdefault(origin, []).append((talk, monotonic()))
        else:
            await talk.close()

    async def _opened(self, origin: _Origin, connect_timeout: float) -> Talk:
        """To the addresses that were checked; TLS and the request go on under the name."""
        loop, failure = asyncio.get_running_loop(), OSError("no address")
        for address in await egress.addresses(origin.host, origin.port, self._ways):
            try:
                async with asyncio.timeout(connect_timeout):
                    _, wire = await loop.create_connection(Wire, address, origin.port)
            except OSError as error:
                failure = error
                continue
            try:
                if origin.scheme == "https":
                    async with asyncio.timeout(connect_timeout):
                        await wire.secure(self._context, origin.host)
            except BaseException:
                await wire.close()
                raise
            return Talk(wire)
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


async def _pool(outlets: egress.Outlets, tls: Tls | None) -> _Pool:
    loop, over, wanted = asyncio.get_running_loop(), None, (outlets, tls)
    with _pools_lock:
        pools = _pools.setdefault(loop, {})
        pool = pools.pop(wanted, None) or _Pool(outlets, _context(tls or _ANYBODY))
        pools[wanted] = pool
        own = [one for one in pools if one[1] is not None]
        if len(own) > _MAX_TLS:
            idle = [one for one in own[:-1] if pools[one].is_idle]
            over = pools.pop(idle[0]) if idle else None
    if over is not None:
        await over.close()
    return pool


@lru_cache(maxsize=2 * _MAX_TLS)
def _context(tls: Tls) -> ssl.SSLContext:
    """Raises BadIdentity."""
    try:
        if tls.authorities:
            context = ssl.create_default_context(cadata=tls.authorities.decode("ascii"))
        else:
            context = ssl.create_default_context(cafile=certifi.where())
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
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
