"""Certificates for keys that are elsewhere: the request (PKCS#10, RFC 2986), and whether what comes back is theirs."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from asn1crypto import algos, csr, keys, pem, x509
from cryptography import x509 as certificates
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

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


def is_signed_by(public_key: bytes, content: bytes, value: bytes) -> bool:
    """Whether a value is that key's (DER) over the content (SHA-256). Raises ValueError for what is no key."""
    key = serialization.load_der_public_key(public_key)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, content, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(value, content, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def chain_in(pem_bytes: bytes) -> list[bytes]:
    """Certificates (DER) of a PEM file. Raises ValueError unless each was issued by the next."""
    found = certificates.load_pem_x509_certificates(pem_bytes)
    try:
        for one, issuer in pairwise(found):
            one.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError) as error:
        raise ValueError("a certificate was not issued by the next one") from error
    return [one.public_bytes(serialization.Encoding.DER) for one in found]


def all_in(pem_bytes: bytes) -> list[bytes]:
    """Certificates (DER) of a PEM file, in any order. Raises ValueError."""
    found = certificates.load_pem_x509_certificates(pem_bytes)
    return [one.public_bytes(serialization.Encoding.DER) for one in found]


def in_file(content: bytes) -> list[bytes]:
    """Certificates (DER) of a file as authorities send it: PEM, DER or PKCS#7; at least one, of keys that can be read.

    Raises ValueError.
    """
    readers: tuple[Callable[[bytes], list[certificates.Certificate]], ...] = (
        certificates.load_pem_x509_certificates,
        pkcs7.load_pem_pkcs7_certificates,
        lambda der: [certificates.load_der_x509_certificate(der)],
        pkcs7.load_der_pkcs7_certificates,
    )
    for read in readers:
        try:
            found = read(content)
            for one in found:
                one.public_key()
        except (ValueError, UnsupportedAlgorithm):
            continue
        if found:
            return [one.public_bytes(serialization.Encoding.DER) for one in found]
    raise ValueError("no certificate in it")


def linked(certificate: bytes, others: Sequence[bytes]) -> list[bytes]:
    """A certificate and its issuers out of others (DER), nearest first, as far as they are there."""
    chain = [certificates.load_der_x509_certificate(certificate)]
    left = [certificates.load_der_x509_certificate(one) for one in others]
    while (issuer := next((one for one in left if _issued(chain[-1], one)), None)) is not None:
        chain.append(issuer)
        left.remove(issuer)
    return [one.public_bytes(serialization.Encoding.DER) for one in chain]


def _issued(certificate: certificates.Certificate, issuer: certificates.Certificate) -> bool:
    if certificate.issuer == certificate.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def key_in(certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo (DER) of a certificate. Raises ValueError."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key = certificates.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(serialization.Encoding.DER, form)


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
