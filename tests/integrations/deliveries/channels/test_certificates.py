"""Certificates on both sides: who shows none that is believed gets nowhere, and that is known, never guessed."""

import asyncio
import base64
import shutil
import ssl
import subprocess
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from backend.core import http_client
from backend.integrations.deliveries.channels import lists, port
from backend.integrations.deliveries.channels.rest import NOT_PROVEN, RestChannel
from backend.integrations.profiles import catalog
from infra.simulators.province import identities
from tests.fakes.processes import Province, start_province
from tests.integrations.deliveries.channels.test_matrix import SCHOOL, message_of

PROFILE, LISTED = catalog.path_of("vn.hai-chieu.hocba/1"), catalog.path_of("vn.sandbox.hocba/2")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def province(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Province]:
    """The Authority behind certificates, which lets its list be read, too."""
    folder = tmp_path_factory.mktemp("tls")
    for path in (*PROFILE.parent.glob(f"{PROFILE.stem}.*"), *PROFILE.parent.glob("sandbox.*.pem")):
        shutil.copy(path, folder)
    _, _, listing = LISTED.read_text("utf-8").partition("\nreconcile:\n")
    profile = folder / PROFILE.name
    profile.write_text(PROFILE.read_text("utf-8") + "\nreconcile:\n" + listing, "utf-8")
    with start_province(folder, profile, processing=0.05) as running:
        yield running
    await http_client.aclose()


def self_signed(folder: Path, *more: str) -> bytes:
    """A key with a certificate that it signed itself."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    subprocess.run(
        [*command, "-subj", "/CN=stranger", "-keyout", key, "-out", certificate, *more],
        check=True, capture_output=True,
    )  # fmt: skip
    return key.read_bytes() + certificate.read_bytes()


def with_identity(endpoint: port.Endpoint, pem: bytes) -> port.Endpoint:
    secrets = {**endpoint.secrets, "identity": base64.b64encode(pem).decode()}
    return msgspec.structs.replace(endpoint, secrets=secrets)


async def test_a_certificate_that_is_not_believed_brings_nothing_there_and_its_key_is_named(
    province: Province, tmp_path: Path
) -> None:
    before = province.ledger()["messages"]
    stranger = with_identity(province.endpoint(), self_signed(tmp_path))
    sent = await RestChannel().send(stranger, message_of("submit", uuid.uuid4().hex))
    asked = await RestChannel().query(stranger, SCHOOL + "0" * 32, SCHOOL)
    assert isinstance(asked, port.Unknown)
    for told in (sent, asked):
        assert "khóa" in told.reason  # type: ignore[union-attr]
    assert province.ledger()["messages"] == before


@pytest.mark.parametrize(
    ("version", "failure"),
    [(ssl.TLSVersion.TLSv1_2, http_client.NotSent), (ssl.TLSVersion.TLSv1_3, http_client.HttpFailure)],
)
async def test_what_tls_tells_before_anything_leaves_is_certain(
    tmp_path: Path, version: ssl.TLSVersion, failure: type[Exception]
) -> None:
    own = tmp_path / "server.pem"
    own.write_bytes(identities.issue("server", "127.0.0.1"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(identities.AUTHORITY))
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, version
    context.load_cert_chain(own)
    read: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.read(10))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        tls = http_client.Tls(identities.AUTHORITY.read_bytes(), self_signed(tmp_path))
        with pytest.raises(failure):
            await http_client.request("POST", address, content=b"x", tls=tls)
    assert read == []


async def test_a_host_with_a_certificate_of_somebody_else_gets_nothing(
    province: Province, tmp_path: Path
) -> None:
    before = province.ledger()["messages"]
    _, _, other = self_signed(tmp_path).partition(b"-----END PRIVATE KEY-----\n")
    endpoint = msgspec.structs.replace(
        province.endpoint(), files={**province.endpoint().files, "sandbox.ca.pem": other}
    )
    sent = await RestChannel().send(endpoint, message_of("submit", uuid.uuid4().hex))
    assert isinstance(sent, port.NotSent)
    assert sent.reason == NOT_PROVEN
    assert province.ledger()["messages"] == before


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PRIVATE KEY-----", b"x" * 400])
async def test_a_key_that_is_none_is_said_before_anything_leaves(province: Province, pem: bytes) -> None:
    sent = await RestChannel().send(
        with_identity(province.endpoint(), pem), message_of("submit", uuid.uuid4().hex)
    )
    assert isinstance(sent, port.NotSent)
    assert sent.needs_person
    assert "hãy điền lại khóa ở trang Kết nối cơ quan tiếp nhận" in sent.reason


async def test_the_list_is_asked_for_with_the_same_certificates(province: Province, tmp_path: Path) -> None:
    message = message_of("submit", uuid.uuid4().hex)
    assert isinstance(await RestChannel().send(province.endpoint(), message), port.Received)
    fetched = await lists.fetch(province.endpoint(), SCHOOL)
    assert fetched.problem is None
    assert message.message_id in {one.message_id for one in fetched.items}
    stranger = with_identity(province.endpoint(), self_signed(tmp_path))
    assert (await lists.fetch(stranger, SCHOOL)).problem == "unreached"
    assert (await lists.fetch(with_identity(province.endpoint(), b""), SCHOOL)).problem == "refused"
