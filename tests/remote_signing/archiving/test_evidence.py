"""The evidence pack of a document that was really signed: complete, checked offline, and refused when anything is off."""

import base64
import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from backend.core import audit, clock, storage
from backend.core.crypto import merkle_proofs, merkle_root, root_by_proof, sha256_hex
from backend.core.database import tenant_session
from backend.records.evidence.service import consent_of, events_of
from backend.remote_signing.archiving import service as archiving
from backend.remote_signing.formats import cms, evidence
from backend.remote_signing.formats.schemas import EvidenceFile, EvidenceManifest, xml_token_name
from backend.remote_signing.formats.verify_command import run
from backend.remote_signing.requests import service as requests
from backend.remote_signing.validation import service as validation
from tests.factories.signing_school import SigningSchool, open_signing_school
from tests.fakes.processes import SigningService
from tests.remote_signing.archiving.test_stamping import completed, night
from tests.remote_signing.formats.test_other_tools import detached, openssl

Files = dict[str, bytes]


@pytest.mark.parametrize("count", range(1, 12))
def test_each_leaf_leads_to_the_root_and_to_no_other_place(count: int) -> None:
    leaves = [bytes([number]) for number in range(count)]
    root = merkle_root(leaves)
    for index, proof in enumerate(merkle_proofs(leaves)):
        assert root_by_proof(leaves[index], index, count, proof) == root
        assert root_by_proof(b"other", index, count, proof) != root
        assert root_by_proof(leaves[index], index, count, [*proof, root]) is None
        if count > 1:
            assert root_by_proof(leaves[index], (index + 1) % count, count, proof) != root


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def made(signing: SigningService) -> tuple[EvidenceManifest, Files]:
    """What a pack is made of, of the second of three documents under one consent."""
    school = await open_signing_school(signing)
    [_, subject, _] = await completed(school, 3)
    await night(school)
    return await parts(school, subject)


async def parts(school: SigningSchool, subject: uuid.UUID) -> tuple[EvidenceManifest, Files]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        consents = await requests.consents_of(session, subject)
        archived = await archiving.archived(session, subject)
        pdf = (await requests.signed_documents(session, [subject]))[subject]
        xml = (await requests.signed_xml(session, [subject]))[subject]
        rows = await audit.history(session, [one.batch_id for one in consents])
    assert archived is not None
    files: Files = {
        EvidenceFile.PDF: await storage.get(school.tenant_id, pdf),
        EvidenceFile.XML: await storage.get(school.tenant_id, xml or ""),
        EvidenceFile.ARCHIVED: await storage.get(school.tenant_id, archived.document_sha256),
        EvidenceFile.AUDIT: events_of(rows),
        xml_token_name(1): archived.tokens[0],
    }
    manifest = EvidenceManifest(
        subject_id=str(subject), made_at=clock.now(), consents=tuple(map(consent_of, consents))
    )
    return manifest, files


def said(path: Path, data: bytes, trust: Path) -> tuple[int, str]:
    path.write_bytes(data)
    out, err = io.StringIO(), io.StringIO()
    status = run(path, trust, None, False, out, err)
    return status, out.getvalue() + err.getvalue()


def test_a_whole_pack_is_valid_offline(
    made: tuple[EvidenceManifest, Files], signing: SigningService, tmp_path: Path
) -> None:
    status, words = said(tmp_path / "goi.zip", validation.evidence_pack(*made), signing.trust_root.parent)
    assert status == 0, words
    with zipfile.ZipFile(tmp_path / "goi.zip") as pack:
        names = pack.namelist()
        named = json.loads(pack.read("bang-chung.json"))
    assert {name.split("/")[0] for name in names} >= {"chung-thu", "thu-hoi", "hoc-ba.xml", "nhat-ky.json"}
    assert set(named["files"]) == set(names) - {"bang-chung.json"}
    assert {consent["role"] for consent in named["consents"]} == {
        "homeroom_teacher",
        "principal",
        "school_seal",
    }
    assert all(leaf["count"] == 6 for consent in named["consents"] for leaf in consent["leaves"])


def test_openssl_alone_believes_what_is_in_a_pack(
    made: tuple[EvidenceManifest, Files], signing: SigningService, tmp_path: Path
) -> None:
    """With the anchor and the files of the pack, without a network: signatures, time stamps, revocation answers."""
    with zipfile.ZipFile(io.BytesIO(validation.evidence_pack(*made))) as pack:
        files = {name: pack.read(name) for name in pack.namelist()}
    certificates = [x509.load_der_x509_certificate(files[name]) for name in files if name.endswith(".cer")]
    chain, anchor = tmp_path / "chain.pem", signing.trust_root
    chain.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in certificates))
    trusting = ("-CAfile", anchor, "-untrusted", chain)

    def written(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    def stamped(token: bytes, data: bytes) -> None:
        what = ("-data", written("data", data), "-in", written("token", token), "-token_in")
        done = openssl("ts", "-verify", *what, *trusting)
        assert "Verification: OK" in done.stdout, done.stderr

    for number in range(3):
        covered, contents = detached(files[EvidenceFile.ARCHIVED], number)
        signed = ("-inform", "DER", "-in", written("sig", contents), "-content", written("data", covered))
        by = ("-CAfile", anchor, "-purpose", "any", "-out", tmp_path / "out")
        done = openssl("cms", "-verify", "-cades", "-binary", *signed, *by)
        assert "CAdES Verification successful" in done.stderr, done.stderr
        parts = cms.read(contents)
        stamped(parts.tokens[0], parts.value)
    covered, token = detached(files[EvidenceFile.ARCHIVED], 3)
    stamped(token, covered)
    stamped(files[xml_token_name(1)], files[EvidenceFile.XML])
    good = set()
    anchors = x509.load_pem_x509_certificates(anchor.read_bytes())
    for name in (one for one in files if one.endswith(".ocsp")):
        about = ocsp.load_der_ocsp_response(files[name]).serial_number
        [one] = [one for one in certificates if one.serial_number == about]
        issuer = next(item for item in (*certificates, *anchors) if item.subject == one.issuer)
        whose = (
            "-issuer", written("issuer.pem", issuer.public_bytes(Encoding.PEM)),
            "-cert", written("cert.pem", one.public_bytes(Encoding.PEM)),
        )  # fmt: skip
        answer = written("answer", files[name])
        done = openssl("ocsp", "-respin", answer, *whose, "-CAfile", anchor, "-verify_other", chain)
        assert "Response verify OK" in done.stderr, done.stderr
        assert "cert.pem: good" in done.stdout, done.stdout
        good.add(about)
    signers = {cms.read(detached(files[EvidenceFile.PDF], number)[1]).signer for number in range(3)}
    assert {x509.load_der_x509_certificate(one).serial_number for one in signers} <= good


@pytest.mark.parametrize("name", [EvidenceFile.PDF, EvidenceFile.XML, EvidenceFile.ARCHIVED])
def test_a_changed_file_in_it_is_noticed(
    made: tuple[EvidenceManifest, Files], signing: SigningService, tmp_path: Path, name: str
) -> None:
    manifest, files = made
    at = 8000 if name != EvidenceFile.XML else files[name].index(b"<CA_NAM>") + 8
    changed = files | {name: files[name][:at] + b"9" + files[name][at + 1 :]}
    if changed[name] == files[name]:
        changed[name] = files[name][:at] + b"8" + files[name][at + 1 :]
    status, words = said(tmp_path / "goi.zip", evidence.build(manifest, changed), signing.trust_root.parent)
    assert status == 1
    assert "KHÔNG HỢP LỆ" in words


def other_root(manifest: EvidenceManifest, files: Files) -> tuple[EvidenceManifest, Files]:
    root = manifest.consents[0].merkle_root
    return read(evidence_json(manifest).replace(root, "0" * 64)), files


def other_leaf(manifest: EvidenceManifest, files: Files) -> tuple[EvidenceManifest, Files]:
    leaf = manifest.consents[0].leaves[0].sha256
    return read(evidence_json(manifest).replace(leaf, "1" * 64)), files


def without_proof(manifest: EvidenceManifest, files: Files) -> tuple[EvidenceManifest, Files]:
    value = json.loads(evidence_json(manifest))
    value["consents"][1]["leaves"][0]["proof"] = None
    return read(json.dumps(value)), files


def without_consent(manifest: EvidenceManifest, files: Files) -> tuple[EvidenceManifest, Files]:
    value = json.loads(evidence_json(manifest))
    del value["consents"][2]
    return read(json.dumps(value)), files


def without_audit(manifest: EvidenceManifest, files: Files) -> tuple[EvidenceManifest, Files]:
    return manifest, files | {EvidenceFile.AUDIT: b"[]"}


def foreign_token(manifest: EvidenceManifest, files: Files) -> tuple[EvidenceManifest, Files]:
    return manifest, files | {xml_token_name(2): files[xml_token_name(1)]}


def log_proof(pdf: bytes, *, salt: str = "ab" * 32) -> bytes:
    """As the public log proves an entry that is the second of three."""
    statement = json.dumps({"event": "issued", "pdf_sha256": sha256_hex(pdf)})
    entry = hashlib.sha256(b"hocba transparency 1\n" + bytes.fromhex(salt) + statement.encode()).digest()
    leaves = [b"a", entry, b"c"]
    way = "".join(f"{base64.b64encode(one).decode()}\n" for one in merkle_proofs(leaves)[1])
    extra = base64.b64encode(json.dumps({"salt": salt, "statement": statement}).encode()).decode()
    root = base64.b64encode(merkle_root(leaves)).decode()
    text = (
        f"c2sp.org/tlog-proof@v1\nextra {extra}\nindex 1\n{way}\nlog.example\n3\n{root}\n\n— log.example x\n"
    )
    return text.encode()


def test_a_proof_of_the_public_log_is_about_the_document_beside_it(
    made: tuple[EvidenceManifest, Files], signing: SigningService, tmp_path: Path
) -> None:
    manifest, files = made
    name, trust = validation.log_proof_name("issued"), signing.trust_root.parent
    right = log_proof(files[EvidenceFile.PDF])
    pack = validation.evidence_pack(manifest, files | {name: right})
    assert said(tmp_path / "goi.zip", pack, trust)[0] == 0
    for wrong, words in (
        (log_proof(b"another"), "là của một học bạ khác"),
        (
            right.replace(b"index 1", b"index 0"),
            "không chứng minh được mục của nó nằm trong nhật ký minh bạch",
        ),
        (right[:60], "không đọc được"),
    ):
        status, told = said(tmp_path / "goi.zip", evidence.build(manifest, files | {name: wrong}), trust)
        assert (status, words in told) == (1, True), told


def evidence_json(manifest: EvidenceManifest) -> str:
    return msgspec.json.encode(manifest).decode()


def read(text: str) -> EvidenceManifest:
    return msgspec.json.decode(text, type=EvidenceManifest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_root, "Không chứng minh được"),
        (other_leaf, "là cho tài liệu khác"),
        (without_proof, "Không chứng minh được"),
        (without_consent, "đúng một xác nhận ký của con dấu số nhà trường"),
        (without_audit, "không ghi đủ các lần xác nhận"),
        (foreign_token, "Dấu thời gian của tệp XML"),
    ],
)
def test_what_does_not_belong_together_is_said(
    made: tuple[EvidenceManifest, Files],
    signing: SigningService,
    tmp_path: Path,
    change: Callable[[EvidenceManifest, Files], tuple[EvidenceManifest, Files]],
    words: str,
) -> None:
    pack = evidence.build(*change(*made))
    status, answer = said(tmp_path / "goi.zip", pack, signing.trust_root.parent)
    assert (status, words in answer) == (1, True), answer


def zipped(files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, data in files.items():
            pack.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    "pack",
    [
        lambda: zipped({"a.txt": b"x"}),
        lambda: zipped({"bang-chung.json": b"{"}),
        lambda: zipped({"bang-chung.json": b"{}", "../../etc/passwd": b"x"}),
        lambda: zipped({"bang-chung.json": b"{}", **{f"f{number}": b"" for number in range(200)}}),
        lambda: zipped({"bang-chung.json": b"0" * 100_000_000}),
        lambda: zipped({"bang-chung.json": b"{}"})[:40],
    ],
    ids=["no manifest", "no json", "outside", "many", "bomb", "cut"],
)
def test_a_hostile_zip_is_not_read(
    pack: Callable[[], bytes], signing: SigningService, tmp_path: Path
) -> None:
    status, words = said(tmp_path / "goi.zip", pack(), signing.trust_root.parent)
    assert status == 2
    assert words.count("\n") == 1
