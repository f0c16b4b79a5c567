"""What leaves, opened again by programs that are not ours: OpenSSL, xmlsec1, zipfile, csv, joserfc."""

import base64
import csv
import io
import subprocess
import zipfile
from pathlib import Path

import msgspec
import pytest

from backend.integrations.profiles import catalog, conformity, documents, messages, packages, samples
from backend.integrations.profiles.catalog import Edition
from backend.integrations.profiles.mapping import BadMapping
from backend.integrations.profiles.packages import Material
from backend.integrations.profiles.schemas import Body, Cms, Jws, Message, Node, Schema, Xades
from backend.remote_signing.formats import service as formats
from infra.simulators.province import identities, opening
from infra.simulators.province.reading import BadEnvelope

SFTP = catalog.load(catalog.path_of("vn.sftp.hocba/2"), {})
MUTUAL = catalog.load(catalog.path_of("vn.hai-chieu.hocba/1"), {})
SUBMIT = samples.messages()["submit-primary"]
RECALL = samples.messages()["recall-primary"]
OURS, SCHOOL = identities.issue("Hocba"), identities.issue("Trường")


def body_of(edition: Edition) -> Body:
    body = edition.profile.operations.send.body
    assert body is not None
    return body


def material(edition: Edition) -> Material:
    secrets = dict.fromkeys(edition.profile.secrets, base64.b64encode(SCHOOL).decode())
    return Material(edition.files, secrets, OURS)


def packed(edition: Edition, message: Message, **changed: object) -> bytes:
    profile = edition.profile
    known = messages.known_of(profile, {name: name for name in profile.parameters})
    body = msgspec.structs.replace(body_of(edition), **changed)
    return packages.pack(body, message, known, material(edition))


def run(*command: object) -> bytes:
    done = subprocess.run([str(one) for one in command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.needs("xmlsec1")
def test_xmlsec_verifies_what_is_in_the_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(packed(SFTP, SUBMIT))) as archive:
        assert archive.testzip() is None
        [name] = archive.namelist()
        signed = archive.read(name)
    assert name == f"{SUBMIT.message_id}.xml"
    file = tmp_path / name
    properties = "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"
    verify = ("xmlsec1", "--verify", "--trusted-pem", identities.AUTHORITY, "--id-attr:Id", "NoiDung")
    file.write_bytes(signed)
    run(*verify, "--id-attr:Id", properties, file)
    assert b"<xades:SigningTime>2026-06-01T08:00:00+07:00</xades:SigningTime>" in signed
    file.write_bytes(signed.replace(b"<Viec>NOP", b"<Viec>THAY"))
    forged = (*verify, "--id-attr:Id", properties, file)
    assert subprocess.run([str(one) for one in forged], capture_output=True, check=False).returncode != 0


def test_openssl_decrypts_and_the_signature_inside_is_of_the_school(tmp_path: Path) -> None:
    (tmp_path / "message.der").write_bytes(packed(MUTUAL, SUBMIT))
    key = Path(identities.__file__).with_name("sandbox.key.pem")
    opened = run(
        "openssl", "cms", "-decrypt", "-inform", "DER", "-in", tmp_path / "message.der", "-inkey", key
    )
    header, payload, _ = opened.split(b".")
    assert payload == base64.urlsafe_b64encode(packed(MUTUAL, SUBMIT, sign=None, encrypt=None)).rstrip(b"=")
    [own] = msgspec.json.decode(base64.urlsafe_b64decode(header + b"=="))["x5c"]
    assert base64.b64decode(own) == formats.read_identity(SCHOOL).certificates[0]
    shown = run("openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", tmp_path / "message.der")
    assert b"aes-256-cbc" in shown


def test_the_same_message_is_the_same_bytes_until_it_is_encrypted() -> None:
    assert packed(SFTP, SUBMIT) == packed(SFTP, SUBMIT)
    assert packed(MUTUAL, SUBMIT, encrypt=None) == packed(MUTUAL, SUBMIT, encrypt=None)
    assert packed(MUTUAL, SUBMIT) != packed(MUTUAL, SUBMIT)


@pytest.mark.needs("xmlsec1")
@pytest.mark.parametrize("edition", [SFTP, MUTUAL], ids=["sftp", "mutual"])
def test_an_authority_opens_what_is_whole_and_nothing_else(edition: Edition) -> None:
    body, content = body_of(edition), packed(edition, SUBMIT)
    written = packed(edition, SUBMIT, sign=None, zip=None, encrypt=None)
    opened = opening.opened(body, content, edition.files)
    assert documents.read(body.format, opened) == documents.read(body.format, written)
    for broken in (b"", content[:-40], content[: len(content) // 2], written):
        with pytest.raises(BadEnvelope):
            opening.opened(body, broken, edition.files)


def test_without_the_key_of_the_platform_nothing_is_signed() -> None:
    known = messages.known_of(SFTP.profile, {})
    with pytest.raises(formats.BadKey, match="nền tảng chưa có khóa"):
        packages.pack(body_of(SFTP), SUBMIT, known, Material(SFTP.files, {}, None))


@pytest.mark.needs("xmlsec1")
def test_a_signature_under_another_authority_is_not_taken(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
        "/CN=stranger", "-keyout", key, "-out", certificate)  # fmt: skip
    stranger = key.read_bytes() + certificate.read_bytes()
    for edition in (SFTP, MUTUAL):
        secrets = dict.fromkeys(edition.profile.secrets, base64.b64encode(stranger).decode())
        known = messages.known_of(edition.profile, {"school": "x"})
        content = packages.pack(body_of(edition), SUBMIT, known, Material(edition.files, secrets, stranger))
        with pytest.raises(BadEnvelope):
            opening.opened(body_of(edition), content, edition.files)


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        (b"", "PEM"),
        (b"x" * 200, "PEM"),
        (SCHOOL.partition(b"-----BEGIN CERTIFICATE")[0], "PEM"),
        (SCHOOL.partition(b"-----BEGIN CERTIFICATE")[0] + OURS, "không phải của khóa riêng"),
    ],
)
def test_a_key_that_is_none_is_said_in_words(pem: bytes, reason: str) -> None:
    with pytest.raises(formats.BadKey, match=reason):
        formats.read_identity(pem)


def test_a_key_of_rsa_signs_too(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa")
    run(*made, "-keyout", key, "-out", certificate)
    identity = formats.read_identity(key.read_bytes() + certificate.read_bytes())
    said, _, value = formats.sign_jws(b"content", identity).rpartition(b".")
    (tmp_path / "said").write_bytes(said)
    (tmp_path / "value").write_bytes(base64.urlsafe_b64decode(value + b"=="))
    (tmp_path / "public").write_bytes(run("openssl", "x509", "-in", certificate, "-pubkey", "-noout"))
    verify = ("openssl", "dgst", "-sha256", "-verify", tmp_path / "public", "-signature", tmp_path / "value")
    assert b"Verified OK" in run(*verify, tmp_path / "said")


def test_nothing_leaves_that_does_not_hold_to_its_schemas() -> None:
    with pytest.raises(
        BadMapping, match=r"hocba\.2\.sch: Thu hồi phải nhắc đến thông điệp trước và có lý do"
    ):
        packed(SFTP, msgspec.structs.replace(RECALL, reason=None))
    with pytest.raises(BadMapping, match=r"hocba\.2\.xsd: .*lan"):
        packed(SFTP, msgspec.structs.replace(SUBMIT, version=0))
    with pytest.raises(BadMapping, match=r"hocba\.1\.json: /bam"):
        packed(MUTUAL, msgspec.structs.replace(SUBMIT, sha256="sai"))


@pytest.mark.parametrize("kind", ["xsd", "schematron", "json_schema"])
def test_a_schema_that_is_none_is_said(kind: str) -> None:
    for content in (b"", b"<a", b'{"type": 1}', b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"):
        with pytest.raises(documents.Unreadable):
            conformity.require_schema(kind, content)


def column(path: str, **more: object) -> Node:
    return msgspec.convert({"path": path, **more}, Node)


def test_csv_is_read_by_others_whatever_stands_in_it() -> None:
    fields = {
        "mã": column("message_id"),
        "họ tên": column("record.student.full_name"),
        "ghi chú": column("reason", empty=True),
    }
    body = Body(format="csv", tree=Node(fields=fields), zip="{message_id}.csv", encrypt=None)
    strange = {"full_name": 'Nguyễn, "Bé"\r\nAn ơi', "student_code": "=1+1"}
    message = msgspec.structs.replace(SUBMIT, record={**(SUBMIT.record or {}), "student": strange})
    known = messages.known_of(SFTP.profile, {})
    content = packages.pack(body, message, known, Material())
    assert opening.opened(body, content, {}) == messages.write(body, message, known)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read(f"{message.message_id}.csv").decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows == [["mã", "họ tên", "ghi chú"], [message.message_id, strange["full_name"], ""]]
    assert documents.read("csv", text.encode()) == dict(zip(*rows, strict=True))


@pytest.mark.parametrize(
    "content", [b"", b"a,b\r\n", b"a,b\r\n1\r\n", b"a,b\r\n1,2,3\r\n", b"\xff,b\r\n1,2\r\n", b'a\r\n"1']
)
def test_csv_that_is_none_is_unreadable(content: bytes) -> None:
    with pytest.raises(documents.Unreadable):
        documents.read("csv", content)


def test_lines_of_unlike_columns_are_not_written() -> None:
    for value in ([{"a": 1}, {"b": 1}], [], "x", [{"a": {"b": 1}}]):
        with pytest.raises(documents.Unwritable):
            documents.write("csv", value, {})


def test_all_kinds_of_a_package_are_named_here() -> None:
    assert {Xades, Jws} == {type(body_of(one).sign) for one in (SFTP, MUTUAL)}
    assert isinstance(body_of(MUTUAL).encrypt, Cms)
    kinds = {schema.kind for one in (SFTP, MUTUAL) for schema in body_of(one).schemas}
    assert kinds == set(Schema.__annotations__["kind"].__args__)
