"""Where the product does not connect to (security.md 3.7): listeners on real sockets count who comes."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from backend.core import egress, http_client, settings
from backend.integrations.deliveries.channels import port, rest
from backend.integrations.deliveries.channels.rest import RestChannel
from backend.integrations.deliveries.channels.sftp import SftpChannel
from backend.integrations.profiles import catalog
from tests.factories.pki import rsa_key
from tests.integrations.deliveries.channels.test_matrix import SCHOOL, message_of

NAME = "csdl.example.vn"
#: What a name says when it is asked, in the order of asking; the last answer stays.
Said = dict[str, list[Sequence[str]]]

#: As the authors of attacks write this machine, its link, its network and the inside of a cloud.
HOSTS = (
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "017700000001", "0x7f000001", "0x7f.1",
    "0177.0.0.1", "١٢٧.٠.٠.١", "①②⑦.0.0.1",
    "0x7f.0x0.0x0.0x1", "0", "0.0.0.0", "127.0.0.1.", "2130706433.", "00000177.0.0.1", "4294967295",
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.1.254", "100.64.0.1",
    "100.100.100.200", "169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    "168.63.129.16", "192.0.0.192", "198.18.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]", "[2001:0:a9fe:a9fe::1]", "[fe80::1]", "[fe80::1%25lo]", "[fe80::1%lo]", "[fc00::1]",
    "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]",
    "localhost", "LOCALHOST", "localhost.", "metadata.google.internal", "inside.example.vn", "six.example.vn",
    "mapped.example.vn", "half.example.vn",
    "user@127.0.0.1", "127.0.0.1:443@8.8.8.8", "8.8.8.8:443@127.0.0.1", "a b.example.vn", "exa_mple..vn", "-x.example.vn",
    "%31%32%37.0.0.1", "127。0。0。1", r"8.8.8.8\@127.0.0.1", "",
)  # fmt: skip
NAMES: Said = {
    "localhost": [["127.0.0.1", "::1"]],
    "metadata.google.internal": [["169.254.169.254"]],
    "inside.example.vn": [["10.1.2.3"]],
    "six.example.vn": [["fd12::7"]],
    "mapped.example.vn": [["::ffff:10.0.0.1"]],
    "half.example.vn": [["8.8.8.8", "192.168.0.10"]],
}


@dataclass
class Names:
    """What names say, and how often one was asked for."""

    says: Said
    asked: list[str] = field(default_factory=list)

    def look_up(self, host: str, at: int, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        answers = self.says[host.lower().rstrip(".")]
        said = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, at)) for one in said]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A resolver that lies as told. Nothing is a tunnel."""
    monkeypatch.setenv("HOCBA_EGRESS_TUNNELS", "")
    made = Names({name: list(said) for name, said in NAMES.items()})
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    return made


@dataclass
class Listener:
    """Who came, to which address, and the first line with the name of the host."""

    port: int
    came: list[tuple[str, str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = writer.get_extra_info("sockname")[0]
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            [host] = [line[6:] for line in head.splitlines() if line.lower().startswith("host: ")]
            self.came.append((own, host))
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
        except asyncio.IncompleteReadError:
            self.came.append((own, ""))
        writer.close()


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """At 127.0.0.1 and at 127.0.0.2, same port."""
    made = Listener(0)
    first = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = first.sockets[0].getsockname()[1]
    second = await asyncio.start_server(made.serve, "127.0.0.2", made.port, ssl=tls)
    try:
        yield made
    finally:
        await http_client.aclose()
        first.close()
        second.close()


async def test_no_address_inside_is_ever_reached_however_it_is_written(names: Names) -> None:
    async with listening() as listener:
        ports = ("", f":{listener.port}")
        for url in (
            f"{scheme}://{host}{at}/x" for scheme in ("http", "https") for host in HOSTS for at in ports
        ):
            with pytest.raises(http_client.NotSent):
                await http_client.request("GET", url, in_the_open=True, total_timeout=2.0)
        assert listener.came == []
    # Not because nobody answered there: each name and address is refused by itself.
    for host in (host.strip("[]") for host in HOSTS):
        with pytest.raises(egress.Refused):
            await egress.addresses(host, 443, settings.outlets())


@pytest.mark.parametrize(
    "url",
    ["gopher://a.example/", "file:///etc/passwd", "ftp://a.example/", "dict://a.example/", "//a.example/", "http://a.example/",
     "https://8.8.8.8:22/", "https://8.8.8.8:6379/", "https://8.8.8.8:80/"],
)  # fmt: skip
async def test_other_schemes_ports_and_plain_text_are_no_way_out(names: Names, url: str) -> None:
    names.says["a.example"] = [["8.8.8.8"]]
    with pytest.raises(http_client.Forbidden):
        await http_client.request("GET", url)
    assert names.asked == []


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2001:4860:4860::8888"])
def test_the_public_internet_is_reached(address: str) -> None:
    assert egress.permit("https", address, None, settings.outlets()) == 443
    assert asyncio.run(egress.addresses(address, 443, egress.outlets(""))) == (address,)


async def test_a_name_that_says_something_else_the_second_time_gains_nothing(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.says[NAME] = [["127.0.0.2"], ["127.0.0.1"]]
    monkeypatch.setenv("HOCBA_EGRESS_TUNNELS", f"{NAME}=127.0.0.2/32")
    async with listening() as listener:
        url = f"http://{NAME}:{listener.port}/x"
        assert (await http_client.request("GET", url)).body == b"ok"
        # Looked up once, and there it went, under its own name.
        assert names.asked == [NAME]
        assert listener.came == [("127.0.0.2", f"{NAME}:{listener.port}")]
        with pytest.raises(http_client.Forbidden):
            await http_client.request("GET", url)
        assert len(listener.came) == 1


async def test_a_tunnel_is_for_its_host_and_port_alone(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    names.says |= {NAME: [["127.0.0.2"]], "other.example.vn": [["127.0.0.2"]]}
    async with listening() as listener:
        monkeypatch.setenv("HOCBA_EGRESS_TUNNELS", f"{NAME}:{listener.port}=127.0.0.0/8")
        assert (await http_client.request("GET", f"http://{NAME}:{listener.port}/")).status == 200
        for url in (f"http://other.example.vn:{listener.port}/", f"http://{NAME}/", f"https://{NAME}/"):
            with pytest.raises(http_client.Forbidden):
                await http_client.request("GET", url)
        assert len(listener.came) == 1


async def test_a_redirect_to_the_inside_is_not_followed(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.says[NAME] = [["127.0.0.2"]]
    async with listening() as inside:

        async def away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            place = f"http://127.0.0.1:{inside.port}/".encode()
            writer.write(b"HTTP/1.1 307 Go\r\nlocation: " + place + b"\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(away, "127.0.0.2", 0)
        at = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HOCBA_EGRESS_TUNNELS", f"{NAME}=127.0.0.0/8 127.0.0.1=127.0.0.1/32")
        assert (await http_client.request("GET", f"http://{NAME}:{at}/")).status == 307
        assert inside.came == []
        server.close()


async def test_slow_drops_of_an_answer_end_at_the_total_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    monkeypatch.setenv("HOCBA_EGRESS_TUNNELS", "127.0.0.1=127.0.0.1/32")
    begun = asyncio.get_running_loop().time()
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with pytest.raises(http_client.NoAnswer):
        await http_client.request("GET", url, total_timeout=0.4)
    assert asyncio.get_running_loop().time() - begun < 2
    await http_client.aclose()
    server.close()


async def test_a_service_too_many_cuts_off_nobody_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /slow"):
            asked.set()
            await go_on.wait()
        writer.write(b"HTTP/1.1 204 No\r\nconnection: close\r\n\r\n")
        writer.close()

    monkeypatch.setattr(http_client, "_MAX_TLS", 1)
    monkeypatch.setenv("HOCBA_EGRESS_TUNNELS", "127.0.0.1=127.0.0.1/32")
    roots = Path(certifi.where()).read_bytes()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        slow = asyncio.create_task(http_client.request("GET", f"{url}/slow", tls=http_client.Tls(roots)))
        await asked.wait()
        for number in range(1, 3):
            other = http_client.Tls(roots + b"\n" * number)
            assert (await http_client.request("GET", f"{url}/", tls=other)).status == 204
        go_on.set()
        assert (await slow).status == 204
        await http_client.aclose()


def certificate(ends: datetime, folder: Path) -> ssl.SSLContext:
    """A server that shows a certificate of its own for NAME, which is also the root that `trusted.pem` holds."""
    key, subject = rsa_key("egress"), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=300))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "trusted.pem").write_bytes(pem)
    (folder / "server.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + pem
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def endpoint_at(address: str) -> port.Endpoint:
    """An Authority there."""
    profile = catalog.load(catalog.path_of("vn.sandbox.hocba/2"), {}).profile
    return port.Endpoint(
        profile=profile,
        base_url=address,
        parameters={},
        secrets={"api_key": "x"},
        files={},
        platform=None,
        connect_timeout=1.0,
        total_timeout=2.0,
    )


@pytest.mark.parametrize(
    ("host", "days", "reached"), [(NAME, 30, True), ("other.example.vn", 30, False), (NAME, -1, False)]
)
async def test_tls_is_held_to_the_name_and_to_its_time(
    names: Names, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, days: int, reached: bool
) -> None:
    names.says |= {NAME: [["127.0.0.2"]], "other.example.vn": [["127.0.0.2"]]}
    tls = certificate(datetime.now(UTC) + timedelta(days=days), tmp_path)
    seen: list[str | None] = []
    tls.sni_callback = lambda _, name, __: seen.append(name)
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "trusted.pem"))
    monkeypatch.setenv("HOCBA_EGRESS_TUNNELS", f"{host}=127.0.0.2/32")
    async with listening(tls) as listener:
        url = f"https://{host}:{listener.port}/"
        if reached:
            assert (await http_client.request("GET", url)).body == b"ok"
        else:
            with pytest.raises(http_client.NotProven, match="CERTIFICATE_VERIFY_FAILED"):
                await http_client.request("GET", url)
            sent = await RestChannel().send(endpoint_at(url[:-1]), message_of("submit", "a" * 32))
            assert isinstance(sent, port.NotSent)
            assert (sent.needs_person, sent.reason) == (False, rest.NOT_PROVEN)
            seen.pop()
        assert seen == [host]
        assert len(listener.came) == int(reached)


@pytest.mark.parametrize(
    "address", ["https://10.1.2.3", "https://inside.example.vn", "https://[::ffff:a9fe:a9fe]"]
)
async def test_an_authority_inside_waits_for_the_platform(names: Names, address: str) -> None:
    endpoint = endpoint_at(address)
    message = message_of("submit", "a" * 32)
    sent = await RestChannel().send(endpoint, message)
    assert isinstance(sent, port.NotSent)
    assert (sent.needs_person, sent.reason) == (True, rest.FORBIDDEN)
    asked = await RestChannel().query(endpoint, message.message_id, SCHOOL)
    assert isinstance(asked, port.Unknown)
    assert asked.reason == rest.FORBIDDEN


async def test_a_host_of_sftp_is_held_to_the_same(names: Names) -> None:
    key = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    profile = catalog.load(catalog.path_of("vn.sftp.hocba/1"), {}).profile
    endpoint = port.Endpoint(
        profile=profile,
        base_url="sftp://inside.example.vn#SHA256:" + "a" * 43,
        parameters=dict.fromkeys(profile.parameters, "x"),
        secrets={"private_key": base64.b64encode(key).decode()},
        files={},
        platform=None,
        connect_timeout=1.0,
        total_timeout=2.0,
    )
    message = message_of("submit", "a" * 32)
    for place in ("inside.example.vn", "10.1.2.3", "127.0.0.1:9", "2130706433", "[::1]"):
        there = msgspec.structs.replace(endpoint, base_url=f"sftp://{place}#SHA256:" + "a" * 43)
        sent = await SftpChannel().send(there, message)
        assert isinstance(sent, port.NotSent)
        assert (sent.needs_person, sent.reason) == (True, rest.FORBIDDEN)
        asked = await SftpChannel().query(there, message.message_id, SCHOOL)
        assert isinstance(asked, port.Unknown)
        assert asked.reason == rest.FORBIDDEN
