"""The seal's certificate out of a file of its authority, for a key made in the HSM: matched, judged, decided by two."""

import hashlib
from collections.abc import Iterator

import httpx
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from litestar import Litestar

from backend.core import clock
from backend.core.crypto import sha256_hex
from backend.remote_signing.credentials import ceremony
from backend.remote_signing.credentials.schemas import CredentialStatus
from backend.remote_signing.formats import csr
from backend.remote_signing.formats.schemas import CertificateSubject
from backend.remote_signing.providers import gateway, hsm_keys
from backend.tenants.permissions import ROLE_NAMES, Role
from tests.core.browser import Browser
from tests.core.site_fixtures import open_test_school
from tests.factories.machine import Machine
from tests.factories.signing_school import changed_settings
from tests.fakes.processes import SigningService
from tests.fakes.softhsm import PACKAGE, SoftHsm, token_in
from tests.remote_signing.credentials.test_pages import Desk

pytestmark = pytest.mark.needs(PACKAGE)

NAME, TAX_CODE = "Trường Có Khóa", "0100000000"
SCHOOL = CertificateSubject(name=NAME, tax_code=TAX_CODE)
SEAL = "/chung-thu/con-dau"
WITNESSES = ("Nguyễn Thị A, kế toán", "Trần Văn B, vận hành")


@pytest.fixture(scope="module")
def hsm(signing: SigningService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    folder = tmp_path_factory.mktemp("hsm")
    with token_in(folder) as token:
        declared = folder / "providers.toml"
        declared.write_text(token.declaration())
        with changed_settings(HOCBA_SIGNING_PROVIDERS=str(declared)):
            yield token


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(site: Litestar, hsm: SoftHsm) -> Desk:
    return Desk(site, await open_test_school(NAME))


def issued(
    hsm: SoftHsm, signing: SigningService, subject: CertificateSubject = SCHOOL, kind: str = hsm_keys.RSA
) -> list[x509.Certificate]:
    """For a new key of that school in the token: what the authority makes of its request, and the issuers."""
    with hsm.opened() as token:
        key_id = token.generate(f"{subject.tax_code}/con-dau", kind, 2048)
        request = csr.build(
            subject,
            token.public_key(key_id),
            lambda content: token.sign(key_id, hashlib.sha256(content).digest()),
        )
    return [x509.load_der_x509_certificate(der) for der in signing.certify(request)]


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


async def upload(desk: Desk, content: bytes, name: str = "chung-thu.pem") -> httpx.Response:
    """By the IT teacher."""
    it = await desk.browser(Role.IT_TEACHER)
    await it.get(SEAL)
    typed = {"nha_cung_cap": "hsm", "ly_do": "Con dấu mới"}
    files = {"tep": (name, content, "application/octet-stream")}
    return await it.http.post(f"{SEAL}/tep", data=typed | {"csrf_token": it.csrf_token}, files=files)


@pytest.mark.parametrize("form", ["pem", "p7b", "der"])
async def test_from_the_file_to_the_seal(
    form: str, desk: Desk, hsm: SoftHsm, signing: SigningService
) -> None:
    """Whatever form it has. The provider has the certificate once two people have agreed, and not before."""
    chain = issued(hsm, signing, kind=hsm_keys.EC if form == "der" else hsm_keys.RSA)
    content = {
        "pem": lambda: pem(*chain[::-1]),
        "p7b": lambda: pkcs7.serialize_certificates(chain, Encoding.DER),
        "der": lambda: chain[0].public_bytes(Encoding.DER),
    }[form]()
    own = chain[0].public_bytes(Encoding.DER)
    asked = await upload(desk, content)
    if form == "der":
        # Without its issuers it leads to nobody.
        assert (asked.status_code, "không dẫn tới tổ chức chứng thực" in asked.text) == (409, True)
        return
    assert asked.status_code == 303, asked.text
    known = await gateway.credentials_at("hsm", f"{TAX_CODE}/con-dau")
    assert own not in {one.certificate for one in known}
    approved = await desk.approve(Role.PRINCIPAL)
    assert approved.status_code == 303, approved.text
    await Machine(desk.school.tenant_id).rest()
    [seal, *earlier] = await desk.held(None)
    assert (seal.certificate, seal.provider, seal.status) == (own, "hsm", CredentialStatus.ACTIVE)
    assert seal.chain == tuple(one.public_bytes(Encoding.DER) for one in chain[1:])
    assert {one.status for one in earlier} <= {CredentialStatus.REPLACED}


async def test_what_does_not_fit_is_refused_with_the_reason(
    desk: Desk, hsm: SoftHsm, signing: SigningService
) -> None:
    chain = issued(hsm, signing)
    elsewhere = issued(hsm, signing, CertificateSubject(name=NAME, tax_code="0999999999"))
    for content, status, told in (
        (b"", 422, "không chứa chứng thư số"),
        (b"\x00" * 40, 422, "không chứa chứng thư số"),
        (of_a_strange_key(chain[0]), 422, "không chứa chứng thư số"),
        (pem(*chain[1:]), 409, "Không chứng thư nào trong tệp"),
        (pem(*elsewhere), 409, "Không chứng thư nào trong tệp"),
        (pem(*named(hsm, signing, "Trường Khác")), 409, "Tên trên chứng thư"),
        (pem(*named(hsm, signing, NAME, "0888888888")), 409, "mã số thuế"),
    ):
        refused = await upload(desk, content)
        assert (refused.status_code, told in refused.text) == (status, True), told
    assert not await desk.waiting()


def of_a_strange_key(certificate: x509.Certificate) -> bytes:
    """As of an algorithm that nobody here knows (its identifier in place of RSA's)."""
    rsa, strange = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("01", "63"))
    return certificate.public_bytes(Encoding.DER).replace(rsa, strange, 1)


def named(
    hsm: SoftHsm, signing: SigningService, name: str, tax_code: str = TAX_CODE
) -> list[x509.Certificate]:
    """For a key of this school's label, a certificate that names somebody else."""
    with hsm.opened() as token:
        key_id = token.generate(f"{TAX_CODE}/con-dau", hsm_keys.RSA, 2048)
        request = csr.build(
            CertificateSubject(name=name, tax_code=tax_code),
            token.public_key(key_id),
            lambda content: token.sign(key_id, hashlib.sha256(content).digest()),
        )
    return [x509.load_der_x509_certificate(der) for der in signing.certify(request)]


async def test_a_key_that_is_gone_by_the_approval_changes_nothing(
    desk: Desk, hsm: SoftHsm, signing: SigningService
) -> None:
    chain, before = issued(hsm, signing), await desk.held(None)
    assert (await upload(desk, pem(*chain))).status_code == 303
    own = csr.key_in(chain[0].public_bytes(Encoding.DER))
    with hsm.opened() as token:
        ids = [key.key_id for key in token.list_keys()]
        token.destroy(next(one for one in ids if csr.public_key_info(token.public_key(one)) == own))
    refused = await desk.approve(Role.PRINCIPAL)
    assert (refused.status_code, "Không chứng thư nào trong tệp" in refused.text) == (409, True)
    assert [one.id for one in await desk.held(None)] == [one.id for one in before]
    [request] = await desk.waiting()
    it = await desk.browser(Role.IT_TEACHER)
    withdrawn = await it.post(f"/chung-thu/de-nghi/{request.id}/rut-lai", {})
    assert (withdrawn.status_code, await desk.waiting()) == (303, [])


async def test_the_minutes_say_who_was_present_and_what_was_done(
    desk: Desk, hsm: SoftHsm, signing: SigningService
) -> None:
    """From the making of the key to the decision of two people, to be printed; a record of another key adds nothing."""
    with hsm.opened() as token:
        records = [
            ceremony.generate(token, SCHOOL, hsm_keys.RSA, 2048, WITNESSES, clock.now()) for _ in range(2)
        ]
        key_id = bytes.fromhex(records[0].record.key_id)
        chain = [
            x509.load_der_x509_certificate(one)
            for one in signing.certify(ceremony.request(token, key_id, SCHOOL))
        ]
    assert (await upload(desk, pem(*chain))).status_code == 303
    assert (await desk.approve(Role.PRINCIPAL)).status_code == 303
    seal, it = (await desk.held(None))[0], await desk.browser(Role.IT_TEACHER)
    at = f"/chung-thu/so/{seal.id}/bien-ban"
    shown = (await it.get(at)).text
    for expected in (
        seal.fingerprint,
        sha256_hex(csr.key_in(seal.certificate)),
        "Con dấu mới",
        f"Cô {ROLE_NAMES[Role.IT_TEACHER]}",
        f"Cô {ROLE_NAMES[Role.PRINCIPAL]}",
    ):
        assert expected in shown, expected
    assert WITNESSES[0] not in shown
    own, other = (ceremony.to_file(one) for one in records)
    with_record = await post_file(it, at, own)
    assert with_record.status_code == 200
    for expected in (*WITNESSES, sha256_hex(own), hsm.label):
        assert expected in with_record.text, expected
    for content, told in (
        (other, "không phải khóa của chứng thư"),
        (own.replace(WITNESSES[0].encode(), b"Ai khac"), "đã bị sửa"),
        (b"", "không phải biên bản"),
    ):
        refused = await post_file(it, at, content)
        assert (refused.status_code, told in refused.text) == (422, True), told
    teacher = await desk.browser(Role.SUBJECT_TEACHER)
    assert (await teacher.get(at)).status_code == 403


async def post_file(browser: Browser, path: str, content: bytes) -> httpx.Response:
    files = {"tep": ("bien-ban.json", content, "application/json")}
    return await browser.http.post(path, data={"csrf_token": browser.csrf_token}, files=files)
