"""CMS SignedData (RFC 5652) as CAdES and PAdES use it: built and read byte by byte, deterministic.

One signer, SHA-256, RSA PKCS#1 v1.5 or ECDSA. Signed attributes are content-type, message-digest and
signing-certificate-v2 (RFC 5035); there is no signing-time, as ETSI EN 319 142-1 section 6.3 wants for PAdES.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from backend.remote_signing.formats import der
from backend.remote_signing.formats.der import MalformedDer

_DATA = der.oid("1.2.840.113549.1.7.1")
_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
_CONTENT_TYPE = der.oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE = der.oid("1.2.840.113549.1.9.16.2.12")
_SIGNING_CERTIFICATE_V2 = der.oid("1.2.840.113549.1.9.16.2.47")
_TIMESTAMP_TOKEN = der.oid("1.2.840.113549.1.9.16.2.14")
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
#: Digests that a foreign SignedData (a time stamp token) may be made with; ours are SHA-256.
DIGESTS: dict[bytes, hashes.HashAlgorithm] = {
    der.oid("2.16.840.1.101.3.4.2.1"): hashes.SHA256(),
    der.oid("2.16.840.1.101.3.4.2.2"): hashes.SHA384(),
    der.oid("2.16.840.1.101.3.4.2.3"): hashes.SHA512(),
}
_SHA256_WITH_RSA = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.tlv(der.NULL))
_SHA256_WITH_ECDSA = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_ONE = der.tlv(der.INTEGER, b"\x01")
_THREE = der.tlv(der.INTEGER, b"\x03")
#: What may be said of how a value was made, by its digest: the digest's own way with RSA or ECDSA, or RSA alone.
_RSA, _NULL = der.oid("1.2.840.113549.1.1.1"), der.tlv(der.NULL)
_WITH_RSA = {"sha256": 11, "sha384": 12, "sha512": 13}
_WITH_ECDSA = {"sha256": 2, "sha384": 3, "sha512": 4}

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class SignatureValueRefused(Exception):
    """The value that came back is not a signature of these attributes by the pinned certificate."""


class SignedParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a check needs of one SignedData; all fields are slices of the input."""

    whole: bytes  # the ContentInfo
    content_type: bytes  # OBJECT IDENTIFIER, encoded
    content: bytes | None  # encapsulated bytes, or None when detached
    certificates: tuple[bytes, ...]
    signer: bytes  # the certificate that the signer identifier names
    signed_attributes: bytes  # as SET, the form that is hashed
    digest_algorithm: hashes.HashAlgorithm
    message_digest: bytes
    certificate_hash: bytes | None  # SHA-256 in signing-certificate-v2
    names_signer: bool  # signing-certificate(-v2) is there and names `signer`
    value: bytes
    tokens: tuple[bytes, ...]  # RFC 3161 tokens over `value`

    @property
    def is_as_built(self) -> bool:
        """Whether `build` would have written it, to the byte: nothing in it is of anybody's choice."""
        chain = [one for one in self.certificates if one != self.signer]
        token = self.tokens[0] if self.tokens else None
        return (
            self.signed_attributes == signed_attributes(self.message_digest, self.signer)
            and build(self.signed_attributes, self.value, self.signer, chain, token) == self.whole
        )


@lru_cache(maxsize=512)
def public_key(certificate_der: bytes) -> PublicKey:
    """The RSA or EC key of a certificate. Raises SignatureValueRefused for anything else."""
    try:
        key = x509.load_der_x509_certificate(certificate_der).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureValueRefused("the certificate cannot be read") from error
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise SignatureValueRefused("the certificate holds neither an RSA nor an EC key")
    return key


@lru_cache(maxsize=512)
def issuer_and_serial(certificate_der: bytes) -> tuple[bytes, bytes]:
    """Issuer name and serial number of a certificate, as the encoded slices. Raises MalformedDer."""
    certificate = der.children(certificate_der, der.read(certificate_der), der.SEQUENCE)
    fields = der.children(certificate_der, certificate[0], der.SEQUENCE)
    if fields and fields[0].tag == 0xA0:
        fields = fields[1:]
    if len(fields) < 3:
        raise MalformedDer("not a certificate")
    return der.encoded(certificate_der, fields[2]), der.encoded(certificate_der, fields[0])


def signed_attributes(document_digest: bytes, certificate_der: bytes) -> bytes:
    """The DER that gets hashed and signed: the same for the same digest and certificate, at any time."""
    issuer, serial = issuer_and_serial(certificate_der)
    general_names = der.sequence(der.tlv(0xA4, issuer))
    certificate_id = der.sequence(
        der.tlv(der.OCTET_STRING, hashlib.sha256(certificate_der).digest()),
        der.sequence(general_names, serial),
    )
    return der.set_of(
        [
            _attribute(_CONTENT_TYPE, _DATA),
            _attribute(_MESSAGE_DIGEST, der.tlv(der.OCTET_STRING, document_digest)),
            _attribute(_SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(certificate_id))),
        ]
    )


def _attribute(kind: bytes, value: bytes) -> bytes:
    return der.sequence(kind, der.tlv(der.SET, value))


def check_value(
    signed: bytes,
    certificate_der: bytes,
    value: bytes,
    algorithm: hashes.HashAlgorithm = DIGESTS[_SHA256[2:]],
) -> None:
    """Raise SignatureValueRefused unless `value` is the certificate's signature over `signed` (SHA-256).

    RSA values are PKCS#1 v1.5, as long as the modulus; ECDSA values are DER Ecdsa-Sig-Value.
    """
    key = public_key(certificate_der)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed, padding.PKCS1v15(), algorithm)
        else:
            key.verify(value, signed, ec.ECDSA(algorithm))
    except (InvalidSignature, ValueError) as error:
        raise SignatureValueRefused(
            "the value was not made by the pinned certificate over these attributes"
        ) from error


def build(
    signed: bytes, value: bytes, certificate_der: bytes, chain: Sequence[bytes], token: bytes | None
) -> bytes:
    """ContentInfo with one SignerInfo; `token` becomes the signature-time-stamp attribute (PAdES B-T)."""
    is_rsa = isinstance(public_key(certificate_der), rsa.RSAPublicKey)
    unsigned = [der.set_of([_attribute(_TIMESTAMP_TOKEN, token)], tag=0xA1)] if token else []
    signer_info = der.sequence(
        _ONE,
        der.sequence(*issuer_and_serial(certificate_der)),
        _SHA256,
        b"\xa0" + signed[1:],
        _SHA256_WITH_RSA if is_rsa else _SHA256_WITH_ECDSA,
        der.tlv(der.OCTET_STRING, value),
        *unsigned,
    )
    signed_data = der.sequence(
        _ONE,
        der.tlv(der.SET, _SHA256),
        der.sequence(_DATA),
        der.set_of(list({certificate_der, *chain}), tag=0xA0),
        der.tlv(der.SET, signer_info),
    )
    return der.sequence(_SIGNED_DATA, der.tlv(0xA0, signed_data))


def read(contents: bytes) -> SignedParts:
    """Take one SignedData apart; zero padding after it is allowed. Raises MalformedDer."""
    whole = der.read(contents)
    if any(contents[whole.end :]):
        raise MalformedDer("the padding is not zero")
    outer = der.children(contents, whole, der.SEQUENCE)
    if len(outer) != 2 or der.encoded(contents, outer[0]) != _SIGNED_DATA:
        raise MalformedDer("not SignedData")
    fields = der.children(contents, der.read(contents, outer[1].content, outer[1].end), der.SEQUENCE)
    infos = der.children(contents, fields[-1], der.SET)
    if len(fields) < 4 or len(infos) != 1:
        raise MalformedDer("exactly one signer is expected")
    _check_version(contents, fields[0])
    holders = [field for field in fields if field.tag == 0xA0]
    certificates = tuple(der.encoded(contents, c) for h in holders for c in der.children(contents, h))
    encapsulated = der.children(contents, fields[2], der.SEQUENCE)
    digests = [_digest_algorithm(contents, one).name for one in der.children(contents, fields[1], der.SET)]
    parts = _signer_parts(contents[: whole.end], infos[0], certificates, encapsulated)
    if parts.digest_algorithm.name not in digests:
        raise MalformedDer("the digest of the signer is not among those of the whole")
    return parts


def _check_version(contents: bytes, version: der.Element) -> None:
    if der.encoded(contents, version) not in (_ONE, _THREE):
        raise MalformedDer("a version that is none")


def _signer_parts(
    contents: bytes, info: der.Element, certificates: tuple[bytes, ...], encapsulated: list[der.Element]
) -> SignedParts:
    fields = der.children(contents, info, der.SEQUENCE)
    if len(fields) < 6 or fields[3].tag != 0xA0 or not encapsulated:
        raise MalformedDer("a signer with signed attributes is expected")
    _check_version(contents, fields[0])
    attributes = _attributes(contents, fields[3])
    unsigned = _attributes(contents, fields[6]) if len(fields) > 6 and fields[6].tag == 0xA1 else {}
    digests, content_type = attributes.get(_MESSAGE_DIGEST, []), der.encoded(contents, encapsulated[0])
    if len(digests) != 1 or attributes.get(_CONTENT_TYPE) != [content_type]:
        raise MalformedDer("exactly one message digest and one type of content are expected")
    inner = der.read(contents, encapsulated[1].content) if len(encapsulated) > 1 else None
    signer = _named(certificates, contents[fields[1].content : fields[1].end])
    algorithm = _digest_algorithm(contents, fields[2])
    try:
        fits = der.encoded(contents, fields[4]) in _value_algorithms(signer, algorithm)
    except SignatureValueRefused as error:
        raise MalformedDer("a key that is neither RSA nor EC") from error
    if not fits:
        raise MalformedDer("the value is made in a way that the key or the digest does not fit")
    return SignedParts(
        whole=contents,
        content_type=content_type,
        content=der.content(contents, inner, der.OCTET_STRING) if inner else None,
        certificates=certificates,
        signer=signer,
        signed_attributes=b"\x31" + der.encoded(contents, fields[3])[1:],
        digest_algorithm=algorithm,
        message_digest=der.content(digests[0], der.read(digests[0]), der.OCTET_STRING),
        certificate_hash=_certificate_hash(attributes.get(_SIGNING_CERTIFICATE_V2, [])),
        names_signer=_names(signer, attributes),
        value=der.content(contents, fields[5], der.OCTET_STRING),
        tokens=tuple(unsigned.get(_TIMESTAMP_TOKEN, [])),
    )


def _value_algorithms(certificate_der: bytes, digest: hashes.HashAlgorithm) -> tuple[bytes, ...]:
    """How the field may be written that says how the value was made; without parameters, too (RFC 3370, 3.2; 5754)."""
    if not isinstance(public_key(certificate_der), rsa.RSAPublicKey):
        return (der.sequence(der.oid(f"1.2.840.10045.4.3.{_WITH_ECDSA[digest.name]}")),)
    with_digest = der.oid(f"1.2.840.113549.1.1.{_WITH_RSA[digest.name]}")
    return tuple(der.sequence(one, *null) for one in (_RSA, with_digest) for null in ((_NULL,), ()))


def _digest_algorithm(contents: bytes, identifier: der.Element) -> hashes.HashAlgorithm:
    name, *parameters = (
        der.encoded(contents, one) for one in der.children(contents, identifier, der.SEQUENCE)
    )
    algorithm = DIGESTS.get(name)
    if algorithm is None or parameters not in ([], [_NULL]):
        raise MalformedDer("the digest algorithm is not of the SHA-2 family")
    return algorithm


def _attributes(contents: bytes, holder: der.Element) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for attribute in der.children(contents, holder):
        kind, values = der.children(contents, attribute, der.SEQUENCE)
        name = der.encoded(contents, kind)
        if name in found:
            raise MalformedDer("an attribute stands twice")
        found[name] = [der.encoded(contents, value) for value in der.children(contents, values, der.SET)]
    return found


def _named(certificates: tuple[bytes, ...], issuer_serial: bytes) -> bytes:
    for certificate in certificates:
        if b"".join(issuer_and_serial(certificate)) == issuer_serial:
            return certificate
    raise MalformedDer("the signer's certificate is not in the signature")


def _names(signer: bytes, attributes: dict[bytes, list[bytes]]) -> bool:
    """Whether the first ESSCertIDv2, or ESSCertID where there is none (RFC 5035), is that of the signer."""
    newer, older = attributes.get(_SIGNING_CERTIFICATE_V2, []), attributes.get(_SIGNING_CERTIFICATE, [])
    [value] = newer or older or [b""]
    if not value:
        return False
    named = der.children(value, der.children(value, der.read(value), der.SEQUENCE)[0], der.SEQUENCE)[0]
    fields = der.children(value, named, der.SEQUENCE)
    algorithm = "sha256" if newer else "sha1"
    if newer and fields[0].tag == der.SEQUENCE:
        algorithm = _digest_algorithm(value, fields[0]).name
        fields = fields[1:]
    return der.content(value, fields[0], der.OCTET_STRING) == hashlib.new(algorithm, signer).digest()


def _certificate_hash(values: list[bytes]) -> bytes | None:
    """certHash of the first ESSCertIDv2; None when absent or made with another hash than SHA-256."""
    if len(values) != 1:
        return None
    certificate_ids = der.children(values[0], der.children(values[0], der.read(values[0]), der.SEQUENCE)[0])
    first = der.children(values[0], certificate_ids[0], der.SEQUENCE)
    if first[0].tag == der.SEQUENCE and _SHA256[2:] in der.encoded(values[0], first[0]):
        first = first[1:]
    return der.content(values[0], first[0], der.OCTET_STRING) if first[0].tag == der.OCTET_STRING else None
