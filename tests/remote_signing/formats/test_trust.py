"""Anchors from a folder; OCSP and CRL as bytes, built as OpenSSL reads them, believed from their signer."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from backend.remote_signing.formats import trust
from backend.remote_signing.formats.trust import RevocationRefused, TrustError, TrustStore
from tests.factories.pki import Pki, issue, name, rsa_key
from tests.remote_signing.formats.world import World

AT = datetime(2026, 5, 30, tzinfo=UTC)


def test_anchors_come_from_pem_files(world: World, tmp_path: Path) -> None:
    other = Pki().tsa
    (tmp_path / "both.pem").write_bytes(world.pki.root.pem + other.pem)
    (tmp_path / "README.txt").write_text("not a certificate")
    assert TrustStore.from_folder(tmp_path).anchors == (world.pki.root.certificate, other.certificate)


def test_missing_or_broken_anchors_are_said(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="nowhere"):
        TrustStore.from_folder(tmp_path / "nowhere")
    (tmp_path / "broken.pem").write_text("x")
    with pytest.raises(TrustError, match=r"broken\.pem"):
        TrustStore.from_folder(tmp_path)


def test_openssl_reads_our_ocsp_request(world: World, tmp_path: Path) -> None:
    path = tmp_path / "request.der"
    path.write_bytes(trust.ocsp_request(world.teacher.der, world.pki.issuing.der))
    done = subprocess.run(
        ["openssl", "ocsp", "-reqin", path, "-req_text"], capture_output=True, text=True, check=True
    )
    said = done.stdout.split("Serial Number: ")[1].split()[0]
    assert int(said, 16) == world.teacher.certificate.serial_number


def test_ocsp_answers(world: World) -> None:
    answer = world.pki.ocsp_response(world.teacher, AT)
    status = trust.read_ocsp(answer, world.teacher.der, world.pki.issuing.der)
    assert (status.status, status.this_update, status.next_update) == ("good", AT, AT + timedelta(days=1))
    revoked = Pki()
    teacher = revoked.person("Đinh Thị Hoài Thu")
    revoked.revoked[teacher.certificate.serial_number] = AT
    answer = revoked.ocsp_response(teacher, AT)
    status = trust.read_ocsp(answer, teacher.der, revoked.issuing.der)
    assert (status.status, status.revoked_at) == ("revoked", AT)


def test_ocsp_answers_of_others_are_refused(world: World) -> None:
    answer = world.pki.ocsp_response(world.teacher, AT)
    with pytest.raises(RevocationRefused, match="another certificate"):
        trust.read_ocsp(answer, world.principal.der, world.pki.issuing.der)
    with pytest.raises(RevocationRefused, match="cannot be read"):
        trust.read_ocsp(b"<html>", world.teacher.der, world.pki.issuing.der)
    usurper = Pki()
    usurper.responder = issue(
        name("Usurper", None), rsa_key("ocsp"), None, usage=ExtendedKeyUsageOID.OCSP_SIGNING
    )
    with pytest.raises(RevocationRefused, match="not signed"):
        trust.read_ocsp(usurper.ocsp_response(world.teacher, AT), world.teacher.der, world.pki.issuing.der)
    unappointed = Pki()
    unappointed.responder = issue(name("Person", None), rsa_key("ocsp"), world.pki.issuing)
    with pytest.raises(RevocationRefused, match="not signed"):
        trust.read_ocsp(
            unappointed.ocsp_response(world.teacher, AT), world.teacher.der, world.pki.issuing.der
        )


def test_crls(world: World) -> None:
    pki = Pki()
    assert trust.read_crl(pki.crl(pki.root, AT), pki.issuing.der, pki.root.der).status == "good"
    pki.revoked[pki.issuing.certificate.serial_number] = AT
    status = trust.read_crl(pki.crl(pki.root, AT), pki.issuing.der, pki.root.der)
    assert (status.status, status.revoked_at) == ("revoked", AT)
    with pytest.raises(RevocationRefused, match="not signed"):
        trust.read_crl(pki.crl(pki.issuing, AT), pki.issuing.der, pki.root.der)
    with pytest.raises(RevocationRefused, match="cannot be read"):
        trust.read_crl(b"", pki.issuing.der, pki.root.der)


def test_sources_and_what_is_to_be_checked(world: World) -> None:
    sources = trust.revocation_sources(world.teacher.der)
    assert sources.ocsp_urls == ("http://ocsp.pki.invalid/",)
    assert sources.crl_urls == ("http://crl.pki.invalid/ca.crl",)
    assert trust.revocation_sources(world.pki.root.der) == trust.RevocationSources(ocsp_urls=(), crl_urls=())
    pki = world.pki
    pairs = trust.certificates_to_check(
        [world.teacher.der, pki.tsa.der, pki.issuing.der, pki.root.der, pki.responder.der, world.teacher.der]
    )
    issuing = pki.issuing.der
    assert pairs == [(world.teacher.der, issuing), (pki.tsa.der, issuing), (issuing, pki.root.der)]
    with pytest.raises(RevocationRefused, match="missing"):
        trust.certificates_to_check([world.teacher.der])
