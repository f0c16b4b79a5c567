"""What stands in a certificate, for lists and warnings. Nothing here says whether it is to be believed."""

from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Holder (common name, or the whole name without one), serial number (hexadecimal), first and last moment."""

    subject_name: str
    serial: str
    not_before: datetime
    not_after: datetime


def read(der: bytes) -> CertificateFacts:
    """The facts of a certificate (DER). Raises ValueError for what is none."""
    certificate = x509.load_der_x509_certificate(der)
    return CertificateFacts(
        subject_name=_common_name(certificate),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()
