"""What is signed at once with a key that is at hand, and what is closed for somebody else; no person is asked.

The same content under the same key gives the same bytes, so that a repeated message stays the same message. What is
closed for a recipient cannot: its key is drawn anew each time.
"""

import base64
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from backend.remote_signing.formats import xades
from backend.remote_signing.formats.schemas import Unreadable, XmlTarget

#: The document has no such element or place, or is none that can be signed.
Unsuitable = (xades.UnsuitableXml, Unreadable)
#: Bytes of one number of an ES256 value (RFC 7518, 3.4).
_P256 = 32


class BadKey(Exception):
    """The key or the certificate is none that can be used here; the text says why, in words for people."""


class Identity(msgspec.Struct, frozen=True):
    """A private key and its certificates, DER, its own first."""

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    certificates: tuple[bytes, ...]

    def __repr__(self) -> str:
        return "Identity(…)"


#: A key signs many messages, one after the other.
@lru_cache(maxsize=16)
def read_identity(pem: bytes) -> Identity:
    """A key (RSA or P-256, without a password) and its certificates in one file. Raises BadKey."""
    try:
        key = load_pem_private_key(pem, None)
        certificates = x509.load_pem_x509_certificates(pem)
    except (ValueError, TypeError) as error:
        raise BadKey("tệp khóa phải là PEM, có khóa riêng không đặt mật khẩu và chứng thư") from error
    if not isinstance(key, rsa.RSAPrivateKey) and not (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        raise BadKey("khóa phải là RSA hoặc P-256")
    if certificates[0].public_key() != key.public_key():
        raise BadKey("chứng thư đầu tiên không phải của khóa riêng đi cùng")
    return Identity(key, tuple(one.public_bytes(Encoding.DER) for one in certificates))


def sign_xml(xml: bytes, target: XmlTarget, identity: Identity, signed_at: datetime) -> bytes:
    """The document with an XAdES signature (B-B) in its place. Raises one of `Unsuitable`."""
    own, *chain = identity.certificates
    prepared = xades.prepare(xml, target, own, chain, signed_at)
    value = _signed(identity.key, prepared.signed_info)
    return xades.embed(xml, [(target, xades.signature(prepared, value, xades.LongTerm()))])


def require_place(xml: bytes, target: XmlTarget) -> None:
    """Raises one of `Unsuitable` where `sign_xml` would."""
    root = xades.parse(xml)
    xades.covered(root, target)
    xades.embed(xml, [(target, b"")])


def sign_jws(content: bytes, identity: Identity) -> bytes:
    """A compact JWS (RFC 7515) over the content, with the certificates in its header."""
    is_rsa = isinstance(identity.key, rsa.RSAPrivateKey)
    header = {
        "alg": "RS256" if is_rsa else "ES256",
        "x5c": [base64.b64encode(one).decode() for one in identity.certificates],
    }
    said = _url64(msgspec.json.encode(header)) + b"." + _url64(content)
    value = _signed(identity.key, said)
    if not is_rsa:
        value = b"".join(one.to_bytes(_P256, "big") for one in decode_dss_signature(value))
    return said + b"." + _url64(value)


class BadSignature(Exception):
    """What should be a JWS of somebody is none, or not theirs."""


def open_jws(content: bytes, certificate_pem: bytes) -> bytes:
    """What a compact JWS (RS256, ES256) holds that the holder of this certificate signed. Raises BadSignature.

    The header's own certificates are not looked at: who may sign is known beforehand.
    """
    try:
        said, _, signature = content.rpartition(b".")
        header, _, payload = said.partition(b".")
        algorithm = msgspec.json.decode(_opened64(header), type=dict[str, Any])["alg"]
        key, value = x509.load_pem_x509_certificate(certificate_pem).public_key(), _opened64(signature)
        if isinstance(key, rsa.RSAPublicKey) and algorithm == "RS256":
            key.verify(value, said, padding.PKCS1v15(), SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm == "ES256" and len(value) == 2 * _P256:
            halves = (int.from_bytes(value[:_P256]), int.from_bytes(value[_P256:]))
            key.verify(encode_dss_signature(*halves), said, ec.ECDSA(SHA256()))
        else:
            raise BadSignature("another algorithm")
        return _opened64(payload)
    except (ValueError, KeyError, TypeError, InvalidSignature, msgspec.MsgspecError) as error:
        raise BadSignature(type(error).__name__) from error


def _opened64(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def are_certificates(pem: bytes) -> bool:
    """Whether a file holds certificates."""
    try:
        return bool(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return False


def encrypt_for(certificate_pem: bytes, content: bytes) -> bytes:
    """CMS EnvelopedData (RFC 5652), DER, AES-256, that the holder of an RSA certificate can read. Raises BadKey."""
    try:
        recipient = x509.load_pem_x509_certificate(certificate_pem)
        builder = PKCS7EnvelopeBuilder().set_data(content).add_recipient(recipient)
    except (ValueError, TypeError) as error:
        raise BadKey("chứng thư người nhận phải là chứng thư RSA dạng PEM") from error
    aes = builder.set_content_encryption_algorithm(algorithms.AES256)
    return aes.encrypt(Encoding.DER, [PKCS7Options.Binary])


def _signed(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, content: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), SHA256())
    return key.sign(content, ec.ECDSA(SHA256(), deterministic_signing=True))


def _url64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
