"""HTTP/1.1 on one connection: one request, one answer, and whether another may follow. Knows no address and no limit of
time; `http_client` has those.

A library between h11 and the loop costs more than both of them: locks, cancel scopes and traces for each step.
"""

import asyncio
import select
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import h11
import msgspec

#: So much of an answer is read ahead of whom it is for (bytes), and so long may its head be.
_AHEAD, _LONGEST_HEAD = 256 * 1024, 100 * 1024
#: How long is waited for a connection to be closed (seconds).
_CLOSING = 1.0


class Broken(Exception):
    """The connection ended, or what came is no HTTP. The text is technical."""


class TooLarge(Exception):
    """The body is larger than allowed."""


class Wire(asyncio.Protocol):
    """Bytes of one TCP or TLS connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._number = -1
        self._received = bytearray()
        self._ended = self._paused = False
        self._failure: BaseException | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's word."""
        self._transport = cast(asyncio.Transport, transport)
        socket = transport.get_extra_info("socket")
        self._number = -1 if socket is None else socket.fileno()
        if self._number >= 0:
            self._poll.register(self._number, select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """The loop's word."""
        self._received += data
        if len(self._received) > _AHEAD and self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The loop's word: nothing more comes, and the loop closes the connection."""
        self._ended = True
        self._wake()

    def connection_lost(self, failure: Exception | None) -> None:
        """The loop's word."""
        self._ended, self._failure = True, failure
        self._closed.set()
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """TLS from here on. Raises ssl.SSLError and OSError."""
        assert self._transport is not None
        if self._received or self._ended:
            raise ConnectionError("it spoke before TLS, or went away")
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(self._transport, self, context, server_hostname=name)
            if secured is None:
                raise ConnectionError("closed while TLS was made")
        except BaseException:
            # The loop closes it, and tells nobody who is not there yet.
            self._closed.set()
            raise
        self._transport = secured

    def write(self, content: bytes) -> None:
        """Send all of it, in the loop's own time; what goes wrong shows when the answer is read."""
        if self._transport is not None and not self._ended:
            self._transport.write(content)

    async def read(self) -> bytes:
        """What has come, at least a byte; nothing at the end. Raises Broken."""
        while not self._received and not self._ended:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        if self._received:
            data = bytes(self._received)
            self._received.clear()
            if self._paused and self._transport is not None and not self._transport.is_closing():
                self._paused = False
                self._transport.resume_reading()
            return data
        if self._failure is not None:
            raise Broken(f"{type(self._failure).__name__}: {self._failure}") from self._failure
        return b""

    @property
    def is_quiet(self) -> bool:
        """Whether it is open, and nothing came that nobody has asked for: no end, no answer to nothing."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._ended or self._received:
            return False
        return not transport.get_write_buffer_size() and not self._poll.poll(0)

    async def close(self) -> None:
        """Close it now, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    await self._closed.wait()


class Answer(msgspec.Struct, frozen=True):
    """What came back; names of `headers` are lower-case, of repeated ones the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes


class Talk:
    """The messages of one connection."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)

    @property
    def may_go_on(self) -> bool:
        """Whether the connection may take another request."""
        return self._state.our_state is h11.IDLE and self._wire.is_quiet

    def write(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], content: bytes | None
    ) -> bytes:
        """The request as it leaves; nothing has left. Raises ValueError for headers that are none."""
        try:
            parts = [self._state.send(h11.Request(method=method, target=target, headers=list(headers)))]
            if content:
                parts.append(self._state.send(h11.Data(data=content)))
            parts.append(self._state.send(h11.EndOfMessage()))
        except h11.LocalProtocolError as error:
            raise ValueError(str(error)) from error
        return b"".join(part for part in parts if part)

    async def ask(self, request: bytes, most: int) -> Answer:
        """Send what `write` made and read the answer, of `most` bytes. Raises Broken, TooLarge."""
        self._wire.write(request)
        try:
            head = await self._head()
            body = await self._body(most)
        except h11.RemoteProtocolError as error:
            raise Broken(f"no HTTP: {error}") from error
        if self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
            self._state.start_next_cycle()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        return Answer(head.status_code, headers, body)

    async def _head(self) -> h11.Response:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
                raise Broken("another protocol")

    async def _body(self, most: int) -> bytes:
        body = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            body += event.data
            if len(body) > most:
                raise TooLarge(f"answer larger than {most} bytes")
        return bytes(body)

    async def _next(self) -> Any:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            data = await self._wire.read()
            if not data and self._state.their_state is h11.SEND_RESPONSE:
                raise Broken("closed without an answer")
            self._state.receive_data(data)
        return event

    async def close(self) -> None:
        """Close the connection."""
        await self._wire.close()
