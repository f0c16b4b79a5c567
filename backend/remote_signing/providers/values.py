"""A returned value counts only if it verifies under the certificate pinned at prepare (infra/decisions/0007)."""

from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.remote_signing.providers.port import LoginRefused, UntrustedAnswer

RSA_OID, EC_OID = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"

_MESSAGE = (
    "Giá trị chữ ký nhận về không khớp với tài liệu và chứng thư số đã chọn; lô ký đã bị cách ly,"
    " không tài liệu nào được ghép chữ ký. Người quản trị cần kiểm tra với nhà cung cấp."
)
_NO_KEY = "Khóa riêng của đơn vị kết nối không đọc được; người quản trị cần nhập lại khóa RSA dạng PEM."
_SHA256 = Prehashed(hashes.SHA256())


def require_genuine(certificate: bytes, digests: Sequence[bytes], values: Sequence[bytes]) -> None:
    """As many values as digests (SHA-256), in their order, each made by the key of `certificate` (DER).

    Raises `UntrustedAnswer` naming the first position that does not hold.
    """
    if len(values) != len(digests):
        raise UntrustedAnswer(_MESSAGE, f"{len(values)} values for {len(digests)} hashes")
    key = x509.load_der_x509_certificate(certificate).public_key()
    for position, (digest, value) in enumerate(zip(digests, values, strict=True)):
        if not _verifies(key, digest, value):
            raise UntrustedAnswer(_MESSAGE, f"value {position} does not verify")


def key_facts(certificate: bytes) -> tuple[tuple[str, ...], int]:
    """The kind of key in a certificate (DER), as an OID, and its bits; nothing for a kind that signs no documents."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    match key:
        case rsa.RSAPublicKey():
            return (RSA_OID,), key.key_size
        case ec.EllipticCurvePublicKey():
            return (EC_OID,), key.curve.key_size
        case _:
            return (), 0


def certificates_in(pem: bytes) -> list[bytes]:
    """Certificates (DER) of a PEM file, in their order; at least one. Raises ValueError."""
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem)]


def public_key_of(certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo (DER) of a certificate (DER)."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_key_info(public_key: bytes) -> bytes:
    """SubjectPublicKeyInfo of a public key (DER), also of one in the form of PKCS#1. Raises ValueError."""
    key = serialization.load_der_public_key(public_key)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def matched(
    certificate: bytes, digests: Mapping[str, bytes], found: Sequence[tuple[str, bytes]]
) -> tuple[bytes, ...]:
    """Values that came back under names of documents, in the order of `digests`.

    Raises `UntrustedAnswer` unless each name came exactly once, with a value of the key of `certificate`.
    """
    values = dict(found)
    if len(found) != len(digests) or values.keys() != digests.keys():
        raise UntrustedAnswer(_MESSAGE, f"{len(found)} values, not one for each of {len(digests)} documents")
    ordered = tuple(values[name] for name in digests)
    require_genuine(certificate, tuple(digests.values()), ordered)
    return ordered


def leaf_first(certificates: Sequence[bytes]) -> list[bytes]:
    """Certificates (DER) of one chain from its holder's to the root's, however the service ordered them."""
    left = {der: x509.load_der_x509_certificate(der) for der in certificates}
    ordered: list[bytes] = []
    while left:
        issuers = {one.issuer for one in left.values() if one.issuer != one.subject}
        lowest = next((der for der, one in left.items() if one.subject not in issuers), next(iter(left)))
        ordered.append(lowest)
        del left[lowest]
    return ordered


def sign_text(key: str, text: str) -> bytes:
    """RSA PKCS#1 v1.5 with SHA-256 over a text, by a private key of our own (PEM): how we sign in at some services.

    Raises `LoginRefused` for what is no such key.
    """
    try:
        private = serialization.load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError) as error:
        raise LoginRefused(_NO_KEY, "rp_key cannot be read") from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise LoginRefused(_NO_KEY, "rp_key is no RSA key")
    return private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())


def _verifies(key: object, digest: bytes, value: bytes) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, digest, padding.PKCS1v15(), _SHA256)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(value, digest, ec.ECDSA(_SHA256))
        else:
            return False
    except InvalidSignature:
        return False
    return True
