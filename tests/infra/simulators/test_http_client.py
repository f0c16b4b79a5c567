"""`core/http_client` against servers that misbehave, written byte by byte."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from backend.core import http_client

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def server_that(talk: Talk, *, listens_first: bool = True) -> AsyncIterator[str]:
    """A server that reads one request head and then talks as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if listens_first:
                await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        await http_client.aclose()


def says(*parts: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)

    return talk


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"transfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    "talk",
    [
        says(),
        says(b"nonsense\r\n\r\n"),
        says(OK),
        says(OK + b"content-length: 10\r\n\r\nhalf"),
        says(OK + b"content-length: 2000\r\n\r\n" + b"x" * 2000),
        silence,
        endless,
    ],
    ids=["hangs up", "not http", "half a head", "half a body", "too large", "silence", "endless"],
)
async def test_without_a_whole_answer_the_outcome_is_open(talk: Talk) -> None:
    async with server_that(talk) as url:
        with pytest.raises(http_client.NoAnswer):
            await http_client.request("POST", url, json={"a": 1}, total_timeout=1.5, max_bytes=1000)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "no address", "ftp://127.0.0.1/", "http://[::1"])
async def test_what_never_left_is_said_so(url: str) -> None:
    with pytest.raises(http_client.NotSent):
        await http_client.request("POST", url, json={"a": 1})


async def test_a_failed_tls_handshake_sent_nothing() -> None:
    async with server_that(says(b"plain text"), listens_first=False) as url:
        with pytest.raises(http_client.NotSent):
            await http_client.request("GET", url.replace("http:", "https:"))


async def test_redirects_are_answers_not_orders() -> None:
    async with server_that(
        says(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
    ) as url:
        answer = await http_client.request("GET", url)
        assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1:1/")


async def test_a_compressed_bomb_stays_small() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    head = OK + f"content-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    async with server_that(says(head, bomb)) as url:
        answer = await http_client.request("GET", url, max_bytes=100_000)
        assert answer.body == bomb


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    async with server_that(
        says(OK + b"content-type: Text/Plain; charset=x\r\ncontent-length: 2\r\n\r\nok")
    ) as url:
        for _ in range(3):
            answer = await http_client.request("POST", url, form={"a": "1"})
            assert (answer.status, answer.content_type, answer.body) == (200, "text/plain", b"ok")
            await asyncio.sleep(0.02)
