"""Where this product may connect to: public addresses on the usual port, and what the platform names as a tunnel.

A name is looked up once, every answer is checked, and the connection goes to the checked address: a second look at the
same name could say something else. An address within another (IPv4 in IPv6, NAT64, 6to4, Teredo) is never public.
"""

import asyncio
import ipaddress
import re
import socket
from functools import lru_cache

import msgspec

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {"https": 443, "http": 80, "sftp": 22, "smtps": 465, "smtp": 587}
#: Global by their registries, and yet not the public internet: addresses in addresses, shared and measuring ranges, old
#: site-local ones, the inside of a cloud.
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
        "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "fec0::/10",
    )
)  # fmt: skip
_OWN = tuple(
    ipaddress.ip_network(network)
    for network in ("127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8", "::/127", "fe80::/10", "fd00:ec2::/32")
)
#: What a look-up takes for an IPv4 address although it is not written as one: decimal, octal, hexadecimal, short.
_NUMBER = re.compile(r"^(?:0x[0-9a-f]*|[0-9]+)$")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*$(?!\n)")


class Refused(Exception):
    """The product does not connect there. The text is technical, for logs."""


class Tunnel(msgspec.Struct, frozen=True):
    """One host of the settings, at one port or at any, and the addresses at which it may be."""

    host: str
    port: int | None
    network: Network

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it leads to this machine, or to its link, where a cloud keeps its secrets."""
        return _overlaps(self.network, _OWN)


class Outlets(msgspec.Struct, frozen=True):
    """The ways out that the platform names beside the public ones."""

    tunnels: tuple[Tunnel, ...]

    def networks(self, host: str, port: int) -> tuple[Network, ...]:
        """Where a host that has a tunnel may be; empty for others."""
        return tuple(one.network for one in self.tunnels if one.host == host and one.port in (None, port))


@lru_cache(maxsize=8)
def outlets(named: str) -> Outlets:
    """`host=network` or `host:port=network`, separated by spaces, IPv6 in brackets. Raises ValueError."""
    return Outlets(tuple(_tunnel(pair) for pair in named.split()))


def _tunnel(pair: str) -> Tunnel:
    place, _, network = pair.partition("=")
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", place)
    if found is None:
        raise ValueError(f"{place!r} is no host")
    host = found[1].strip("[]")
    return Tunnel(host, int(found[2]) if found[2] else None, ipaddress.ip_network(network))


def only(host: str) -> Outlets:
    """The way to one host, wherever it is: a person at this computer has named it."""
    anywhere = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
    return Outlets(tuple(Tunnel(host, None, network) for network in anywhere))


def permit(scheme: str, host: str, port: int | None, ways: Outlets, *, in_the_open: bool = False) -> int:
    """The port, where scheme, host and port are such as the product connects to. Raises Refused.

    Without TLS only through a tunnel, or where what is said may be read by all (`in_the_open`).
    """
    usual = _PORTS.get(scheme)
    if usual is None:
        raise Refused(f"no way out by {scheme!r}")
    at = usual if port is None else port
    _refuse_odd(host)
    if ways.networks(host, at):
        return at
    if at != usual:
        raise Refused(f"port {at} has no tunnel")
    if scheme == "http" and not in_the_open:
        raise Refused("without TLS")
    return at


async def addresses(host: str, port: int, ways: Outlets) -> tuple[str, ...]:
    """Where a host is, each answer checked. Raises Refused, and OSError where there is no such host."""
    _refuse_odd(host)
    tunnels = ways.networks(host, port)
    found = (host,) if _is_address(host) else await _looked_up(host, port)
    for one in found:
        address = ipaddress.ip_address(one)
        if not (_within(address, tunnels) if tunnels else is_public(address)):
            raise Refused(f"{host} is at {address}")
    return found


async def _looked_up(host: str, port: int) -> tuple[str, ...]:
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise Refused("no name of a host") from error
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet."""
    return address.is_global and not address.is_multicast and not _within(address, _NEVER)


def _overlaps(network: Network, others: tuple[Network, ...]) -> bool:
    # A network of one version overlaps none of the other, and asking is an error.
    return any(
        int(network.network_address) <= int(one.broadcast_address)
        and int(one.network_address) <= int(network.broadcast_address)
        for one in others
        if one.version == network.version
    )


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _is_address(host: str) -> bool:
    try:
        return str(ipaddress.ip_address(host)) == host and "%" not in host
    except ValueError:
        return False


def _refuse_odd(host: str) -> None:
    """A host is a name, or an address as it is usually written."""
    if not _is_address(host) and (not _NAME.match(host) or _NUMBER.search(host.rpartition(".")[2])):
        raise Refused("no name of a host")
