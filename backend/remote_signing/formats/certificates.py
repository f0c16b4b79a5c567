"""What stands in a certificate, for lists, warnings and enrolment. Nothing here says whether it is to be believed."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from backend.remote_signing.formats.schemas import CertificateFacts

#: Smallest keys that may sign (Thông tư 15/2025/TT-BKHCN), in bits.
RSA_BITS, EC_BITS = 2048, 256
#: Purposes with which a person or an organisation signs documents; a certificate that names purposes has one of them.
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
_PURPOSES = frozenset(
    {
        _DOCUMENT_SIGNING,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    }
)


def read(der: bytes) -> CertificateFacts:
    """The facts of a certificate (DER). Raises ValueError for what is none."""
    certificate = x509.load_der_x509_certificate(der)
    ids = [str(part.value) for part in certificate.subject.get_attributes_for_oid(NameOID.USER_ID)]
    return CertificateFacts(
        subject_name=_common_name(certificate.subject),
        tax_codes=tuple(one.removeprefix("MST:") for one in ids if one.startswith("MST:")),
        issuer_name=_common_name(certificate.issuer),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=hashlib.sha256(der).hexdigest(),
        signs=_signs(certificate),
        is_strong=_is_strong(certificate),
    )


def is_strong(der: bytes) -> bool:
    """Whether the key is long enough to sign with. Raises ValueError for what is no certificate."""
    return _is_strong(x509.load_der_x509_certificate(der))


def _common_name(name: x509.Name) -> str:
    names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else name.rfc4514_string()


def _signs(certificate: x509.Certificate) -> bool:
    """RFC 5280, 4.2.1.3 and 4.2.1.12: the usage says signature or commitment, and no purpose speaks against it."""
    usage = purposes = constraints = None
    for extension in certificate.extensions:
        match extension.value:
            case x509.KeyUsage():
                usage = extension.value
            case x509.ExtendedKeyUsage():
                purposes = extension.value
            case x509.BasicConstraints():
                constraints = extension.value
    if usage is None or not (usage.digital_signature or usage.content_commitment):
        return False
    if constraints is not None and constraints.ca:
        return False
    return purposes is None or bool(_PURPOSES.intersection(purposes))


def _is_strong(certificate: x509.Certificate) -> bool:
    match certificate.public_key():
        case rsa.RSAPublicKey() as key:
            return key.key_size >= RSA_BITS
        case ec.EllipticCurvePublicKey() as key:
            return key.curve.key_size >= EC_BITS
        case _:
            return False
