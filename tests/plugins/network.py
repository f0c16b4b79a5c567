"""The network is closed: this process reaches loopback and nothing else.

An audit hook sees every connection made through Python's own sockets, whichever library makes it. Children
are processes of their own and are not watched.
"""

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_LOCAL_NAMES = {"localhost", "", None}
_watching = False


class NetworkClosedError(Exception):
    """A test tried to leave the machine. Not an OSError: no retry in the product may swallow it."""


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in _LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(str(host).split("%", 1)[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching or not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        # Unix sockets have a path, not a tuple; a message on a connected socket has no address at all.
        if isinstance(address, tuple) and not _is_local(address[0]):
            raise NetworkClosedError(f"{event} to {address}: tests may only reach this machine")
    elif event == "socket.getaddrinfo" and not _is_local(arguments[0]):
        raise NetworkClosedError(f"looking up {arguments[0]!r}: tests may only reach this machine")


@contextmanager
def _watched() -> Iterator[None]:
    global _watching
    _watching = True
    try:
        yield
    finally:
        _watching = False


sys.addaudithook(_hook)


@pytest.fixture(scope="session", autouse=True)
def closed_network() -> Iterator[None]:
    """Closes the network from the first test to the last; the product is told by name that loopback is open."""
    with pytest.MonkeyPatch.context() as patch, _watched():
        patch.setenv(
            "HOCBA_EGRESS_TUNNELS", "127.0.0.1=127.0.0.1/32 localhost=127.0.0.1/32 localhost=::1/128"
        )
        yield
