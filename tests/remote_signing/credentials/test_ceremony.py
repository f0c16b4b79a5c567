"""`hocba hsm`: a seal's key made in a token before two people, certified, and never taken out."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import Attribute, KeyType, MechanismFlag

from backend.core.errors import Invalid
from backend.remote_signing.credentials import ceremony
from backend.remote_signing.formats import certificates
from infra.simulators.signing_service.authority import Authority
from tests.fakes.softhsm import MODULE, PACKAGE, SoftHsm, token_in

pytestmark = pytest.mark.needs(PACKAGE)

ROOT = Path(__file__).resolve().parents[3]
WHO = ("--person", "Nguyễn Thị A, kế toán", "--person", "Trần Văn B, vận hành")
SCHOOL = ("--name", "Trường Tiểu học Hoa Ban", "--tax-code", "0312345678")


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    with token_in(tmp_path_factory.mktemp("ceremony")) as token:
        yield token


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "http://127.0.0.1:9")


def hocba(*words: str) -> subprocess.CompletedProcess[str]:
    """As the shell runs it, with nothing of the product's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "SOFTHSM2_CONF")}
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *words],
        cwd=ROOT, env=kept | {"LANG": "C.UTF-8"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def in_token(hsm: SoftHsm, *words: str) -> subprocess.CompletedProcess[str]:
    where = ("--module", MODULE, "--token", hsm.label, "--pin-file", str(hsm.pin_file))
    return hocba("hsm", *where, *words)


def keys_of(hsm: SoftHsm) -> set[str]:
    with hsm.opened() as token:
        return {key.key_id.hex() for key in token.list_keys()}


def generated(hsm: SoftHsm, record: Path, *words: str) -> str:
    """The id of a new key."""
    done = in_token(hsm, "generate", *SCHOOL, *WHO, "--record", str(record), *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[3].rstrip(",")


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_from_the_key_to_its_certificate(
    hsm: SoftHsm, authority: Authority, tmp_path: Path, kind: str
) -> None:
    record = tmp_path / "bien-ban.json"
    key = generated(hsm, record, "--kind", kind)
    asked = x509.load_pem_x509_csr(in_token(hsm, "request", "--key", key, *SCHOOL).stdout.encode())
    assert asked.is_signature_valid
    public = asked.public_key()
    assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    issued = authority.certify(asked.subject, x509.random_serial_number(), public)
    facts = certificates.read(issued.public_bytes(serialization.Encoding.DER))
    assert (facts.subject_name, facts.tax_codes) == (SCHOOL[1], (SCHOOL[3],))
    file = tmp_path / "chung-thu.pem"
    chain = [issued, authority.issuing.certificate, authority.root.certificate]
    file.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
    put = in_token(hsm, "put", "--key", key, str(file))
    assert f"tài khoản: {SCHOOL[3]}/con-dau" in put.stdout
    assert any(
        line.startswith(key) and "có chứng thư" in line and "chưa" not in line
        for line in in_token(hsm, "list").stdout.splitlines()
    )
    checked = in_token(hsm, "check", "--key", key)
    assert (checked.returncode, "không lấy ra được" in checked.stdout) == (0, True)
    assert in_token(hsm, "put", "--key", key, str(file)).returncode == 0, "a renewed one takes its place"


def test_the_record_names_who_was_there_and_is_the_keys_own(hsm: SoftHsm, tmp_path: Path) -> None:
    file = tmp_path / "bien-ban.json"
    key = generated(hsm, file)
    record = ceremony.from_file(file.read_bytes())
    assert record.people == (WHO[1], WHO[3])
    assert (record.key_id, record.school.tax_code, record.token.label) == (key, SCHOOL[3], hsm.label)
    assert record.proof.attributes == {
        "local": True, "sensitive": True, "always_sensitive": True, "extractable": False,
        "never_extractable": True, "sign": True, "decrypt": False, "unwrap": False,
    }  # fmt: skip
    assert (record.proof.reading, record.proof.wrapping) == ("AttributeSensitive", "KeyUnextractable")
    told = hocba("hsm-record", str(file))
    assert (told.returncode, WHO[1] in told.stdout) == (0, True)
    file.write_text(file.read_text().replace("Nguyễn Thị A", "Nguyễn Thị C"))
    forged = hocba("hsm-record", str(file))
    assert forged.returncode == 1
    assert "đã bị sửa" in forged.stderr


@pytest.mark.parametrize(
    ("people", "why"),
    [
        ((), "hai người khác nhau"),
        (WHO[:2], "hai người khác nhau"),
        ((*WHO[:2], "--person", "NGUYỄN THỊ A,  kế toán"), "hai người khác nhau"),
    ],
)
def test_without_two_people_no_key_is_made(
    hsm: SoftHsm, tmp_path: Path, people: tuple[str, ...], why: str
) -> None:
    before, record = keys_of(hsm), tmp_path / "bien-ban.json"
    refused = in_token(hsm, "generate", *SCHOOL, *people, "--record", str(record))
    assert (refused.returncode, why in refused.stderr) == (1, True)
    assert keys_of(hsm) == before
    assert not record.exists()


def test_no_key_without_a_place_for_its_record(hsm: SoftHsm, tmp_path: Path) -> None:
    before, record = keys_of(hsm), tmp_path / "bien-ban.json"
    record.write_text("của lần trước")
    refused = in_token(hsm, "generate", *SCHOOL, *WHO, "--record", str(record))
    assert (refused.returncode, "chưa có khóa nào" in refused.stderr) == (1, True)
    assert (keys_of(hsm), record.read_text()) == (before, "của lần trước")


def test_a_key_that_can_be_taken_out_is_refused(hsm: SoftHsm) -> None:
    with hsm.opened() as token:
        token._session.generate_keypair(
            KeyType.RSA, 2048, id=b"loose", label="x", store=True,
            capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
            private_template={Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False},
        )  # fmt: skip
    refused = in_token(hsm, "check", "--key", b"loose".hex())
    assert (refused.returncode, "extractable" in refused.stderr) == (1, True)
    with hsm.opened() as token:
        token.destroy(b"loose")


def test_a_certificate_of_another_key_is_not_put_beside_it(
    hsm: SoftHsm, authority: Authority, tmp_path: Path
) -> None:
    key = generated(hsm, tmp_path / "bien-ban.json")
    file = tmp_path / "khac.pem"
    own = authority.tsa.certificate.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(own)
    assert "không phải của khóa" in in_token(hsm, "put", "--key", key, str(file)).stderr
    file.write_bytes(own + authority.root.certificate.public_bytes(serialization.Encoding.PEM))
    assert "cấp trên" in in_token(hsm, "put", "--key", key, str(file)).stderr


def test_a_request_for_another_school_is_not_signed(hsm: SoftHsm, tmp_path: Path) -> None:
    key = generated(hsm, tmp_path / "bien-ban.json")
    other = in_token(hsm, "request", "--key", key, "--name", "Trường Khác", "--tax-code", "0399999999")
    assert (other.returncode, other.stdout) == (1, "")
    assert "không phải của mã số thuế 0399999999" in other.stderr


def test_what_is_no_record_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="không phải biên bản"):
        ceremony.from_file(b"{}")


def test_a_wrong_pin_and_a_missing_token_are_told_in_one_sentence(hsm: SoftHsm, tmp_path: Path) -> None:
    wrong = tmp_path / "pin"
    wrong.write_text("000000")
    where = ("--module", MODULE, "--token")
    bad_pin = hocba("hsm", *where, hsm.label, "--pin-file", str(wrong), "list")
    assert (bad_pin.returncode, "Mã PIN không đúng" in bad_pin.stderr) == (1, True)
    none = hocba("hsm", *where, "khong-co", "--pin-file", str(hsm.pin_file), "list")
    assert (none.returncode, "Không mở được token" in none.stderr) == (1, True)
    assert len(none.stderr.splitlines()) == 1
