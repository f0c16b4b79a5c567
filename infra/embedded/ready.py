"""Questions to a server on loopback: are you there yet? None of them raises."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from infra.embedded.ports import LOOPBACK

_PATIENCE = 2.0
_STATUS_LINE = len("HTTP/1.1 200")


def answers_http(port: int, path: str = "/") -> Callable[[], Awaitable[bool]]:
    """True once `GET path` is answered with a status below 400."""
    request = f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode("ascii")

    async def ask() -> bool:
        answer = await _exchange(port, request, _STATUS_LINE)
        return answer.startswith((b"HTTP/1.0 ", b"HTTP/1.1 ")) and answer[-3:-2] in (b"2", b"3")

    return ask


def says(port: int, request: bytes, expected: bytes) -> Callable[[], Awaitable[bool]]:
    """True once the server answers `request` with exactly `expected`."""

    async def ask() -> bool:
        return await _exchange(port, request, len(expected)) == expected

    return ask


async def _exchange(port: int, request: bytes, size: int) -> bytes:
    """The first `size` bytes of the answer; none if the server says less or cannot be reached."""
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(request)
                return await reader.readexactly(size)
            finally:
                writer.close()
                await writer.wait_closed()
    return b""
