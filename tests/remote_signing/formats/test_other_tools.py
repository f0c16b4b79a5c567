"""The signed files before judges that are not ours: OpenSSL, poppler, qpdf, pdfium, pyHanko's CMS parser."""

import io
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2  # type: ignore[import-untyped]
import pytest

from backend.remote_signing.formats import cms, document_stamp, pades
from backend.remote_signing.formats.validation import validate_pdf
from tests.remote_signing.formats import attacks
from tests.remote_signing.formats.world import NAMES, SIGNED_AT, World


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)


def detached(pdf: bytes, number: int) -> tuple[bytes, bytes]:
    """(covered bytes, CMS without padding) of one signature, found by pdfium and not by us."""
    document = pypdfium2.PdfDocument(pdf)
    raw = document.raw
    signature = pypdfium2.raw.FPDF_GetSignatureObject(raw, number)
    ranges = (pypdfium2.raw.c_int * 4)()
    assert pypdfium2.raw.FPDFSignatureObj_GetByteRange(signature, ranges, 4) == 4
    size = pypdfium2.raw.FPDFSignatureObj_GetContents(signature, None, 0)
    buffer = (pypdfium2.raw.c_char * size)()
    pypdfium2.raw.FPDFSignatureObj_GetContents(signature, buffer, size)
    contents = bytes(buffer)
    length = 4 + int.from_bytes(contents[2:4], "big")
    document.close()
    start, first, second, rest = ranges
    return pdf[start : start + first] + pdf[second : second + rest], contents[:length]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_openssl_verifies_each_signature(world: World, signed: bytes, tmp_path: Path, number: int) -> None:
    covered, contents = detached(signed, number)
    (tmp_path / "data").write_bytes(covered)
    (tmp_path / "sig").write_bytes(contents)
    (tmp_path / "root.pem").write_bytes(world.pki.root.pem)
    options = ("-binary", "-inform", "DER", "-in", tmp_path / "sig", "-content", tmp_path / "data")
    anchors = ("-CAfile", tmp_path / "root.pem", "-purpose", "any", "-cades", "-out", tmp_path / "out")
    done = openssl("cms", "-verify", *options, *anchors)
    assert "CAdES Verification successful" in done.stderr, done.stderr
    (tmp_path / "data").write_bytes(attacks.flipped_byte(covered))
    assert openssl("cms", "-verify", *options, *anchors).returncode != 0


def test_openssl_verifies_the_time_stamp(world: World, signed: bytes, tmp_path: Path) -> None:
    parts = cms.read(detached(signed, 2)[1])
    (tmp_path / "value").write_bytes(parts.value)
    (tmp_path / "token").write_bytes(parts.tokens[0])
    (tmp_path / "root.pem").write_bytes(world.pki.root.pem)
    options = ("-in", tmp_path / "token", "-token_in", "-CAfile", tmp_path / "root.pem")
    done = openssl("ts", "-verify", "-data", tmp_path / "value", *options)
    assert "Verification: OK" in done.stdout, done.stderr
    (tmp_path / "value").write_bytes(parts.value + b"x")
    assert openssl("ts", "-verify", "-data", tmp_path / "value", *options).returncode != 0


def test_openssl_reads_our_time_stamp_request(tmp_path: Path) -> None:
    (tmp_path / "request").write_bytes(pades.timestamp_request(b"value", nonce=0x80FF))
    done = openssl("ts", "-query", "-in", tmp_path / "request", "-text")
    assert "Hash Algorithm: sha256" in done.stdout
    assert "Nonce: 0x80FF" in done.stdout
    assert "Certificate required: yes" in done.stdout


@pytest.mark.needs("poppler-utils")
def test_pdfsig_finds_three_valid_signatures(signed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed)
    done = subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True, check=True)
    assert done.stdout.count("Signature is Valid") == 3
    assert done.stdout.count("ETSI.CAdES.detached") == 3
    assert [done.stdout.index(name) for name in NAMES] == sorted(done.stdout.index(name) for name in NAMES)
    path.write_bytes(attacks.flipped_byte(signed))
    done = subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True, check=False)
    assert "Signature is Valid" not in done.stdout


@pytest.mark.needs("poppler-utils")
@pytest.mark.parametrize("level", ["B-B", "B-T", "B-LT", "B-LTA"])
def test_each_level_is_accepted_by_others(
    world: World, signed_b_t: bytes, signed: bytes, tmp_path: Path, level: str
) -> None:
    prepared = document_stamp.prepare(signed)
    stamped = document_stamp.embed(prepared, world.token(prepared.stamped, SIGNED_AT + timedelta(hours=1)))
    made = {"B-B": world.sign_all(stamp=False), "B-T": signed_b_t, "B-LT": signed, "B-LTA": stamped}
    pdf = made[level]
    assert {one.level for one in validate_pdf(pdf, world.trust, None, NAMES).signatures} == {level}
    (tmp_path / "root.pem").write_bytes(world.pki.root.pem)
    for number in range(3):
        covered, contents = detached(pdf, number)
        (tmp_path / "data").write_bytes(covered)
        (tmp_path / "sig").write_bytes(contents)
        options = ("-binary", "-inform", "DER", "-in", tmp_path / "sig", "-content", tmp_path / "data")
        anchors = ("-CAfile", tmp_path / "root.pem", "-purpose", "any", "-cades", "-out", tmp_path / "out")
        done = openssl("cms", "-verify", *options, *anchors)
        assert "CAdES Verification successful" in done.stderr, done.stderr
    (tmp_path / "signed.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdfsig", "-nocert", tmp_path / "signed.pdf"], capture_output=True, text=True, check=False
    )
    assert done.stdout.count("Signature is Valid") == 3


@pytest.mark.needs("qpdf")
def test_qpdf_finds_no_fault(world: World, signed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed)
    done = subprocess.run(["qpdf", "--check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "No syntax or stream encoding errors" in done.stdout


def test_the_archive_form_is_kept(world: World, signed: bytes) -> None:
    """What PDF/A-3a asks of the parts that signing adds (ISO 19005-3), as far as it shows without veraPDF."""
    with pikepdf.open(io.BytesIO(signed)) as pdf, pdf.open_metadata() as metadata:
        assert metadata.pdfa_status == "3A"
        form: Any = pdf.Root.AcroForm
        for field in form.Fields:
            rectangle = [float(number) for number in field.Rect]
            assert rectangle == [0, 0, 0, 0], "6.3.3: only a zero-size annotation needs no appearance"
            assert int(field.F) & 0b100, "6.3.2: printed"
            assert not int(field.F) & 0b100011, "6.3.2: neither invisible, hidden, nor without view"
        assert "/NeedAppearances" not in pdf.Root.AcroForm
        assert pdf.Root.MarkInfo.Marked
        assert "/StructTreeRoot" in pdf.Root
    assert signed.startswith(world.rendered)
    assert signed.count(b"%%EOF") == 1 + 1 + 3 + 1
