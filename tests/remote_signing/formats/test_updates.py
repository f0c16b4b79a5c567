"""What may follow a signature: what we write, as pyHanko sees it, too; and attacks on our own reading of it."""

import hashlib
import io
import re
from datetime import timedelta

import pikepdf
import pytest
from asn1crypto import cms as asn1_cms
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.asymmetric import rsa
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from backend.remote_signing.formats import cms, der, document_stamp, pades
from backend.remote_signing.formats.pdf_syntax import Malformed, read
from backend.remote_signing.formats.pdf_update import PdfUpdate
from backend.remote_signing.formats.schemas import Report
from backend.remote_signing.formats.validation import validate_pdf
from tests.factories.pki import Identity, issue, name
from tests.remote_signing.formats import attacks
from tests.remote_signing.formats.world import NAMES, SIGNED_AT, World

LATER = SIGNED_AT + timedelta(hours=1)


def check(world: World, pdf: bytes) -> Report:
    return validate_pdf(pdf, world.trust, None, NAMES)


def sentences(report: Report) -> str:
    return " ".join([*report.problems, *(text for one in report.signatures for text in one.problems)])


def stamped(world: World, pdf: bytes) -> bytes:
    prepared = document_stamp.prepare(pdf)
    return document_stamp.embed(prepared, world.token(prepared.stamped, LATER))


def pyhanko_accepts(world: World, pdf: bytes) -> bool:
    """Its whole verdict, with its own difference analysis and what our signers allow."""
    root = asn1_x509.Certificate.load(world.pki.root.der)
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=True)
        people = [one for one in reader.embedded_signatures if one.sig_object_type == "/Sig"]
        found = [
            validate_pdf_signature(one, ValidationContext(trust_roots=[root], moment=SIGNED_AT))
            for one in people
        ]
        levels = [ModificationLevel.FORM_FILLING] * (len(found) - 1) + [ModificationLevel.LTA_UPDATES]
        return len(found) == len(NAMES) and all(
            one.bottom_line and one.docmdp_ok and (one.modification_level or ModificationLevel.NONE) <= level
            for one, level in zip(found, levels, strict=True)
        )
    except Exception:
        return False


def test_pyhanko_accepts_what_we_accept(world: World, signed_b_t: bytes, signed: bytes) -> None:
    archived = stamped(world, signed)
    renewed = world.add_material(archived, LATER)
    for pdf, verdict in (
        (signed_b_t, "indeterminate"),
        (signed, "valid"),
        (archived, "valid"),
        (renewed, "valid"),
    ):
        assert check(world, pdf).verdict == verdict
        assert pyhanko_accepts(world, pdf)


def test_packed_sections_are_read_like_tables(world: World) -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(world.rendered)) as pdf:
        pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    made = stamped(world, world.add_material(world.sign_all(out.getvalue())))
    assert made.count(b"trailer") == 0
    assert check(world, made).verdict == "valid"
    assert pyhanko_accepts(world, made)
    for attack in (attacks.page_replaced, attacks.object_hidden):
        assert check(world, attack(made)).verdict == "invalid"


def _filled(world: World, contents: bytes, prepared: pades.Prepared) -> bytes:
    room = prepared.region_end - prepared.region_start - 2
    document = bytearray(prepared.document)
    document[prepared.region_start + 1 : prepared.region_end - 1] = contents.hex().encode().ljust(room, b"0")
    return world.add_material(bytes(document))


def _seal_prepared(world: World) -> tuple[pades.Prepared, bytes]:
    prepared = world.prepare(world.sign_all(count=2), NAMES[2], world.seal, reserve=20_000)
    return prepared, world.seal.sign(prepared.signed_attributes)


def test_a_second_time_stamp_does_not_lend_its_time(world: World) -> None:
    """Which of two tokens tells the time would be the forger's choice: one that is not believed, or one that is."""
    prepared, value = _seal_prepared(world)
    tokens = [world.token(value, at) for at in (SIGNED_AT - timedelta(days=300), SIGNED_AT)]
    plain = cms.build(prepared.signed_attributes, value, world.seal.der, prepared.chain, tokens[0])
    info = asn1_cms.ContentInfo.load(plain)
    added = info["content"]["signer_infos"][0]["unsigned_attrs"]
    added[0]["values"].append(asn1_cms.ContentInfo.load(tokens[1]))
    report = check(world, _filled(world, info.dump(), prepared))
    assert report.verdict == "invalid"
    assert "nhiều dấu thời gian" in sentences(report)


def test_what_no_value_covers_in_a_signature_is_as_we_write_it(world: World) -> None:
    prepared, value = _seal_prepared(world)
    contents = cms.build(
        prepared.signed_attributes, value, world.seal.der, prepared.chain, world.token(value)
    )
    assert check(world, _filled(world, contents, prepared)).verdict == "valid"
    info = asn1_cms.ContentInfo.load(contents)
    note = asn1_cms.CMSAttribute({"type": "1.2.3.4", "values": [asn1_cms.OctetString(b"10,0")]})
    info["content"]["signer_infos"][0]["unsigned_attrs"].append(note)
    report = check(world, _filled(world, info.dump(), prepared))
    assert report.verdict == "invalid"
    assert "PAdES" in sentences(report)


def test_a_place_that_was_left_open_is_not_filled_by_proof(world: World) -> None:
    """What is signed shows an object that is not there yet; the validation material would bring it."""
    free = int(max(re.findall(rb"(\d+) 0 obj", world.sign_all()), key=int)) + 1
    # The last page: no update of ours writes it again.
    spot = list(re.finditer(rb"/Contents \d+ 0 R", world.rendered))[-1]
    shown = world.rendered[: spot.start()] + b"/Contents %d 0 R" % free + world.rendered[spot.end() :]
    assert len(shown) == len(world.rendered)
    document = world.sign_all(shown)
    report = check(world, world.add_material(document))
    assert report.verdict == "invalid"
    assert report.modified_after_signing


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/Rect[0 0 0 0]/F 132/P", b"/Rect[0 0 0 0]/AA<</PV<</S/JavaScript/JS(app.alert)>>>>/F 132/P"),
        (b"/Rect[0 0 0 0]/F 132/P", b"/Rect[0 0 9 9]/F 132/P"),
        (b"/Type/DocTimeStamp", b"/Type/DocTimeStamp/Note 1 0 R"),
        (b"/T(archive_1)", b"/T(archive_1)/T(archive_2)"),
    ],
    ids=["acts", "is seen", "leads on", "says a key twice"],
)
def test_the_field_of_a_stamp_is_nothing_else(
    world: World, signed: bytes, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes
) -> None:
    add = PdfUpdate.add
    monkeypatch.setattr(PdfUpdate, "add", lambda update, body: add(update, body.replace(old, new)))
    report = check(world, stamped(world, signed))
    assert report.verdict == "invalid"
    assert report.modified_after_signing


def test_a_section_that_is_passed_over_is_noticed(world: World, signed_b_t: bytes, signed: bytes) -> None:
    """The newest section leads past the seal's; no reader would follow it there."""
    places = [int(found) for found in re.findall(rb"startxref\n(\d+)", signed)]
    skipping = signed.replace(b"/Prev %d" % places[-2], b"/Prev %d" % places[-3])
    assert skipping != signed
    report = check(world, skipping)
    assert report.verdict == "invalid"
    assert "ghi thêm nội dung" in sentences(report)


def test_a_weak_key_is_not_believed(world: World) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    weak: Identity = issue(name("Nghiêm Thế Khải", "Trường"), key, world.pki.issuing)
    document = pades.place_fields(world.rendered, NAMES)
    for field, identity in zip(NAMES, (world.teacher, weak, world.seal), strict=True):
        document = world.sign(document, field, identity)
    proof = [world.pki.ocsp_response(weak, SIGNED_AT)]
    report = check(world, pades.add_validation_material(world.add_material(document), [], proof, []))
    assert report.verdict == "indeterminate"
    assert [one.trusted for one in report.signatures] == [True, False, True]
    assert "Thông tư 15/2025" in sentences(report)


@pytest.mark.parametrize(
    "data",
    [
        b"<</A 1/A 2>>",
        b"<</A 1",
        b"[1 2",
        b"<aBc0>",
        b"<</A%x\n1>>",
        b"(a(b)",
        b"[12 0 Rx]",
        b"[" * 40 + b"]" * 40,
        b"",
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


def test_values_are_read_as_qpdf_reads_them(signed: bytes) -> None:
    """Another reader, on every object of a file that is no stream."""
    with pikepdf.open(io.BytesIO(signed)) as pdf:
        for item in pdf.objects:
            if isinstance(item, pikepdf.Dictionary):
                value, _ = read(item.unparse(resolved=True))
                assert isinstance(value, dict)
                assert {b"/" + key for key in value} == {key.encode() for key in set(item.keys())}
                if "/ByteRange" in item:
                    assert value[b"Contents"] == bytes(item.Contents)
                    assert value[b"ByteRange"] == [int(one) for one in item.ByteRange]


def test_a_token_must_name_its_authority(world: World) -> None:
    """RFC 3161, 2.4.2: without that, another certificate of the same key could be put in its place."""
    prepared, value = _seal_prepared(world)
    token = asn1_cms.ContentInfo.load(world.token(value))
    attributes = token["content"]["signer_infos"][0]["signed_attrs"]
    kept = [one for one in attributes if "signing_certificate" not in one["type"].native]
    signer = token["content"]["signer_infos"][0]
    signer["signed_attrs"] = asn1_cms.CMSAttributes(kept)
    signer["signature"] = world.pki.tsa.sign(asn1_cms.CMSAttributes(kept).dump())
    contents = cms.build(prepared.signed_attributes, value, world.seal.der, prepared.chain, token.dump())
    report = check(world, _filled(world, contents, prepared))
    assert report.verdict == "invalid"
    assert "Dấu thời gian không thuộc về chữ ký này" in sentences(report)
    assert der.read(contents).end == len(contents)
    assert hashlib.sha256(value).digest() in token.dump()


def test_no_byte_behind_the_seal_can_be_another(world: World, signed: bytes) -> None:
    """Of what nobody signed: the stamp's own update, with whom a certificate beside the stamp names as its issuer, and
    the second identifier of the file (14.4)."""
    pdf = stamped(world, signed)
    issuer = world.pki.issuing.certificate.issuer.public_bytes().hex().encode()
    named, identifier = pdf.rindex(issuer), pdf.rindex(b"<")
    for at in (
        *range(len(signed), len(pdf), 173),
        *range(named, named + len(issuer), 11),
        *range(identifier, pdf.rindex(b">]"), 5),
    ):
        assert check(world, pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]).verdict != "valid", at
