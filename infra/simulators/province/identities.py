"""Who is who where certificates count: one authority of the sandbox, whose key lies here and is no secret.

Its certificates stand beside the profiles: `sandbox.ca.pem`, and `sandbox.recipient.pem` to which messages are closed.
"""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from backend.integrations.profiles import catalog
from backend.remote_signing.formats import service as formats

AUTHORITY = catalog.FOLDER / "sandbox.ca.pem"
_KEY = Path(__file__).with_name("sandbox.key.pem")
_DAYS = timedelta(days=3650)


def key() -> rsa.RSAPrivateKey:
    """The key of the sandbox's authority, and of the certificate for which messages are encrypted."""
    found = load_pem_private_key(_KEY.read_bytes(), None)
    assert isinstance(found, rsa.RSAPrivateKey)
    return found


def recipient() -> formats.Identity:
    """Who reads what is encrypted, and signs answers where they are signed."""
    certificate = catalog.FOLDER / "sandbox.recipient.pem"
    return formats.read_identity(_KEY.read_bytes() + certificate.read_bytes())


def issue(name: str, host: str | None = None) -> bytes:
    """A new key with its certificates (PEM), for a server at `host` or for somebody who signs and calls."""
    own = ec.generate_private_key(ec.SECP256R1())
    authority = x509.load_pem_x509_certificate(AUTHORITY.read_bytes())
    now = datetime.now(UTC)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if host else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(now + _DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
    )
    if host:
        address = x509.IPAddress(ipaddress.ip_address(host))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    made = builder.sign(key(), SHA256())
    private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + made.public_bytes(Encoding.PEM)
