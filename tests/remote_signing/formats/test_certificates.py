"""What a certificate says of itself: whether it is for signing documents, and whether its key is long enough."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from backend.remote_signing.formats import certificates, paths
from backend.remote_signing.formats.trust import TrustStore

NOW = datetime(2026, 5, 30, 8, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
USAGE = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def made(
    *extensions: x509.ExtensionType, key: Key = KEY, by: Key = KEY, name: str = "Nguyễn Thị Hoa"
) -> bytes:
    """A certificate with these extensions, issued by "CA" with the key `by`."""
    subject = [
        (NameOID.COMMON_NAME, name),
        (NameOID.USER_ID, "CCCD:001"),
        (NameOID.USER_ID, "MST:0100000000"),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in subject]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")]))
        .public_key(key.public_key())
        .serial_number(255)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def usage(*names: str) -> x509.KeyUsage:
    """A key usage with these bits."""
    return x509.KeyUsage(**USAGE | dict.fromkeys(names, True))


def test_who_holds_it_and_who_issued_it() -> None:
    facts = certificates.read(made(usage("digital_signature")))
    assert (facts.subject_name, facts.issuer_name, facts.tax_codes) == (
        "Nguyễn Thị Hoa",
        "CA",
        ("0100000000",),
    )
    assert (facts.serial, facts.not_after) == ("ff", NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("extensions", "signs"),
    [
        ([], False),
        ([usage("digital_signature")], True),
        ([usage("content_commitment")], True),
        ([usage("key_encipherment")], False),
        ([usage("digital_signature"), x509.BasicConstraints(ca=True, path_length=None)], False),
        ([usage("digital_signature"), x509.BasicConstraints(ca=False, path_length=None)], True),
        ([usage("digital_signature"), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])], True),
        ([usage("digital_signature"), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])], False),
        ([usage("digital_signature"), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])], False),
    ],
)
def test_what_it_is_for(extensions: list[x509.ExtensionType], signs: bool) -> None:
    assert certificates.read(made(*extensions)).signs is signs


def test_short_keys_are_weak() -> None:
    short = rsa.generate_private_key(65537, 1024)
    assert not certificates.read(made(key=short)).is_strong
    assert not certificates.read(made(key=ec.generate_private_key(ec.SECP192R1()))).is_strong
    assert certificates.read(made()).is_strong


async def test_only_what_an_anchor_has_issued_is_anchored(tmp_path: Path) -> None:
    """A certificate that only bears the name of the authority leads nowhere, and one that has ended neither."""
    root = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")]))
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(NOW + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(KEY, hashes.SHA256())
    )
    (tmp_path / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    trust = TrustStore.from_folder(tmp_path)
    genuine, forged = made(usage("digital_signature")), made(by=ec.generate_private_key(ec.SECP256R1()))
    assert await paths.is_anchored(trust, genuine, (), NOW)
    assert not await paths.is_anchored(trust, forged, (), NOW)
    assert not await paths.is_anchored(trust, genuine, (), NOW + timedelta(days=2))
    assert not await paths.is_anchored(TrustStore([]), genuine, (), NOW)
