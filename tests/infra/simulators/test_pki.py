"""What the signing service's authority publishes, judged by openssl."""

import base64
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from backend.core import http_client
from backend.remote_signing.providers import port
from backend.remote_signing.providers.timestamps import (
    fetch_certificate,
    fetch_crl,
    fetch_ocsp,
    fetch_timestamp,
)
from tests.fakes.processes import SigningService, start_signing_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningService]:
    with start_signing_service(tmp_path_factory.mktemp("pki")) as running:
        yield running


@pytest.fixture(autouse=True)
async def closed_connections() -> object:
    yield
    await http_client.aclose()


def openssl(*arguments: object, ok: bool = True) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=20)
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        content: bytes = answer.read()
        return content


def written(path: Path, der: bytes) -> Path:
    """The certificate as PEM."""
    path.write_text(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode())
    return path


async def test_the_chain_stands(service: SigningService, tmp_path: Path) -> None:
    credential = service.enrol("chain", "Trần Văn Mẫu")
    leaf = written(tmp_path / "leaf.pem", credential.certificate)
    issuing = tmp_path / "issuing.pem"
    issuing.write_bytes(get(f"{service.url}/ca/issuing.pem"))
    said = openssl(
        "verify",
        "-x509_strict",
        "-purpose",
        "smimesign",
        "-CAfile",
        service.trust_root,
        "-untrusted",
        issuing,
        leaf,
    )
    assert said.strip().endswith("OK")
    openssl("verify", "-CAfile", issuing, leaf, ok=False)


def test_nobody_can_take_it_for_a_real_one(service: SigningService) -> None:
    certificate = x509.load_der_x509_certificate(service.enrol("named", "Lê Thị Ví Dụ").certificate)
    [organisation] = certificate.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert "SANDBOX" in str(organisation.value)
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Lê Thị Ví Dụ"
    assert certificate.public_key().key_size == 2048  # type: ignore[union-attr]


def test_seals_carry_the_tax_code(service: SigningService) -> None:
    subject = {"common_name": "Trường Hoa Ban", "organisation": "Trường Hoa Ban", "tax_code": "0100000000"}
    answer = service.post("/sandbox/enrol", {"subject": subject, "kind": "seal", "account": "MST_0100000000"})
    certificate = x509.load_der_x509_certificate(base64.b64decode(answer["certificate"]))
    assert [item.value for item in certificate.subject.get_attributes_for_oid(NameOID.USER_ID)] == [
        "MST:0100000000"
    ]


def test_an_enrolment_that_cannot_be_read_is_refused(service: SigningService) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        service.post("/sandbox/enrol", {"subject": {"common_name": "A"}, "kind": "person", "account": "x"})
    assert refused.value.code == 400
    assert b"organisation" in refused.value.read()
    refused.value.close()


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
async def test_time_stamps_verify(service: SigningService, tmp_path: Path, algorithm: str) -> None:
    data, query, reply = tmp_path / "data", tmp_path / "query", tmp_path / "reply"
    data.write_bytes(b"stamp me")
    openssl("ts", "-query", "-data", data, f"-{algorithm}", "-cert", "-out", query)
    reply.write_bytes(await fetch_timestamp(f"{service.url}/tsa", query.read_bytes()))
    trusted = ["-CAfile", service.trust_root]
    assert "Verification: OK" in openssl("ts", "-verify", "-queryfile", query, "-in", reply, *trusted)
    token = tsp.TimeStampResp.load(reply.read_bytes())["time_stamp_token"]
    attributes = [item.dump() for item in token["content"]["signer_infos"][0]["signed_attrs"]]
    assert attributes == sorted(attributes), "DER orders the members of a SET OF (X.690 11.6)"
    data.write_bytes(b"stamp me not")
    openssl("ts", "-verify", "-data", data, "-in", reply, *trusted, ok=False)


async def test_time_stamps_have_their_own_numbers(service: SigningService, tmp_path: Path) -> None:
    query, reply = tmp_path / "query", tmp_path / "reply"
    openssl("ts", "-query", "-digest", "00" * 32, "-sha256", "-no_nonce", "-out", query)
    before = service.ledger()["timestamps"]
    replies = [await fetch_timestamp(f"{service.url}/tsa", query.read_bytes()) for _ in range(3)]
    assert len(set(replies)) == 3
    assert service.ledger()["timestamps"] == before + 3
    reply.write_bytes(replies[0])
    text = openssl("ts", "-reply", "-in", reply, "-text")
    assert "Serial number" in text
    assert "Nonce: unspecified" in text


async def test_what_is_no_query_is_rejected_not_stamped(service: SigningService, tmp_path: Path) -> None:
    reply = tmp_path / "reply"
    reply.write_bytes(await fetch_timestamp(f"{service.url}/tsa", b"\x30\x03\x02\x01\x01"))
    assert "Status: Rejected" in openssl("ts", "-reply", "-in", reply, "-text")


async def test_ocsp_tells_good_revoked_and_unknown(service: SigningService, tmp_path: Path) -> None:
    issuing = tmp_path / "issuing.pem"
    issuing.write_bytes(get(f"{service.url}/ca/chain.pem"))
    credential = service.enrol("ocsp")
    leaf = written(tmp_path / "leaf.pem", credential.certificate)
    query, reply = tmp_path / "query", tmp_path / "reply"
    openssl("ocsp", "-issuer", issuing, "-cert", leaf, "-reqout", query)

    async def judge() -> str:
        reply.write_bytes(await fetch_ocsp(f"{service.url}/ocsp", query.read_bytes()))
        return openssl(
            "ocsp", "-respin", reply, "-no_nonce", "-issuer", issuing, "-cert", leaf,
            "-CAfile", service.trust_root, "-verify_other", issuing,
        )  # fmt: skip

    said = await judge()
    assert "Response verify OK" in said
    assert ": good" in said
    service.post("/sandbox/revoke", {"credentialID": credential.credential_id})
    assert ": revoked" in await judge()


async def test_ocsp_answers_for_the_issuing_authority_too(service: SigningService, tmp_path: Path) -> None:
    issuing = tmp_path / "issuing.pem"
    issuing.write_bytes(get(f"{service.url}/ca/issuing.pem"))
    said = openssl(
        "ocsp", "-issuer", service.trust_root, "-cert", issuing, "-url", f"{service.url}/ocsp", "-CAfile",
        service.trust_root,
    )  # fmt: skip
    assert "Response verify OK" in said
    assert ": good" in said


async def test_revocation_lists_name_the_revoked(service: SigningService, tmp_path: Path) -> None:
    credential = service.enrol("listed")
    service.post("/sandbox/revoke", {"credentialID": credential.credential_id})
    serial = x509.load_der_x509_certificate(credential.certificate).serial_number
    crl = tmp_path / "issuing.crl"
    crl.write_bytes(await fetch_crl(f"{service.url}/crl"))
    chain = tmp_path / "chain.pem"
    chain.write_bytes(get(f"{service.url}/ca/chain.pem"))
    text = openssl("crl", "-inform", "DER", "-in", crl, "-text", "-noout", "-CAfile", chain)
    assert "verify OK" in text
    assert f"{serial:X}" in text
    root_list = x509.load_der_x509_crl(await fetch_crl(f"{service.url}/crl/root.crl"))
    assert list(root_list) == []


async def test_certificates_say_where_to_ask(service: SigningService) -> None:
    certificate = x509.load_der_x509_certificate(service.enrol("where").certificate)
    access = certificate.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS)
    assert isinstance(access.value, x509.AuthorityInformationAccess)
    places = [item.access_location.value for item in access.value]
    assert places == [f"{service.url}/ocsp", f"{service.url}/ca/issuing.cer"]
    issuer = x509.load_der_x509_certificate(await fetch_certificate(places[1]))
    certificate.verify_directly_issued_by(issuer)


async def test_an_answer_that_is_not_der_is_no_answer(service: SigningService) -> None:
    with pytest.raises(port.OutcomeUnknown):
        await fetch_timestamp(f"{service.url}/health", b"")
    service.fault("http500", path="/tsa")
    with pytest.raises(port.OutcomeUnknown):
        await fetch_timestamp(f"{service.url}/tsa", b"")
    with pytest.raises(port.NotReached):
        await fetch_crl("http://127.0.0.1:1/crl")


def test_keys_and_names_survive_a_restart(tmp_path: Path) -> None:
    with start_signing_service(tmp_path) as service:
        before = service.trust_root.read_bytes(), service.enrol("same"), service.settings()
        service.kill()
        service.start()
        assert (service.trust_root.read_bytes(), service.enrol("same"), service.settings()) == before
        assert (service.directory / "settings.json").stat().st_mode & 0o077 == 0
        assert service.directory.stat().st_mode & 0o077 == 0


def test_the_telephone_page_speaks_vietnamese_and_escapes(service: SigningService) -> None:
    page = get(f"{service.url}/phone").decode()
    assert "Yêu cầu ký đang chờ xác nhận" in page
    assert 'lang="vi"' in page
