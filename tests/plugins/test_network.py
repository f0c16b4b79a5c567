"""The closed network: outside is refused, loopback is not."""

import asyncio
import socket

import httpx
import pytest

from tests.plugins.network import NetworkClosedError

ELSEWHERE = "192.0.2.1"  # RFC 5737: an address for documentation, nobody's


def test_a_connection_outside_is_refused() -> None:
    with pytest.raises(NetworkClosedError), socket.create_connection((ELSEWHERE, 80), timeout=0.1):
        pass


def test_a_datagram_outside_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, pytest.raises(NetworkClosedError):
        sender.sendto(b"x", (ELSEWHERE, 53))


async def test_asyncio_and_http_clients_are_refused() -> None:
    with pytest.raises(NetworkClosedError):
        await asyncio.open_connection(ELSEWHERE, 80)
    async with httpx.AsyncClient() as client:
        with pytest.raises(NetworkClosedError):
            await client.get("http://example.invalid/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_open(host: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection((host, server.getsockname()[1]), timeout=5),
    ):
        pass
