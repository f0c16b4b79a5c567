"""Signatures over parts of an XML transcript: ours, before other judges, and under attack."""

import base64
import hashlib
import io
import itertools
import re
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from backend.records.transcripts.xml_form import build_xml
from backend.records.transcripts.xml_form import validate_xml as validate_form
from backend.remote_signing.formats import judging, xades
from backend.remote_signing.formats.cms import SignatureValueRefused
from backend.remote_signing.formats.schemas import (
    XML_TARGETS,
    Report,
    Unreadable,
    XmlTarget,
    subject_target,
)
from backend.remote_signing.formats.trust import TrustStore
from backend.remote_signing.formats.verify_command import run
from backend.remote_signing.formats.xades_check import validate_xml
from tests.factories.pki import Identity
from tests.factories.snapshots import lower_secondary_snapshot, signed_by_teachers
from tests.remote_signing.formats.world import NAMES, SIGNED_AT, World

BASE = build_xml(lower_secondary_snapshot())
FIRST_SUBJECT, SECOND_SUBJECT = (one.decode() for one in re.findall(rb'Id="mon-(\w+)"', BASE)[:2])
FIRST_NAME, SECOND_NAME = re.findall(r"</MA_MON_HOC><TEN_MON_HOC>(.*?)<", BASE.decode())[:2]


def part(
    world: World,
    target: XmlTarget,
    who: Identity,
    *,
    stamp: bool = True,
    values: bool = True,
    base: bytes = BASE,
    after: timedelta = timedelta(),
) -> bytes:
    """The finished signature of one signer, up to B-LT, stamped so long after `SIGNED_AT`."""
    prepared = xades.prepare(base, target, who.der, [world.pki.issuing.der], SIGNED_AT)
    value = who.sign(prepared.signed_info)
    stamped = xades.signature_value(target, who.der, value)
    token = world.token(stamped, SIGNED_AT + after) if stamp else None
    added = xades.LongTerm(token=token)
    if values:
        at = SIGNED_AT + after + timedelta(minutes=1)
        added = xades.LongTerm(
            token=token,
            certificates=(world.pki.issuing.der, world.pki.tsa.der, world.pki.responder.der),
            ocsps=tuple(world.pki.ocsp_response(one, at) for one in (who, world.pki.tsa)),
            crls=(world.pki.crl(world.pki.root, at),),
        )
    return xades.signature(prepared, value, added)


def parts(world: World, **options: Any) -> list[tuple[XmlTarget, bytes]]:
    return [
        (XML_TARGETS[name], part(world, XML_TARGETS[name], who, **options)) for name, who in world.signers
    ]


@pytest.fixture(scope="module")
def signed(world: World) -> bytes:
    return xades.embed(BASE, parts(world))


def judged(world: World, xml: bytes, trust: TrustStore | None = None) -> Report:
    return validate_xml(xml, trust or world.trust, None, NAMES)


def test_three_signatures_are_valid_for_decades(world: World, signed: bytes) -> None:
    report = judged(world, signed)
    assert (report.verdict, report.problems, report.modified_after_signing) == ("valid", (), False)
    assert [(one.field, one.level, one.signed_at) for one in report.signatures] == [
        (name, "B-LT", SIGNED_AT) for name in NAMES
    ]
    assert [one.signer for one in report.signatures] == [
        "Đinh Thị Hoài Thu",
        "Nghiêm Thế Khải",
        "Trường Tiểu học Hoa Ban",
    ]
    assert report.lookup_code == lower_secondary_snapshot().lookup_code
    validate_form(signed)


def test_only_the_places_change_and_the_order_of_embedding_does_not_matter(
    world: World, signed: bytes
) -> None:
    bare = re.sub(rb"<ds:Signature .*?</ds:Signature>", b"", signed)
    for tag in (b"GVCN", b"CBQL", b"KY_PHAT_HANH"):
        bare = bare.replace(b"<" + tag + b"></" + tag + b">", b"<" + tag + b"/>")
    assert bare == BASE
    for some in itertools.permutations(parts(world)):
        again = xades.embed(BASE, some)
        assert judged(world, again).verdict == "valid"


def test_a_teacher_signs_the_own_subject_beside_the_others(world: World) -> None:
    target = subject_target(FIRST_SUBJECT)
    xml = xades.embed(BASE, [*parts(world), (target, part(world, target, world.teacher))])
    report = judged(world, xml)
    assert report.verdict == "valid"
    assert {one.field for one in report.signatures} == {*NAMES, f"gvbm-{FIRST_SUBJECT}"}


def test_a_teacher_who_is_to_sign_and_has_not_is_missed(world: World) -> None:
    """What the document says of that is under every other signature: it cannot be taken away with the signature."""
    base = build_xml(signed_by_teachers(lower_secondary_snapshot(), FIRST_SUBJECT))
    validate_form(base)
    target = subject_target(FIRST_SUBJECT)
    own = (target, part(world, target, world.teacher, base=base))
    whole = judged(world, xades.embed(base, [*parts(world, base=base), own]))
    assert (whole.verdict, whole.problems) == ("valid", ())
    assert next(one.part for one in whole.signatures if one.part) == FIRST_NAME
    lacking = judged(world, xades.embed(base, parts(world, base=base)))
    assert lacking.verdict == "invalid"
    assert lacking.problems == (f"Thiếu chữ ký của giáo viên bộ môn {FIRST_NAME}.",)
    hidden = xades.embed(base, parts(world, base=base))
    hidden = re.sub(rb' KY="[^"]*"', b"", hidden)
    assert judged(world, hidden).modified_after_signing


def test_the_same_marks_of_another_pupil_are_another_document(world: World) -> None:
    """Row and signature of one pupil, put into the document of another who has other marks."""
    target = subject_target(FIRST_SUBJECT)
    here, there = (
        build_xml(signed_by_teachers(lower_secondary_snapshot(**changes), FIRST_SUBJECT))
        for changes in ({}, {"lookup_code": f"{7:032x}"})
    )
    row = re.compile(rb'<DIEM_TONG_KET Id="mon-%s">.*?</DIEM_TONG_KET>' % FIRST_SUBJECT.encode())
    assert row.search(here)[0] != row.search(there)[0]  # type: ignore[index]
    signature = part(world, target, world.teacher, base=here)
    forged = xades.embed(row.sub(lambda _: row.search(here)[0], there), [(target, signature)])  # type: ignore[index]
    report = judged(world, forged)
    assert report.verdict == "invalid"
    assert any("không khớp với nội dung" in problem for problem in report.problems)


def test_a_signature_in_another_teachers_place_is_refused(world: World) -> None:
    target, other = subject_target(FIRST_SUBJECT), subject_target(SECOND_SUBJECT)
    forged = xades.embed(BASE, [*parts(world), (other, part(world, target, world.teacher))])
    report = judged(world, forged)
    assert report.verdict == "invalid"
    assert report.problems == (
        f"Chữ ký của giáo viên bộ môn {SECOND_NAME} không khớp với nội dung: tài liệu đã bị thay đổi.",
    )


def test_who_signs_over_the_work_of_others_signs_after_them(world: World) -> None:
    target, late = subject_target(FIRST_SUBJECT), timedelta(hours=1)
    teacher = (target, part(world, target, world.teacher, after=late))
    report = judged(world, xades.embed(BASE, [teacher, *parts(world)]))
    assert report.verdict == "invalid"
    assert report.problems[0] == f"Sai thứ tự ký: giáo viên bộ môn {FIRST_NAME} ký sau giáo viên chủ nhiệm."
    in_order = judged(world, xades.embed(BASE, [teacher, *parts(world, after=2 * late)]))
    assert (in_order.verdict, in_order.problems) == ("valid", ())


@pytest.mark.parametrize(("stamp", "values", "level"), [(False, False, "B-B"), (True, False, "B-T")])
def test_without_answers_about_revocation_nothing_is_concluded(
    world: World, stamp: bool, values: bool, level: str
) -> None:
    report = judged(world, xades.embed(BASE, parts(world, stamp=stamp, values=values)))
    assert report.verdict == "indeterminate"
    assert {one.level for one in report.signatures} == {level}
    # The authority of the time stamps is believed by what they bring themselves.
    assert {text for one in report.signatures for text in one.problems} == {judging.NO_REVOCATION}


def test_a_spoiled_certificate_inside_a_time_stamp_is_noticed(world: World, signed: bytes) -> None:
    """No value covers it, and nobody needs it: the same stands beside the signature."""
    [first, *_] = re.findall(rb"<xades:EncapsulatedTimeStamp>(.*?)<", signed)
    token = base64.b64decode(first)
    at = token.index(world.pki.issuing.der) + len(world.pki.issuing.der) - 9
    spoiled = base64.b64encode(token[:at] + bytes([token[at] ^ 1]) + token[at + 1 :])
    report = judged(world, signed.replace(first, spoiled))
    assert report.verdict == "invalid"
    assert not report.signatures[0].intact


@pytest.mark.needs("xmlsec1")
def test_an_elliptic_key_signs_too(world: World, tmp_path: Path) -> None:
    who = world.pki.person("Cô Cong", key=ec.generate_private_key(ec.SECP256R1()))
    target = XML_TARGETS["homeroom_teacher"]
    xml = xades.embed(BASE, [(target, part(world, target, who)), *parts(world)[1:]])
    assert judged(world, xml).verdict == "valid"
    verify_by_xmlsec(world, xml, tmp_path)


def test_preparing_again_gives_the_same_hash_and_a_foreign_value_is_refused(world: World) -> None:
    target = XML_TARGETS["principal"]
    first, second = (
        xades.prepare(BASE, target, world.principal.der, [world.pki.issuing.der], SIGNED_AT) for _ in "12"
    )
    assert first == second
    assert first.digest == hashlib.sha256(first.signed_info).digest()
    with pytest.raises(SignatureValueRefused):
        xades.signature(first, world.teacher.sign(first.signed_info), xades.LongTerm())


def test_a_place_is_filled_once_and_a_target_is_the_only_one_of_its_id(world: World, signed: bytes) -> None:
    target = XML_TARGETS["principal"]
    one = part(world, target, world.principal)
    with pytest.raises(xades.UnsuitableXml, match="taken"):
        xades.embed(BASE, [(target, one), (target, one)])
    with pytest.raises(xades.UnsuitableXml, match="taken"):
        xades.embed(signed, [(target, one)])
    with pytest.raises(xades.UnsuitableXml, match="no single element"):
        prepare(world, BASE.replace(b"<GVCN/>", b'<GVCN Id="data"/>'), target)
    with pytest.raises(xades.UnsuitableXml, match="no single element"):
        prepare(world, BASE.replace(b'Id="thongtinhocba"', b'Id="khac"'), XML_TARGETS["homeroom_teacher"])


def prepare(world: World, xml: bytes, target: XmlTarget) -> None:
    xades.prepare(xml, target, world.principal.der, [], SIGNED_AT)


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><HOC_BA>&b;</HOC_BA>',
        BASE.replace(b"<GVCN/>", b"<GVCN/><!-- x -->"),
        BASE.replace(b"<GVCN/>", b"<GVCN/><?x y?>"),
        BASE.replace(b"<GVCN/>", b"<![CDATA[x]]><GVCN/>"),
        BASE.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        b"<a>" * 300 + b"</a>" * 300,
        b"<HOC_BA>" + b" " * xades.MAX_BYTES + b"</HOC_BA>",
        b"<HOC_BA>",
        b"",
        BASE,
    ],
    ids="entity comment instruction cdata utf16 deep huge cut empty unsigned".split(),
)
def test_what_is_no_signed_transcript_is_not_read(world: World, xml: bytes) -> None:
    with pytest.raises(Unreadable):
        judged(world, xml)


def moved_aside(xml: bytes) -> bytes:
    """The signed element is put into a wrapper outside, a forged one takes its place."""
    record = re.search(rb'<THONG_TIN_HOC_BA Id="thongtinhocba">.*</THONG_TIN_HOC_BA>', xml, re.DOTALL)
    assert record is not None
    forged = record[0].replace(b'Id="thongtinhocba"', b'Id="khac"').replace(b"<CA_NAM>", b"<CA_NAM>1", 1)
    return xml.replace(record[0], forged).replace(b"</PHAT_HANH_HOC_BA>", record[0] + b"</PHAT_HANH_HOC_BA>")


def twice(xml: bytes) -> bytes:
    record = re.search(rb'<DU_LIEU_HOC_BA Id="data">.*</DU_LIEU_HOC_BA>', xml, re.DOTALL)
    assert record is not None
    return xml.replace(record[0], record[0] + record[0].replace(b"<CA_NAM>", b"<CA_NAM>1", 1))


def indented(xml: bytes) -> bytes:
    root = etree.fromstring(xml)
    etree.indent(root)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def swapped(xml: bytes) -> bytes:
    """Principal and seal, which refer to the same element, change places."""
    first = re.search(rb"<CBQL>(.*)</CBQL>", xml)
    second = re.search(rb"<KY_PHAT_HANH>(.*)</KY_PHAT_HANH>", xml)
    assert first is not None
    assert second is not None
    return xml.replace(first[1], b"@").replace(second[1], first[1]).replace(b"@", second[1])


ATTACKS: dict[str, Callable[[bytes], bytes]] = {
    "a mark": lambda xml: xml.replace(b"<CA_NAM>", b"<CA_NAM>1", 1),
    "moved aside": moved_aside,
    "the same Id twice": twice,
    "indented": indented,
    "swapped": swapped,
    "text outside": lambda xml: xml.replace(b"<KY_PHAT_HANH>", b"10/10<KY_PHAT_HANH>"),
    "an element outside": lambda xml: xml.replace(b"</HOC_BA>", b"<GHI_CHU/></HOC_BA>"),
    "an attribute outside": lambda xml: xml.replace(b"<PHAT_HANH_HOC_BA>", b'<PHAT_HANH_HOC_BA a="b">'),
    "a second signature": lambda xml: xml.replace(
        b"</GVCN>",
        re.search(rb"<ds:Signature .*?</ds:Signature>", xml)[0] + b"</GVCN>",  # type: ignore[index]
    ),
    "a signature among the data": lambda xml: xml.replace(
        b"<NGUOI_KY>", b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/><NGUOI_KY>', 1
    ),
    "one missing": lambda xml: re.sub(rb"<CBQL>.*</CBQL>", b"<CBQL/>", xml),
    "another time": lambda xml: xml.replace(b"<xades:SigningTime>2026", b"<xades:SigningTime>2025", 1),
    "another algorithm": lambda xml: xml.replace(b"xmldsig-more#rsa-sha256", b"xmldsig-more#rsa-sha512", 1),
    "no canonical form": lambda xml: xml.replace(b"2001/10/xml-exc-c14n#", b"2006/12/xml-c14n11", 1),
    "a reference to nothing": lambda xml: xml.replace(b'URI="#data"', b'URI=""', 1),
    "an object added": lambda xml: xml.replace(b"</ds:Signature>", b"<ds:Object/></ds:Signature>", 1),
    "a cut end tag": lambda xml: xml.replace(b"</KY_PHAT_HANH>", b"", 1),
    "a default namespace": lambda xml: xml.replace(b'xmlns=""', b'xmlns="urn:x"', 1),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_was_changed_is_not_valid(world: World, signed: bytes, attack: str) -> None:
    changed = ATTACKS[attack](signed)
    assert changed != signed
    report = judged(world, changed)
    assert report.verdict == "invalid"
    assert report.problems
    assert report.modified_after_signing or attack == "one missing"


def test_a_time_stamp_of_another_value_is_refused(world: World, signed: bytes) -> None:
    tokens = re.findall(rb"<xades:EncapsulatedTimeStamp>(.*?)<", signed)
    report = judged(world, signed.replace(tokens[0], tokens[1]))
    assert report.verdict == "invalid"
    assert report.signatures[0].problems == ("Dấu thời gian không thuộc về chữ ký này hoặc đã bị sửa.",)


def test_a_stranger_and_a_revoked_person_are_told_apart(world: World, signed: bytes) -> None:
    report = judged(world, signed, TrustStore(()))
    assert report.verdict == "indeterminate"
    assert all(one.intact and not one.trusted for one in report.signatures)
    world.pki.revoked[world.principal.certificate.serial_number] = SIGNED_AT - timedelta(days=1)
    try:
        revoked = xades.embed(BASE, parts(world))
    finally:
        world.pki.revoked.clear()
    report = judged(world, revoked)
    assert report.verdict == "invalid"
    assert [one.revoked for one in report.signatures] == [False, True, False]


def verify_by_xmlsec(world: World, xml: bytes, folder: Path) -> None:
    (folder / "root.pem").write_bytes(world.pki.root.pem)
    (folder / "signed.xml").write_bytes(xml)
    for number in (1, 2, 3):
        done = subprocess.run(
            [
                "xmlsec1",
                "--verify",
                "--trusted-pem",
                folder / "root.pem",
                "--node-xpath",
                f"(//*[local-name()='Signature'])[{number}]",
                "--id-attr:Id",
                "DU_LIEU_HOC_BA",
                "--id-attr:Id",
                "THONG_TIN_HOC_BA",
                "--id-attr:Id",
                "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
                "--verification-gmt-time",
                "2026-05-30 02:12:03",
                folder / "signed.xml",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.needs("xmlsec1")
def test_xmlsec_verifies_each_signature(world: World, signed: bytes, tmp_path: Path) -> None:
    verify_by_xmlsec(world, signed, tmp_path)


def test_signxml_verifies_each_signature(world: World, signed: bytes) -> None:
    places = {"homeroom_teacher": "GVCN", "principal": "CBQL", "school_seal": "KY_PHAT_HANH"}
    for name, who in world.signers:
        found = XMLVerifier().verify(
            signed,
            x509_cert=who.certificate,
            id_attribute="Id",
            expect_config=SignatureConfiguration(
                location=f".//{places[name]}/",
                expect_references=2,
                signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
                digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
            ),
        )
        assert isinstance(found, list)
        assert [one.signed_xml.get("Id") for one in found if one.signed_xml is not None] == [
            XML_TARGETS[name].id,
            f"{XML_TARGETS[name].signature_id}-sp",
        ]


@pytest.mark.parametrize(
    ("attack", "status"), [(None, 0), ("a mark", 1), ("a cut end tag", 1), ("cut off", 2)]
)
def test_the_command_checks_xml_too(
    signed: bytes, trust_dir: Path, tmp_path: Path, attack: str | None, status: int
) -> None:
    path, out, err = tmp_path / "hoc-ba.xml", io.StringIO(), io.StringIO()
    attacks = ATTACKS | {"cut off": lambda xml: xml[:12_000]}
    path.write_bytes(attacks[attack](signed) if attack else signed)
    assert run(path, trust_dir, None, False, out, err) == status
    assert ("Giáo viên chủ nhiệm: Đinh Thị Hoài Thu" in out.getvalue()) == (status == 0)
    assert ("Tệp XML không đọc được" in err.getvalue()) == (status == 2)
    assert "None" not in out.getvalue() + err.getvalue()
