"""XAdES signatures (ETSI EN 319 132-1) over elements of one XML document, in two phases: prepare, embed.

Detached by Id: each signature has its own empty place outside of what it refers to, so a later one never breaks an
earlier one and the order of embedding does not matter. Two references (the element, the signed properties), both by
exclusive canonicalisation. Bytes in, bytes out, no clock; the document is never written anew: signatures are put into
its places and no other byte changes, because a parser's own way of writing would break what was signed.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from backend.core.clock import VIETNAM
from backend.remote_signing.formats import cms, der
from backend.remote_signing.formats.schemas import Unreadable, XmlTarget

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
#: A signed transcript has 20–80 KB.
MAX_BYTES = 4 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}")
_TAG = re.compile(rb'<(/?)([A-Za-z_][\w.:-]*)(?:\s+[\w.:-]+="[^"<]*")*\s*(/?)>')
_FILLED = re.compile(rb'<(\w+)((?: \w+="[^"<]*")*)><ds:Signature .*?</ds:Signature></\1>', re.DOTALL)
_WITH_VALUE = etree.XPath("//@*[. = $value]")
#: Attributes that some reader takes for an identifier.
_ID_NAMES = frozenset(("id", "{http://www.w3.org/xml/1998/namespace}id"))


class UnsuitableXml(Exception):
    """The document has no such element or place, or not exactly one. The message says which."""


class PreparedChanged(Exception):
    """The stored document is not the one whose digest was signed: prepare again."""


class PreparedXml(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be signed for one target; everything but the value follows from it again at any time."""

    target: XmlTarget
    signed_info: bytes  # canonical
    properties: bytes  # canonical SignedProperties
    digest: bytes  # SHA-256 of signed_info: the 32 bytes to be signed
    certificate: bytes  # DER, pinned: it is part of properties
    chain: tuple[bytes, ...]  # DER


class LongTerm(msgspec.Struct, frozen=True, kw_only=True):
    """What is added without being signed: a time stamp token, certificates and revocation answers, DER."""

    token: bytes | None = None
    certificates: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()


def parse(xml: bytes) -> etree._Element:
    """The root. Raises Unreadable: no document type, entities, comments, CDATA, instructions; UTF-8; of usual size."""
    if len(xml) > MAX_BYTES:
        raise Unreadable("Tệp XML quá lớn so với một học bạ, không kiểm tra được.")
    head = xml.find(b"?>") + 2 if xml.startswith(b"<?xml ") else 0
    if b"<!" in xml or b"<?" in xml[head:] or b"\0" in xml:
        raise Unreadable("Tệp XML có khai báo DOCTYPE, chú thích hoặc chỉ thị, học bạ số không được có.")
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("Tệp XML không đọc được (bị cắt cụt, bị sửa hoặc sai định dạng).") from error


def prepare(
    xml: bytes, target: XmlTarget, certificate_der: bytes, chain_der: Sequence[bytes], signed_at: datetime
) -> PreparedXml:
    """Work out the 32 bytes to be signed. `signed_at` is the signer's own time: a stored one, never a fresh one.

    Raises UnsuitableXml when the element or the place is missing, at another path, or not the only one of its Id.
    """
    root = parse(xml)
    empty_place(root, target)
    return describe(target, digest_of(covered(root, target)), certificate_der, chain_der, signed_at)


def describe(
    target: XmlTarget,
    content_digest: bytes,
    certificate_der: bytes,
    chain_der: Sequence[bytes],
    signed_at: datetime,
) -> PreparedXml:
    """The signed parts, written as canonicalisation would write them."""
    properties = _properties(target, certificate_der, signed_at)
    algorithm = _RSA_SHA256
    if isinstance(cms.public_key(certificate_der), ec.EllipticCurvePublicKey):
        algorithm = _ECDSA_SHA256
    signed_info = (
        f'<ds:SignedInfo xmlns:ds="{DS}">'
        f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{algorithm}"></ds:SignatureMethod>'
        + _reference(f'Id="{target.signature_id}-ref" URI="#{target.id}"', content_digest)
        + _reference(
            f'Type="http://uri.etsi.org/01903#SignedProperties" URI="#{target.signature_id}-sp"',
            hashlib.sha256(properties).digest(),
        )
        + "</ds:SignedInfo>"
    ).encode()
    return PreparedXml(
        target=target,
        signed_info=signed_info,
        properties=properties,
        digest=hashlib.sha256(signed_info).digest(),
        certificate=certificate_der,
        chain=tuple(chain_der),
    )


def _reference(attributes: str, digest: bytes) -> str:
    return (
        f"<ds:Reference {attributes}><ds:Transforms>"
        f'<ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{_SHA256}"></ds:DigestMethod>'
        f"<ds:DigestValue>{_base64(digest)}</ds:DigestValue></ds:Reference>"
    )


def _properties(target: XmlTarget, certificate_der: bytes, signed_at: datetime) -> bytes:
    """SignedProperties with time, certificate and format of what is signed (EN 319 132-1, 5.2.1, 5.2.2, 5.2.4)."""
    issuer, serial = cms.issuer_and_serial(certificate_der)
    issuer_serial = der.sequence(der.sequence(der.tlv(0xA4, issuer)), serial)
    moment = signed_at.astimezone(VIETNAM).isoformat(timespec="seconds")
    return (
        f'<xades:SignedProperties xmlns:xades="{XADES}" Id="{target.signature_id}-sp">'
        f"<xades:SignedSignatureProperties><xades:SigningTime>{moment}</xades:SigningTime>"
        f"<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>"
        f'<ds:DigestMethod xmlns:ds="{DS}" Algorithm="{_SHA256}"></ds:DigestMethod>'
        f'<ds:DigestValue xmlns:ds="{DS}">{_base64(hashlib.sha256(certificate_der).digest())}</ds:DigestValue>'
        f"</xades:CertDigest><xades:IssuerSerialV2>{_base64(issuer_serial)}</xades:IssuerSerialV2>"
        f"</xades:Cert></xades:SigningCertificateV2></xades:SignedSignatureProperties>"
        f"<xades:SignedDataObjectProperties>"
        f'<xades:DataObjectFormat ObjectReference="#{target.signature_id}-ref">'
        f"<xades:MimeType>text/xml</xades:MimeType></xades:DataObjectFormat>"
        f"</xades:SignedDataObjectProperties></xades:SignedProperties>"
    ).encode()


def signature_value(target: XmlTarget, certificate_der: bytes, value: bytes) -> bytes:
    """The canonical SignatureValue element: what a time stamp is over (EN 319 132-1, 5.3)."""
    return (
        f'<ds:SignatureValue xmlns:ds="{DS}" Id="{target.signature_id}-gt">'
        f"{_base64(_xml_value(certificate_der, value))}</ds:SignatureValue>"
    ).encode()


def _xml_value(certificate_der: bytes, value: bytes) -> bytes:
    """RSA values stay as they are; ECDSA is r and s in full length, where CMS has DER (XML Signature, 6.4.3)."""
    key = cms.public_key(certificate_der)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return value
    size = (key.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(value))


def signature(prepared: PreparedXml, value: bytes, added: LongTerm) -> bytes:
    """The ds:Signature element; repeating it gives the same bytes.

    Raises SignatureValueRefused when the value is not of the pinned certificate.
    """
    target, certificate = prepared.target, prepared.certificate
    cms.check_value(prepared.signed_info, certificate, value)
    certificates = "".join(
        f"<ds:X509Certificate>{_base64(item)}</ds:X509Certificate>"
        for item in dict.fromkeys((certificate, *prepared.chain))
    )
    return (
        f'<ds:Signature xmlns:ds="{DS}" Id="{target.signature_id}">'.encode()
        + prepared.signed_info
        + signature_value(target, certificate, value)
        + f"<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo><ds:Object>"
        f'<xades:QualifyingProperties xmlns:xades="{XADES}" Target="#{target.signature_id}">'.encode()
        + prepared.properties
        + _unsigned(added).encode()
        + b"</xades:QualifyingProperties></ds:Object></ds:Signature>"
    )


def _unsigned(added: LongTerm) -> str:
    """Time stamp (B-T), certificates and revocation answers (B-LT); EN 319 132-1, 5.3, 5.4."""
    stamp = (
        f'<xades:SignatureTimeStamp><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        f"<xades:EncapsulatedTimeStamp>{_base64(added.token)}</xades:EncapsulatedTimeStamp>"
        f"</xades:SignatureTimeStamp>"
        if added.token
        else ""
    )
    said = stamp + _values(added)
    inner = f"<xades:UnsignedSignatureProperties>{said}</xades:UnsignedSignatureProperties>"
    return f"<xades:UnsignedProperties>{inner}</xades:UnsignedProperties>" if said else ""


def _values(added: LongTerm) -> str:
    certificates = _listed("CertificateValues", "EncapsulatedX509Certificate", added.certificates)
    lists = _listed("CRLValues", "EncapsulatedCRLValue", added.crls)
    answers = _listed("OCSPValues", "EncapsulatedOCSPValue", added.ocsps)
    revocation = f"<xades:RevocationValues>{lists}{answers}</xades:RevocationValues>"
    return certificates + (revocation if lists or answers else "")


def with_values(
    signature: bytes, certificates: Sequence[bytes], ocsps: Sequence[bytes], crls: Sequence[bytes]
) -> bytes:
    """A signature with a time stamp gets what proves it later: B-T becomes B-LT. Nobody signs what is added."""
    end = b"</xades:UnsignedSignatureProperties>"
    if signature.count(end) != 1:
        raise UnsuitableXml("a signature without a time stamp is not made to last")
    added = _values(LongTerm(certificates=tuple(certificates), ocsps=tuple(ocsps), crls=tuple(crls)))
    return signature.replace(end, added.encode() + end)


def unsigned(xml: bytes) -> bytes:
    """The document as it was before anybody signed it, byte by byte; what is no signature in its place stays."""
    return _FILLED.sub(rb"<\1\2/>", xml)


def _listed(holder: str, tag: str, values: Sequence[bytes]) -> str:
    inner = "".join(f"<xades:{tag}>{_base64(value)}</xades:{tag}>" for value in values)
    return f"<xades:{holder}>{inner}</xades:{holder}>" if values else ""


def embed(xml: bytes, signatures: Iterable[tuple[XmlTarget, bytes]]) -> bytes:
    """The unsigned document with these signatures in their places, in whatever order they are given.

    Raises UnsuitableXml when a place is missing or taken.
    """
    root = parse(xml)
    places = [(empty_place(root, target), part) for target, part in signatures]
    elements = list(root.iter())
    tags = [found for found in _TAG.finditer(xml) if not found[1]]
    if [found[2].decode() for found in tags] != [element.tag for element in elements]:
        raise UnsuitableXml("the tags of the document are not written as we write them")
    found = {elements.index(place): part for place, part in places}
    if len(found) < len(places) or not all(tags[position][3] for position in found):
        raise UnsuitableXml("a place is taken")
    pieces, end = [], 0
    for position, part in sorted(found.items()):
        tag = tags[position]
        opening = xml[tag.start() : tag.start(3)].rstrip() + b">"
        pieces += [xml[end : tag.start()], opening, part, b"</" + tag[2] + b">"]
        end = tag.end()
    return b"".join((*pieces, xml[end:]))


def covered(root: etree._Element, target: XmlTarget) -> etree._Element:
    """The element that a target refers to: at its path, and the only one of its Id. Raises UnsuitableXml.

    A reader that takes whichever element has the Id can be shown a forged one at the path that everybody reads.
    """
    if not all(map(_NAME.fullmatch, (target.id, target.name))):
        raise UnsuitableXml(f"{target.id!r} and {target.name!r} must be names")
    same = _WITH_VALUE(root, value=target.id)
    named = [one.getparent() for one in same if one.attrname.lower() in _ID_NAMES]
    there = root.findall(target.path)
    if len(named) != 1 or there != named or named[0].get("Id") != target.id:
        raise UnsuitableXml(f"there is no single element {target.id} at {target.path}")
    return named[0]


def place_of(root: etree._Element, target: XmlTarget) -> etree._Element:
    """The place of a target's signature, outside of what it refers to. Raises UnsuitableXml."""
    content = covered(root, target)
    there = root.findall(target.place)
    if len(there) != 1 or content in (there[0], *there[0].iterancestors()):
        raise UnsuitableXml(f"there is no single place {target.place} outside of {target.id}")
    return there[0]


def empty_place(root: etree._Element, target: XmlTarget) -> etree._Element:
    """`place_of` that nobody has signed in. Raises UnsuitableXml."""
    place = place_of(root, target)
    if len(place) or (place.text or "").strip():
        raise UnsuitableXml(f"the place {target.place} is taken")
    return place


def digest_of(element: etree._Element) -> bytes:
    """SHA-256 of an element in exclusive canonical form."""
    return hashlib.sha256(canonical(element)).digest()


def canonical(element: etree._Element) -> bytes:
    """Exclusive Canonical XML 1.0, without comments."""
    written: bytes = etree.tostring(
        element, method="c14n", exclusive=True, with_comments=False, with_tail=False
    )
    return written


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
