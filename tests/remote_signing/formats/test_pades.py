"""Prepare, sign elsewhere, embed: the same bytes every time, and nothing embedded that does not belong."""

import hashlib
import io
from collections.abc import Callable
from typing import Any

import msgspec
import pikepdf
import pytest
from asn1crypto import cms as asn1_cms
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils.reader import PdfFileReader

from backend.remote_signing.formats import cms, pades
from backend.remote_signing.formats.embedded import timestamp_certificates
from backend.remote_signing.formats.self_check import SelfCheckFailed, quick_check
from tests.remote_signing.formats import attacks
from tests.remote_signing.formats.world import NAMES, World


@pytest.fixture(scope="module")
def placed(world: World) -> bytes:
    return pades.place_fields(world.rendered, NAMES)


def test_place_fields_appends_and_is_repeatable(world: World, placed: bytes) -> None:
    assert placed.startswith(world.rendered)
    assert pades.place_fields(world.rendered, NAMES) == placed
    with pikepdf.open(io.BytesIO(placed)) as pdf:
        fields: list[Any] = list(pdf.Root.AcroForm.Fields)
        assert [str(field.T) for field in fields] == list(NAMES)
        assert [str(field.Lock.Action) for field in fields] == ["/Include", "/Include", "/All"]
        links = [item for item in pdf.pages[0].obj.Annots if item.Subtype == "/Link"]
        assert len(links) == 1, "the page keeps its own annotations"
        assert "/Metadata" in pdf.Root
        assert "snapshot.json" in pdf.attachments


@pytest.mark.parametrize("names", [(), ("a", "a"), ("Dấu",), ("a)b",)])
def test_place_fields_refuses_unusable_names(world: World, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="distinct"):
        pades.place_fields(world.rendered, names)


def test_place_fields_refuses_a_second_time(placed: bytes) -> None:
    with pytest.raises(pades.UnsuitablePdf, match="form already"):
        pades.place_fields(placed, NAMES)


def test_prepare_gives_the_same_bytes_and_digest_again(world: World, placed: bytes) -> None:
    first = world.prepare(placed, NAMES[0], world.teacher)
    again = world.prepare(placed, NAMES[0], world.teacher)
    assert first == again
    assert first.document.startswith(placed)
    assert first.digest == hashlib.sha256(first.signed_attributes).digest()
    assert first.document[first.region_start : first.region_start + 1] == b"<"
    assert first.document[first.region_end - 1 : first.region_end] == b">"
    assert set(first.document[first.region_start + 1 : first.region_end - 1]) == {ord("0")}
    outside = first.document[: first.region_start] + first.document[first.region_end :]
    assert first.document_digest == hashlib.sha256(outside).digest()


def test_prepared_survives_storage(world: World, placed: bytes) -> None:
    prepared = world.prepare(placed, NAMES[0], world.teacher)
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(prepared), type=pades.Prepared)
    value = world.teacher.sign(stored.signed_attributes)
    assert pades.embed(stored, value) == pades.embed(prepared, value)


def test_signed_attributes_are_canonical_der_without_signing_time(world: World) -> None:
    encoded = cms.signed_attributes(bytes(32), world.teacher.der)
    attributes = asn1_cms.CMSAttributes.load(encoded)
    assert attributes.dump(force=True) == encoded
    kinds = {attribute["type"].native for attribute in attributes}
    assert kinds == {"content_type", "message_digest", "signing_certificate_v2"}
    (certificate_id,) = next(a for a in attributes if a["type"].native == "signing_certificate_v2")["values"][
        0
    ]["certs"]
    assert certificate_id["cert_hash"].native == hashlib.sha256(world.teacher.der).digest()
    assert certificate_id["issuer_serial"]["serial_number"].native == world.teacher.certificate.serial_number


def test_embed_twice_gives_the_same_bytes(world: World, placed: bytes) -> None:
    prepared = world.prepare(placed, NAMES[0], world.teacher)
    value = world.teacher.sign(prepared.signed_attributes)
    token = world.token(value)
    assert pades.embed(prepared, value, token) == pades.embed(prepared, value, token)
    assert pades.embed(prepared, value) != pades.embed(prepared, value, token)


def test_embed_refuses_the_value_of_another_certificate(world: World, placed: bytes) -> None:
    prepared = world.prepare(placed, NAMES[0], world.teacher)
    with pytest.raises(pades.SignatureValueRefused):
        pades.embed(prepared, world.principal.sign(prepared.signed_attributes))


@pytest.mark.parametrize(
    "spoil", [lambda v: v[:-1], lambda v: v + b"\0", lambda v: bytes(len(v)), lambda v: b""]
)
def test_check_value_refuses_spoiled_values(world: World, spoil: Callable[[bytes], bytes]) -> None:
    attributes = cms.signed_attributes(bytes(32), world.teacher.der)
    value = world.teacher.sign(attributes)
    pades.check_value(attributes, world.teacher.der, value)
    with pytest.raises(pades.SignatureValueRefused):
        pades.check_value(attributes, world.teacher.der, spoil(value))


def test_embed_refuses_a_document_that_changed_meanwhile(world: World, placed: bytes) -> None:
    prepared = world.prepare(placed, NAMES[0], world.teacher)
    value = world.teacher.sign(prepared.signed_attributes)
    spoiled = msgspec.structs.replace(prepared, document=attacks.flipped_byte(prepared.document))
    with pytest.raises(pades.PreparedChanged):
        pades.embed(spoiled, value)
    foreign = msgspec.structs.replace(prepared, certificate=world.principal.der)
    with pytest.raises(pades.PreparedChanged):
        pades.embed(foreign, value)


def test_too_small_a_reservation_is_said(world: World, placed: bytes) -> None:
    prepared = world.prepare(placed, NAMES[0], world.teacher, reserve=1000)
    with pytest.raises(pades.ReservationTooSmall):
        pades.embed(prepared, world.teacher.sign(prepared.signed_attributes))


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("principal", False, False),
        ("school_seal", False, True),
        ("homeroom_teacher", False, False),
        ("homeroom_teacher", True, True),
        ("stranger", True, False),
    ],
)
def test_prepare_refuses_whose_turn_it_is_not(
    world: World, placed: bytes, name: str, first: bool, last: bool
) -> None:
    with pytest.raises(pades.UnsuitablePdf):
        world.prepare(placed, name, world.teacher, first=first, last=last)


def test_prepare_refuses_a_signed_field(world: World) -> None:
    once = world.sign_all(count=1)
    with pytest.raises(pades.UnsuitablePdf, match="turn"):
        world.prepare(once, NAMES[0], world.teacher)


@pytest.mark.parametrize("data", [b"", b"text", b"%PDF-1.7\n%%EOF", b"%PDF-1.7\nstartxref\n9999\n%%EOF"])
def test_unreadable_files_are_refused(data: bytes) -> None:
    with pytest.raises(pades.UnsuitablePdf):
        pades.place_fields(data, NAMES)


def test_an_encrypted_file_is_refused(world: World) -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(world.rendered)) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="o", user=""))
    with pytest.raises(pades.UnsuitablePdf, match="encrypted"):
        pades.place_fields(out.getvalue(), NAMES)


def test_files_with_cross_reference_streams_get_updates_of_their_kind(world: World) -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(world.rendered)) as pdf:
        pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    signed = world.add_material(world.sign_all(out.getvalue()))
    reader = PdfFileReader(io.BytesIO(signed), strict=True)
    assert reader.has_xref_stream
    assert not reader.xrefs.hybrid_xrefs_present
    quick_check(signed, world.expected())
    assert signed.count(b"trailer") == 0


def test_elliptic_curve_signers_work(world: World, placed: bytes) -> None:
    teacher = world.pki.person("Vi Thanh Ngân", key=ec.generate_private_key(ec.SECP256R1()))
    document = world.sign(placed, NAMES[0], teacher)
    quick_check(document, [(NAMES[0], teacher.der)])


def test_material_is_added_once(world: World, signed_b_t: bytes, signed: bytes) -> None:
    assert signed.startswith(signed_b_t)
    assert pades.add_validation_material(signed, [world.pki.issuing.der], [], []) == signed
    more = pades.add_validation_material(signed, [world.pki.root.der], [], [])
    assert more.startswith(signed)
    with pikepdf.open(io.BytesIO(more)) as pdf:
        certificates = [bytes(item.read_bytes()) for item in pdf.Root.DSS.Certs]
    assert certificates == [
        world.pki.issuing.der,
        world.pki.tsa.der,
        world.pki.responder.der,
        world.pki.root.der,
    ]


def test_certificates_of_the_authority_are_found(world: World, signed_b_t: bytes) -> None:
    assert set(timestamp_certificates(signed_b_t)) == {world.pki.tsa.der, world.pki.issuing.der}


class TestQuickCheck:
    def test_passes_after_each_step(self, world: World) -> None:
        for count in (1, 2, 3):
            document = world.sign_all(count=count)
            quick_check(document, world.expected(count))
        quick_check(world.add_material(document), world.expected())

    @pytest.mark.parametrize(
        "attack",
        [
            attacks.flipped_byte,
            attacks.cut_byte_range,
            attacks.foreign_cms,
            attacks.zeroed_value,
            attacks.signature_shared,
            attacks.signature_removed,
            attacks.field_added,
            attacks.bytes_appended,
            attacks.page_replaced,
        ],
        ids=lambda attack: attack.__name__,
    )
    def test_refuses_spoiled_files(
        self, world: World, signed_b_t: bytes, attack: Callable[[bytes], bytes]
    ) -> None:
        with pytest.raises(SelfCheckFailed):
            quick_check(attack(signed_b_t), world.expected())

    def test_refuses_another_certificate_order_or_number(self, world: World, signed_b_t: bytes) -> None:
        teacher, principal, seal = world.expected()
        for expected in (
            [teacher, principal],
            [principal, teacher, seal],
            [teacher, (principal[0], world.seal.der), seal],
        ):
            with pytest.raises(SelfCheckFailed):
                quick_check(signed_b_t, expected)
