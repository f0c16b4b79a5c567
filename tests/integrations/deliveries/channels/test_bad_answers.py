"""Answers that are none: bombs, endless and huge ones, other formats and charsets. Each is unknown, nothing breaks."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from backend.core import http_client
from backend.integrations.deliveries.channels import lists, port, rest
from backend.integrations.deliveries.channels.rest import RestChannel
from backend.integrations.profiles import catalog
from tests.integrations.deliveries.channels.test_matrix import SCHOOL, message_of

LAUGHS = (
    b"<!DOCTYPE z [<!ENTITY a '"
    + b"x" * 1000
    + b"'>"
    + b"".join(b"<!ENTITY %c '%s'>" % (98 + step, b"&%c;" % (97 + step) * 10) for step in range(9))
    + b"]><z>&j;</z>"
)
OUTSIDE = b"<!DOCTYPE z [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><KetQua><Ma>&a;</Ma></KetQua>"
PAGE = "<!doctype html><html><title>Đăng nhập wifi</title><p>Bảo trì</p></html>".encode()
BODIES: dict[str, tuple[str, bytes]] = {
    "nothing": ("application/json", b""),
    "entities in entities": ("text/xml", LAUGHS),
    "a file of ours": ("text/xml", OUTSIDE),
    "deep json": ("application/json", b"[" * 100_000),
    "deep json, whole": ("application/json", b'{"a":' * 500 + b"1" + b"}" * 500),
    "deep xml": ("text/xml", b"<a>" * 5_000 + b"</a>" * 5_000),
    "a page": ("text/html", PAGE),
    "a page that says it is json": ("application/json", PAGE),
    "utf-16": ("application/json", '{"code": "00"}'.encode("utf-16")),
    "not utf-8": ("application/json", b'{"code": "\xff\xfe00"}'),
    "an unknown charset": (
        "text/xml",
        b'<?xml version="1.0" encoding="vni-win"?><KetQua><Ma>0</Ma></KetQua>',
    ),
    "another type": ("application/json", b"[1, 2, 3]"),
    "numbers for words": ("application/json", b'{"code": {"a": 1}, "messageId": [], "maGiaoDich": 1e400}'),
    "two documents": ("application/json", b'{"code": "00"}{"code": "00"}'),
    "control characters": ("text/xml", b"<KetQua><Ma>\x00\x01</Ma></KetQua>"),
    "larger than it may be": ("application/json", b'{"code": "' + b"0" * 1_100_000 + b'"}'),
}
Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        await writer.drain()


def once(kind: str, body: bytes) -> Talk:
    async def talk(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)

    return talk


@asynccontextmanager
async def authority_that(talk: Talk) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await http_client.aclose()


def endpoint_of(profile_id: str, address: str) -> port.Endpoint:
    profile = catalog.load(catalog.path_of(profile_id), {}).profile
    return port.Endpoint(
        profile=profile,
        base_url=address,
        parameters=dict.fromkeys(profile.parameters, "x"),
        secrets=dict.fromkeys(profile.secrets, "x"),
        files={},
        platform=None,
        connect_timeout=1.0,
        total_timeout=5.0,
    )


@pytest.mark.parametrize("profile_id", ["vn.sandbox.hocba/2", "vn.so-tay.hocba/1"])
async def test_what_is_no_answer_is_unknown(profile_id: str) -> None:
    talks = {name: once(*said) for name, said in BODIES.items()} | {"endless": endless}
    for name, talk in talks.items():
        async with authority_that(talk) as address:
            endpoint = endpoint_of(profile_id, address)
            message = message_of("submit", uuid.uuid4().hex)
            sent = await RestChannel().send(endpoint, message)
            asked = await RestChannel().query(endpoint, message.message_id, SCHOOL)
        for answer in (sent, asked):
            assert isinstance(answer, port.Unknown), name
            assert answer.reason in (rest.UNREADABLE, rest.NO_ANSWER), name
            assert len(answer.evidence.received) <= endpoint.profile.transport.max_answer, name


async def test_what_is_no_list_is_unreadable() -> None:
    for name, said in BODIES.items():
        async with authority_that(once(*said)) as address:
            fetched = await lists.fetch(endpoint_of("vn.sandbox.hocba/2", address), SCHOOL)
        wanted = "unreached" if name == "larger than it may be" else "unreadable"
        assert (fetched.problem, fetched.items) == (wanted, ()), name


async def test_a_list_that_never_ends_is_left() -> None:
    item = {"messageId": "m", "maTraCuu": "c", "phienBan": 1, "bam": "b", "trangThai": "DA_CHOT"}
    page = msgspec.json.encode({"tongSo": 10**9, "danhSach": [item] * 5000})
    async with authority_that(once("application/json", page)) as address:
        endpoint = endpoint_of("vn.sandbox.hocba/2", address)
        assert (await lists.fetch(endpoint, SCHOOL)).problem == "unreadable"
