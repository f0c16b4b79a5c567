"""Is a signed XML transcript intact, by whom, and is the chain to be believed? Stricter than XML Signature.

Only what `xades` writes is a signature here: each one found is written again from what it says, and must come out the
same. So there is no algorithm, transform or reference to be fooled by. Everything in the document is either under
`#data`, a signature in its place, or the bare frame around them; what no reference covers does not count as signed.
"""

import asyncio
import base64
from collections.abc import Sequence
from datetime import datetime

import msgspec
from asn1crypto import cms as asn1_cms
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from backend.core import clock
from backend.remote_signing.formats import cms, judging, xades
from backend.remote_signing.formats.cms import SignatureValueRefused
from backend.remote_signing.formats.der import MalformedDer
from backend.remote_signing.formats.schemas import (
    TEACHER_PREFIX,
    TO_SIGN,
    XML_TARGETS,
    Level,
    Report,
    SignatureReport,
    Unreadable,
    XmlTarget,
    role_label,
    subject_target,
)
from backend.remote_signing.formats.self_check import SelfCheckFailed
from backend.remote_signing.formats.timestamps import TimestampRefused, check_token
from backend.remote_signing.formats.trust import Material, MaterialSpoiled, TrustStore
from backend.remote_signing.formats.xades import UnsuitableXml

_NAMES = {"ds": xades.DS, "xades": xades.XADES}
_SIGNATURE = f"{{{xades.DS}}}Signature"
#: Subject teachers, whose fields are not named here, sign before all of these.
_ORDER = {field: turn for turn, field in enumerate(XML_TARGETS, 1)}
_TEACHERS = "DANH_SACH_THONG_TIN_KY/DANH_SACH_GVBM"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One signature of a document, read strictly. `part`: what its subject is called, for a subject's teacher."""

    field: str
    target: XmlTarget
    part: str | None
    prepared: xades.PreparedXml
    value: bytes
    added: xades.LongTerm
    claimed_at: datetime


class XmlBones(msgspec.Struct, frozen=True, kw_only=True):
    """Signatures in signing order, and sentences about the document as a whole.

    `to_sign` are the fields of subject teachers who are to sign by what the document says, with their subjects' names.
    """

    signatures: tuple[Signed, ...]
    to_sign: dict[str, str | None]
    problems: tuple[str, ...]
    lookup_code: str | None
    version: int | None


def read_bones(xml: bytes) -> XmlBones:
    """What signatures a document has, each checked against the bytes; no chain. Raises Unreadable when it has none."""
    root = xades.parse(xml)
    if root.tag != "HOC_BA" or root.find(f".//{_SIGNATURE}") is None:
        raise Unreadable("Tệp XML này không phải học bạ số đã ký.")
    problems: list[str] = []
    found: list[Signed] = []
    targets = dict(_subject_targets(root)) | XML_TARGETS
    subjects = _subjects(root, "GVBM")
    for field, target in targets.items():
        label = role_label(field, subjects.get(field))
        try:
            place = xades.place_of(root, target)
            if len(place):
                found.append(_read(root, place, field, target))
        except UnsuitableXml:
            problems.append(f"Phần mà {label} ký không nằm đúng chỗ của nó, hoặc có hai phần cùng Id.")
        except (ValueError, TypeError, AttributeError, MalformedDer, SignatureValueRefused):
            problems.append(f"Chữ ký của {label} không khớp với nội dung: tài liệu đã bị thay đổi.")
    problems += _frame_problems(root, [target.place for target in targets.values()])
    record = XML_TARGETS["homeroom_teacher"].path
    version = root.findtext(f"{record}/PHIEN_BAN") or ""
    return XmlBones(
        signatures=tuple(found),
        to_sign=_subjects(root, f"GVBM[@{TO_SIGN}]"),
        problems=tuple(problems),
        lookup_code=root.findtext(f"{record}/MA_DINH_DANH_HOC_BA") or None,
        version=int(version) if version.isascii() and version.isdigit() else None,
    )


def _subject_targets(root: etree._Element) -> list[tuple[str, XmlTarget]]:
    ids = [place.get("Id") or "" for place in root.findall(f"{_TEACHERS}/GVBM")]
    codes = [name.removeprefix(TEACHER_PREFIX) for name in ids]
    return [(f"{TEACHER_PREFIX}{code}", subject_target(code)) for code in codes if code.isidentifier()]


def _subjects(root: etree._Element, teacher: str) -> dict[str, str | None]:
    """Field of the teacher → what the document calls the subject, of the rows whose teacher is such an element."""
    rows = root.findall(f"{XML_TARGETS['homeroom_teacher'].path}/BANG_DIEM/DIEM_TONG_KET")
    return {one.get("Id") or "": row.findtext("TEN_MON_HOC") for row in rows for one in row.iterfind(teacher)}


def _document_of(root: etree._Element) -> str:
    record = XML_TARGETS["homeroom_teacher"].path
    return "-".join(root.findtext(f"{record}/{tag}") or "" for tag in ("MA_DINH_DANH_HOC_BA", "PHIEN_BAN"))


def _order_problems(reports: Sequence[SignatureReport]) -> list[str]:
    """Who signs over the work of others comes after them; as time stamps say, to the second."""
    stamped = [(_ORDER.get(one.field, 0), one) for one in reports if one.timestamped and one.signed_at]
    return [
        f"Sai thứ tự ký: {role_label(late.field, late.part)} ký sau {role_label(early.field, early.part)}."
        for turn, late in stamped
        for later_turn, early in stamped
        if turn < later_turn and early.signed_at and late.signed_at and late.signed_at > early.signed_at
    ]


def _read(root: etree._Element, place: etree._Element, field: str, target: XmlTarget) -> Signed:
    """The one signature in a place. Raises ValueError and others when it is not exactly as we write it."""
    [element] = place
    certificate, *chain = _all(element, "ds:KeyInfo/ds:X509Data/ds:X509Certificate")
    cms.public_key(certificate)
    [value] = _all(element, "ds:SignatureValue")
    unsigned = (
        "ds:Object/xades:QualifyingProperties/xades:UnsignedProperties/xades:UnsignedSignatureProperties/"
    )
    tokens = _all(element, unsigned + "xades:SignatureTimeStamp/xades:EncapsulatedTimeStamp")
    added = xades.LongTerm(
        token=tokens[0] if tokens else None,
        certificates=tuple(
            _all(element, unsigned + "xades:CertificateValues/xades:EncapsulatedX509Certificate")
        ),
        ocsps=tuple(
            _all(element, unsigned + "xades:RevocationValues/xades:OCSPValues/xades:EncapsulatedOCSPValue")
        ),
        crls=tuple(
            _all(element, unsigned + "xades:RevocationValues/xades:CRLValues/xades:EncapsulatedCRLValue")
        ),
    )
    [stated] = element.iterfind(".//xades:SigningTime", _NAMES)
    claimed_at = datetime.fromisoformat(stated.text or "")
    content = xades.covered(root, target)
    bound = content.find(f"GVBM[@{TO_SIGN}]")
    if bound is not None and bound.get(TO_SIGN) != _document_of(root):
        raise ValueError("the part is of another document")
    digest = xades.digest_of(content)
    prepared = xades.describe(target, digest, certificate, chain, claimed_at)
    raw = _cms_value(certificate, value)
    again = etree.fromstring(xades.signature(prepared, raw, added))
    if xades.canonical(again) != xades.canonical(element):
        raise ValueError("the signature is not written as it would be")
    return Signed(
        field=field,
        target=target,
        part=content.findtext("TEN_MON_HOC") if field.startswith(TEACHER_PREFIX) else None,
        prepared=prepared,
        value=raw,
        added=added,
        claimed_at=claimed_at,
    )


def _all(element: etree._Element, path: str) -> list[bytes]:
    return [base64.b64decode(found.text or "", validate=True) for found in element.iterfind(path, _NAMES)]


def _cms_value(certificate: bytes, value: bytes) -> bytes:
    if not isinstance(cms.public_key(certificate), ec.EllipticCurvePublicKey):
        return value
    half = len(value) // 2
    return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))


def _frame_problems(root: etree._Element, places: Sequence[str]) -> list[str]:
    """Outside of `#data` there are only the places, the elements around them, and white space."""
    data = root.find("DU_LIEU_HOC_BA")
    holders = [element for place in places for element in root.findall(place)]
    known = {root, data, *holders, *(above for place in holders for above in place.iterancestors())}
    known |= {element for name in ("DANH_SACH_THONG_TIN_KY", _TEACHERS) for element in root.findall(name)}
    inner = {one for top in (data, *holders) if top is not None for one in top.iterdescendants()}
    outside = [element for element in root.iter() if element not in inner]
    texts = [one.text for one in outside if one is not data] + [one.tail for one in outside]
    texts += [child.tail for place in holders for child in place]
    strange = any(
        element not in known or (set(element.attrib) - {"Id"}) or (element.get("Id") and element is root)
        for element in outside
    )
    signatures = [child for place in holders for child in place]
    nested = len(list(root.iter(_SIGNATURE))) != len(signatures)
    if strange or nested or any((text or "").strip() for text in texts):
        return ["Tệp XML có nội dung nằm ngoài phần được ký."]
    return []


def quick_check(xml: bytes, expected: Sequence[XmlTarget]) -> None:
    """The check after every embedding: raises SelfCheckFailed unless exactly these parts are signed, all well; 2 ms."""
    try:
        bones = read_bones(xml)
    except Unreadable as error:
        raise SelfCheckFailed(error.message) from error
    signed = {one.target for one in bones.signatures}
    if bones.problems or signed != set(expected):
        raise SelfCheckFailed("; ".join(bones.problems) or "other parts are signed than should be")
    for one in bones.signatures:
        if one.added.token is not None:
            check_token(
                one.added.token, xades.signature_value(one.target, one.prepared.certificate, one.value)
            )


def validate_xml(
    xml: bytes,
    trust: TrustStore,
    at: datetime | None,
    expected_fields: Sequence[str],
    material: Material | None = None,
) -> Report:
    """Judge a signed XML transcript that may be hostile; parameters as those of `validate_pdf`.

    `material` is what else is known about certificates, for a document that brings nothing itself. Raises Unreadable,
    and nothing else, when the bytes are no signed transcript; one that was damaged after signing is invalid.
    """
    judging.quiet_libraries()
    try:
        bones = read_bones(xml)
    except Unreadable:
        if b"<ds:SignatureValue" not in xml or not xml.rstrip().endswith(b"</HOC_BA>"):
            raise
        return _broken()
    signed = [one.field for one in bones.signatures]
    problems = [*bones.problems]
    wanted = bones.to_sign | dict.fromkeys(expected_fields)
    problems += [
        f"Thiếu chữ ký của {role_label(name, subject)}."
        for name, subject in wanted.items()
        if name not in signed
    ]
    judge = _Judge(bones.signatures, trust, at, material or Material())
    reports = asyncio.run(judge.reports())
    problems += _order_problems(reports)
    return Report(
        verdict=judging.verdict(reports, problems),
        format="xml",
        signatures=reports,
        modified_after_signing=bool(bones.problems),
        problems=tuple(dict.fromkeys(problems)),
        notices=tuple(judging.notices(reports)),
        lookup_code=bones.lookup_code,
        version=bones.version,
    )


def _broken() -> Report:
    sentence = "Cấu trúc tệp XML đã bị hỏng hoặc bị sửa nên không xác nhận được chữ ký nào."
    return Report(
        verdict="invalid", format="xml", signatures=(), modified_after_signing=True, problems=(sentence,)
    )


class _Judge:
    """Time, chain and revocation of the signatures of one document, whose bytes hold already; they share contexts."""

    def __init__(
        self, signatures: Sequence[Signed], trust: TrustStore, at: datetime | None, beside: Material
    ) -> None:
        # Loaded by whoever judges a chain: it brings an HTTP client along.
        from backend.remote_signing.formats.chains import Chains

        self._signatures = signatures
        self._trust = trust
        own = [_material(one) for one in signatures]
        self._sound = [_is_sound(one, trust) for one in signatures]
        known = [beside, *(one for one, sound in zip(own, self._sound, strict=True) if sound)]
        self._material = Material(
            certificates=tuple(dict.fromkeys(item for one in known for item in one.certificates)),
            ocsps=tuple(dict.fromkeys(item for one in known for item in one.ocsps)),
            crls=tuple(dict.fromkeys(item for one in known for item in one.crls)),
        )
        moments = [_stamped_at(one.added.token) for one in signatures]
        self._judged_at = at or max(filter(None, moments), default=None) or clock.now()
        pairs = zip(signatures, self._sound, strict=True)
        carried = [item for one, sound in pairs if sound for item in _carried(one)]
        self._chains = Chains(trust, self._material, carried)

    async def reports(self) -> tuple[SignatureReport, ...]:
        """One report for each signature."""
        return tuple(
            [
                await self._report(one, sound=sound)
                for one, sound in zip(self._signatures, self._sound, strict=True)
            ]
        )

    async def _report(self, one: Signed, *, sound: bool) -> SignatureReport:
        problems = [] if sound else [judging.SPOILED_CERTIFICATES]
        stamped_at = _stamped_at(one.added.token)
        moment = stamped_at or self._judged_at
        if one.added.token is not None:
            problems += await self._timestamp_problems(one, moment)
        intact = sound and judging.FOREIGN_TIMESTAMP not in problems
        result = await self._chains.signer(one.prepared.certificate, moment)
        revoked = result.revo_details is not None
        if revoked or result.error_subindic is not None:
            problems.append(judging.trust_problem(result.revo_details, result.error_subindic))
        elif not self._material.tells_revocation:
            problems.append(judging.NO_REVOCATION)
        return judging.report(
            field=one.field,
            certificate=self._chains.certificate(one.prepared.certificate),
            signed_at=stamped_at or one.claimed_at,
            timestamped=stamped_at is not None,
            level=_level(one) if sound else "B-B",
            intact=intact,
            trusted=intact and not problems,
            revoked=revoked,
            covers_whole_document=one.target.id == "data",
            problems=problems,
            part=one.part,
        )

    async def _timestamp_problems(self, one: Signed, moment: datetime) -> list[str]:
        stamped = xades.signature_value(one.target, one.prepared.certificate, one.value)
        token = one.added.token or b""
        try:
            check_token(token, stamped)
        except (TimestampRefused, MalformedDer, ValueError):
            return [judging.FOREIGN_TIMESTAMP]
        if moment > self._judged_at:
            return [judging.TOO_LATE]
        if not await self._chains.is_authority(cms.read(token).signer, moment, self._judged_at):
            return [judging.UNTRUSTED_AUTHORITY]
        return []


def _material(one: Signed) -> Material:
    return Material(
        certificates=(one.prepared.certificate, *one.prepared.chain, *one.added.certificates),
        ocsps=one.added.ocsps,
        crls=one.added.crls,
    )


def _carried(one: Signed) -> tuple[bytes, ...]:
    """Certificates inside its time stamp."""
    return cms.read(one.added.token).certificates if one.added.token else ()


def _is_sound(one: Signed, trust: TrustStore) -> bool:
    try:
        _material(one).check(trust.anchors)
        Material(certificates=_carried(one)).check(trust.anchors)
    except (MaterialSpoiled, MalformedDer, IndexError):
        return False
    return True


def _stamped_at(token: bytes | None) -> datetime | None:
    if token is None:
        return None
    try:
        signed = asn1_cms.ContentInfo.load(token)["content"]
        moment = signed["encap_content_info"]["content"].parsed["gen_time"].native
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    return moment if isinstance(moment, datetime) and moment.tzinfo is not None else None


def _level(one: Signed) -> Level:
    if one.added.token is None:
        return "B-B"
    tells = (one.added.ocsps or one.added.crls) and _material(one).tells_about(one.prepared.certificate)
    return "B-LT" if tells else "B-T"
