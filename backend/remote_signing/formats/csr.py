"""Certificate signing requests (PKCS#10, RFC 2986) whose key is elsewhere: what is to be signed, then the request."""

from collections.abc import Callable

from asn1crypto import algos, csr, keys, pem, x509
from cryptography.hazmat.primitives import serialization

from backend.remote_signing.formats.schemas import CertificateSubject


def public_key_info(public_key: bytes) -> bytes:
    """SubjectPublicKeyInfo of a public key (DER), also of one in the form of PKCS#1. Raises ValueError."""
    key = serialization.load_der_public_key(public_key)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, form)


def build(subject: CertificateSubject, public_key: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The request as PEM. `sign` makes the signature of the key over bytes (SHA-256). Raises ValueError."""
    info = keys.PublicKeyInfo.load(public_key_info(public_key))
    content = csr.CertificationRequestInfo(
        {"version": "v1", "subject": _name(subject), "subject_pk_info": info, "attributes": []}
    )
    algorithm = "sha256_rsa" if info.algorithm == "rsa" else "sha256_ecdsa"
    request = csr.CertificationRequest(
        {
            "certification_request_info": content,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": algorithm}),
            "signature": sign(content.dump()),
        }
    )
    return bytes(pem.armor("CERTIFICATE REQUEST", request.dump()))


def _name(subject: CertificateSubject) -> x509.Name:
    """As Vietnamese authorities write an organisation: its name twice, its tax code in the attribute UID."""
    return x509.Name.build(
        {
            "country_name": "VN",
            "organization_name": subject.name,
            "common_name": subject.name,
            "user_id": f"MST:{subject.tax_code}",
        }
    )
