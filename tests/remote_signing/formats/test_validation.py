"""The verdict on signed PDFs: sound ones, spoiled ones, and those whose trust cannot be established."""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from asn1crypto import cms as asn1_cms
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from backend.core import clock
from backend.remote_signing.formats import cms, pades
from backend.remote_signing.formats.pdf_update import PdfUpdate
from backend.remote_signing.formats.schemas import Report, Unreadable
from backend.remote_signing.formats.trust import TrustStore
from backend.remote_signing.formats.validation import validate_pdf
from tests.factories.pki import Identity, Pki, rsa_key
from tests.remote_signing.formats import attacks
from tests.remote_signing.formats.world import NAMES, SIGNED_AT, World, make_world


def check(world: World, pdf: bytes, at: datetime | None = None, trust: TrustStore | None = None) -> Report:
    return validate_pdf(pdf, trust or world.trust, at, NAMES)


def sentences(report: Report) -> str:
    return " ".join([*report.problems, *(text for item in report.signatures for text in item.problems)])


def test_a_sound_transcript_is_valid(world: World, signed: bytes) -> None:
    report = check(world, signed)
    assert report.verdict == "valid", sentences(report)
    assert not report.modified_after_signing
    assert [item.field for item in report.signatures] == list(NAMES)
    assert [item.signer for item in report.signatures] == [
        "Đinh Thị Hoài Thu",
        "Nghiêm Thế Khải",
        "Trường Tiểu học Hoa Ban",
    ]
    assert {item.level for item in report.signatures} == {"B-LT"}
    assert {item.signed_at for item in report.signatures} == {SIGNED_AT}
    assert all(
        item.intact and item.trusted and item.timestamped and not item.problems for item in report.signatures
    )
    assert report.signatures[2].organisation == "Trường Tiểu học Hoa Ban"
    assert report.signatures[0].serial == f"{world.teacher.certificate.serial_number:x}"
    assert report.signatures[0].issuer == "Test Issuing CA"


def test_pyhanko_itself_agrees(world: World, signed: bytes) -> None:
    reader = PdfFileReader(io.BytesIO(signed), strict=True)
    root = asn1_x509.Certificate.load(world.pki.root.der)
    for item in reader.embedded_signatures:
        context = ValidationContext(trust_roots=[root], moment=SIGNED_AT)
        status = validate_pdf_signature(item, context)
        assert status.bottom_line, status.summary()
        assert status.docmdp_ok
        assert status.seed_value_constraint_error is None


def test_without_revocation_material_nothing_is_called_valid(world: World, signed_b_t: bytes) -> None:
    report = check(world, signed_b_t)
    assert report.verdict == "indeterminate"
    assert {item.level for item in report.signatures} == {"B-T"}
    assert all(item.intact and not item.trusted for item in report.signatures)
    assert [item.covers_whole_document for item in report.signatures] == [False, False, True]
    assert "thu hồi" in sentences(report)


def test_without_time_stamps_the_level_is_b_b(world: World) -> None:
    report = check(world, world.sign_all(stamp=False), SIGNED_AT)
    assert report.verdict == "indeterminate"
    assert {(item.level, item.timestamped, item.signed_at) for item in report.signatures} == {
        ("B-B", False, SIGNED_AT)
    }


def test_an_unknown_anchor_is_indeterminate(world: World, signed: bytes) -> None:
    stranger = Pki()
    for trust in (TrustStore([stranger.tsa.certificate]), TrustStore([])):
        report = check(world, signed, trust=trust)
        assert report.verdict == "indeterminate"
        assert {item.level for item in report.signatures} == {"B-LT"}
        assert all(item.intact and not item.trusted for item in report.signatures)
        assert "danh sách tin cậy" in sentences(report)


def test_judged_before_signing_or_after_the_authority_expired(world: World, signed: bytes) -> None:
    before = check(world, signed, SIGNED_AT - timedelta(days=1))
    assert before.verdict == "indeterminate"
    assert "sau thời điểm kiểm tra" in sentences(before)
    much_later = check(world, signed, datetime(2040, 1, 1, tzinfo=UTC))
    assert much_later.verdict == "indeterminate"
    assert "cấp dấu thời gian" in sentences(much_later)
    assert check(world, signed, SIGNED_AT + timedelta(days=300)).verdict == "valid"


def test_an_expired_authority_is_noticed(
    world: World, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2040, 1, 1, tzinfo=UTC))
    report = check(world, signed)
    assert report.verdict == "valid"
    assert "hết hạn" in " ".join(report.notices)


@pytest.mark.parametrize(("delay", "verdict"), [(-1, "invalid"), (600, "indeterminate")])
def test_revocation_counts_from_its_time(world: World, signed_b_t: bytes, delay: int, verdict: str) -> None:
    revoked_at = SIGNED_AT + timedelta(seconds=delay)
    world.pki.revoked[world.principal.certificate.serial_number] = revoked_at
    try:
        report = check(world, world.add_material(signed_b_t, SIGNED_AT + timedelta(hours=1)))
    finally:
        world.pki.revoked.clear()
    assert report.verdict == verdict
    assert [item.revoked for item in report.signatures] == [False, verdict == "invalid", False]
    assert [item.trusted for item in report.signatures] == [True, False, True]


SPOILED = [
    (attacks.flipped_byte, "thay đổi"),
    (attacks.cut_byte_range, "chừa ra nhiều hơn"),
    (attacks.foreign_cms, ""),
    (attacks.zeroed_value, ""),
    (attacks.page_replaced, "sửa"),
    (attacks.page_tree_replaced, "sửa"),
    (attacks.annotation_added, "sửa"),
    (attacks.field_added, "trường"),
    (attacks.signature_shared, "dùng chung"),
    (attacks.signature_removed, "Thiếu chữ ký"),
    (attacks.title_forged, "sửa"),
    (attacks.metadata_replaced, "sửa"),
    (attacks.object_hidden, "sửa"),
    (attacks.object_hidden_in_store, "DSS"),
    (attacks.text_between_objects, "ghi thêm"),
    (attacks.padding_used, "khác ngoài chữ ký"),
    (attacks.case_changed, "chừa ra"),
    (attacks.range_spoiled, "hỏng hoặc bị sửa"),
    (attacks.signature_unreadable, "hỏng hoặc bị sửa"),
    (attacks.bytes_appended, "ghi thêm"),
    (attacks.lines_appended, "hỏng hoặc bị sửa"),
]
#: The value itself is spoiled: it says nothing of what was written when.
VALUE_SPOILED = (attacks.foreign_cms, attacks.zeroed_value, attacks.signature_shared)


@pytest.mark.parametrize(("attack", "said"), SPOILED, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("level", ["B-T", "B-LT"])
def test_spoiled_files_are_invalid(
    world: World, signed_b_t: bytes, signed: bytes, attack: Callable[[bytes], bytes], said: str, level: str
) -> None:
    report = check(world, attack(signed if level == "B-LT" else signed_b_t))
    assert report.verdict == "invalid"
    assert report.problems or any(item.problems for item in report.signatures)
    assert said in sentences(report)
    assert report.modified_after_signing or attack in VALUE_SPOILED


def test_each_damaged_part_of_the_material_is_noticed(world: World, signed_b_t: bytes, signed: bytes) -> None:
    streams = list(re.finditer(rb"stream\n(.+?)\nendstream", signed[len(signed_b_t) :], re.DOTALL))
    assert len(streams) == 8
    for stream in streams:
        # Far into the signature of the certificate or the answer.
        at = len(signed_b_t) + stream.end(1) - 20
        report = check(world, signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :])
        assert report.verdict == "invalid"
        assert report.modified_after_signing
        assert "DSS" in sentences(report)


@pytest.mark.parametrize("attack", [attacks.store_renamed, attacks.extension_renamed])
def test_what_stands_beside_the_material_is_checked(
    world: World, signed: bytes, attack: Callable[[bytes], bytes]
) -> None:
    report = check(world, attack(signed))
    assert report.verdict == "invalid"
    assert report.modified_after_signing


def test_material_that_is_no_data_is_noticed(world: World, signed_b_t: bytes) -> None:
    report = check(world, pades.add_validation_material(signed_b_t, [b"Toan 10"], [], []))
    assert report.verdict == "invalid"
    assert report.modified_after_signing


def test_material_before_the_last_signature_is_not_ours(world: World) -> None:
    document = world.sign(world.add_material(world.sign_all(count=2)), NAMES[2], world.seal)
    report = check(world, document)
    assert report.verdict == "invalid"
    assert report.modified_after_signing


def test_material_may_grow(world: World, signed: bytes) -> None:
    grown = pades.add_validation_material(signed, [world.pki.root.der], [], [])
    assert grown != signed
    assert check(world, grown).verdict == "valid"


def test_a_spoiled_certificate_beside_a_signature_is_noticed(world: World, signed: bytes) -> None:
    at = signed.rindex(world.pki.issuing.der.hex().encode()) + 2 * len(world.pki.issuing.der) - 9
    other = b"0" if signed[at : at + 1] != b"0" else b"1"
    report = check(world, signed[:at] + other + signed[at + 1 :])
    assert report.verdict == "invalid"
    assert not report.signatures[2].intact


@pytest.mark.parametrize("attack", [attacks.page_replaced, attacks.annotation_added, attacks.field_added])
def test_changes_between_two_signatures_are_invalid(world: World, attack: Callable[[bytes], bytes]) -> None:
    document = attack(world.sign_all(count=2))
    try:
        document = world.sign(document, NAMES[2], world.seal)
    except pades.UnsuitablePdf:
        return
    report = check(world, world.add_material(document))
    assert report.verdict == "invalid"
    assert report.modified_after_signing
    assert [item.intact for item in report.signatures[:2]] == [False, False]


def test_a_wrong_order_is_invalid(world: World) -> None:
    order = (NAMES[1], NAMES[0], NAMES[2])
    document = pades.place_fields(world.rendered, order)
    for index, (name, identity) in enumerate(
        zip(order, (world.principal, world.teacher, world.seal), strict=True)
    ):
        document = world.sign(document, name, identity, first=index == 0, last=index == 2)
    report = check(world, world.add_material(document))
    assert report.verdict == "invalid"
    assert "Thứ tự" in sentences(report)


def test_a_missing_signature_is_invalid(world: World) -> None:
    report = validate_pdf(
        world.add_material(world.sign_all(count=2)), world.trust, None, NAMES, {"school_seal": "con dấu số"}
    )
    assert report.verdict == "invalid"
    assert "Thiếu chữ ký của con dấu số." in report.problems
    assert all(item.intact for item in report.signatures)


def _issuers(world: World) -> SimpleCertificateStore:
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register(asn1_x509.Certificate.load(world.pki.issuing.der))
    return store


def _pyhanko_signer(world: World, identity: Identity) -> signers.SimpleSigner:
    key = identity.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(identity.der),
        signing_key=asn1_keys.PrivateKeyInfo.load(key),
        cert_registry=_issuers(world),
    )


def test_a_signature_after_the_seal_is_invalid(world: World, signed_b_t: bytes) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(signed_b_t))
    fields.append_signature_field(writer, fields.SigFieldSpec("late"))
    meta = signers.PdfSignatureMetadata(field_name="late", subfilter=fields.SigSeedSubFilter.PADES)
    out = signers.PdfSigner(meta, signer=_pyhanko_signer(world, world.teacher)).sign_pdf(writer)
    assert attacks.signature_count(out.getvalue()) == 4
    report = check(world, out.getvalue())
    assert report.verdict == "invalid"
    assert "late" in sentences(report)
    assert not report.signatures[2].intact


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"/TransformParams/V/1.2/P 2>>", b"/TransformParams/V/1.2/P 3>>", "DocMDP"),
        (b"/Perms<</DocMDP ", b"/Perms<</DocMDX ", "DocMDP"),
        (b"/Action/All/P 1", b"/Action/Include/Fields[(school_seal)]", "FieldMDP"),
    ],
    ids=["forms may change more", "not certified", "not closed"],
)
def test_what_its_signers_do_not_close_is_invalid(
    world: World, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes, said: str
) -> None:
    """Signed by the right people in the right order, by a writer that leaves the file open."""
    for name in ("add", "replace"):
        write = getattr(PdfUpdate, name)
        monkeypatch.setattr(
            PdfUpdate, name, lambda *given, write=write: write(*given[:-1], given[-1].replace(old, new))
        )
    document = pades.place_fields(world.rendered, NAMES)
    for name, identity in world.signers:
        document = world.sign(document, name, identity)
    report = check(world, world.add_material(document))
    assert report.verdict == "invalid"
    assert said in sentences(report)


def test_a_document_time_stamp_by_pyhanko_makes_b_lta(
    world: World, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = rsa_key("tsa").private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    stamper = DummyTimeStamper(
        asn1_x509.Certificate.load(world.pki.tsa.der),
        asn1_keys.PrivateKeyInfo.load(key),
        _issuers(world),
        fixed_dt=SIGNED_AT + timedelta(hours=1),
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    # Left alone, pyHanko dates the file's metadata anew, which the seal does not allow.
    monkeypatch.setattr(writer, "_update_meta", lambda: None)
    out = signers.PdfTimeStamper(stamper).timestamp_pdf(writer, "sha256")
    archived = world.add_material(out.getvalue(), SIGNED_AT + timedelta(hours=2))
    report = check(world, archived)
    assert report.verdict == "valid", sentences(report)
    assert {item.level for item in report.signatures} == {"B-LTA"}
    assert not report.modified_after_signing
    spoiled = attacks.flipped_byte(archived)
    assert check(world, spoiled).verdict == "invalid"


def test_a_token_for_another_value_is_refused(world: World) -> None:
    document = pades.place_fields(world.rendered, NAMES)
    prepared = world.prepare(document, NAMES[0], world.teacher)
    value = world.teacher.sign(prepared.signed_attributes)
    document = pades.embed(prepared, value, world.token(b"another value"))
    for name, identity in world.signers[1:]:
        document = world.sign(document, name, identity)
    report = check(world, world.add_material(document))
    assert report.verdict == "invalid"
    assert "Dấu thời gian không thuộc về chữ ký này" in sentences(report)


def test_a_signature_that_does_not_name_its_certificate_is_refused(world: World) -> None:
    prepared = world.prepare(pades.place_fields(world.rendered, NAMES), NAMES[0], world.teacher)
    attributes = asn1_cms.CMSAttributes.load(prepared.signed_attributes)
    bare = asn1_cms.CMSAttributes(
        [item for item in attributes if item["type"].native != "signing_certificate_v2"]
    )
    signed_part = bare.dump()
    value = world.teacher.sign(signed_part)
    contents = cms.build(signed_part, value, world.teacher.der, prepared.chain, world.token(value))
    room = prepared.region_end - prepared.region_start - 2
    document = bytearray(prepared.document)
    document[prepared.region_start + 1 : prepared.region_end - 1] = contents.hex().encode().ljust(room, b"0")
    report = check(world, world.add_material(bytes(document)))
    assert not report.signatures[0].intact
    assert "signing-certificate-v2" in sentences(report)


def test_a_certificate_of_the_sandbox_is_named() -> None:
    sandbox = make_world(Pki(organisation="HOCBA SANDBOX"))
    report = check(sandbox, sandbox.add_material(sandbox.sign_all()))
    assert report.verdict == "valid"
    assert all(item.sandbox for item in report.signatures)
    assert "SANDBOX" in " ".join(report.notices)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Xin chao",
        b"%PDF-1.7\n",
        b"\0" * 1000,
        b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF",
        b"%PDF-1.7\n" + b"0" * 5_000_000,
    ],
    ids=["empty", "text", "head", "zeros", "bare", "digits"],
)
def test_what_is_no_pdf_is_unreadable(world: World, data: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        check(world, data)
    assert caught.value.message.endswith(".")


def test_unsigned_and_truncated_files_are_unreadable(world: World, signed: bytes) -> None:
    with pytest.raises(Unreadable, match="không có chữ ký"):
        check(world, world.rendered)
    for length in (100, len(signed) // 2, len(signed) - 20):
        with pytest.raises(Unreadable):
            check(world, signed[:length])


def test_cut_off_after_an_earlier_signature_names_the_missing_ones(world: World, signed: bytes) -> None:
    document = world.sign_all(count=1)
    report = check(world, signed[: len(document)])
    assert report.verdict == "invalid"
    assert sum("Thiếu" in text for text in report.problems) == 2


def test_reports_travel_as_json(world: World, signed: bytes) -> None:
    report = check(world, signed)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
