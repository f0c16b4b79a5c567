"""The test certification authority: root → issuing CA → people, seals, OCSP responder, timestamp unit.

RSA-2048, SHA-256. Every issuer says SANDBOX in its name, so that nobody takes its certificates for real ones.
"""

import datetime as dt
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from infra.simulators.storage import keep_first

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

ORGANISATION = "Hocba SANDBOX (không có giá trị pháp lý)"
#: A policy from the arc that NIST keeps for tests.
POLICY = x509.ObjectIdentifier("2.16.840.1.101.3.2.1.48.1")
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
_YEAR = dt.timedelta(days=365)
#: Certificates begin a day early: the clocks of a test may differ.
_EARLY = dt.timedelta(days=1)


class Holder(NamedTuple):
    """A key with its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)


class Authority:
    """All keys of the authority, made at the first start and kept in DIR/ca."""

    def __init__(self, directory: Path, base_url: str) -> None:
        """`base_url` goes into new certificates as the address of OCSP, CRL and issuer."""
        self._directory = directory / "ca"
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._base_url = base_url
        self.root = self._load("root") or self._make_root()
        self.issuing = self._load("issuing") or self._make_issuing()
        self.root_ocsp = self._load("root-ocsp") or self._make_ocsp("root-ocsp", self.root, "root")
        self.issuing_ocsp = self._load("issuing-ocsp") or self._make_ocsp(
            "issuing-ocsp", self.issuing, "issuing"
        )
        self.tsa = self._load("tsa") or self._make_tsa()
        trust = directory / "trust"
        trust.mkdir(exist_ok=True)
        (trust / "sandbox-root.pem").write_bytes(
            self.root.certificate.public_bytes(serialization.Encoding.PEM)
        )

    def issue(self, subject: x509.Name, serial: int) -> Holder:
        """A new key and certificate for a person or a seal, for three years."""
        key = _new_key()
        return Holder(key, self.certify(subject, serial, key.public_key()))

    def certify(self, subject: x509.Name, serial: int, key: PublicKey) -> x509.Certificate:
        """A certificate for a person or a seal whose key is elsewhere, for three years."""
        builder = self._builder(subject, key, self.issuing, "issuing", 3 * _YEAR).serial_number(serial)
        builder = builder.add_extension(_key_usage(signing=True, commitment=True), critical=True)
        usages = x509.ExtendedKeyUsage([_DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION])
        return builder.add_extension(usages, critical=False).sign(self.issuing.key, hashes.SHA256())

    def chain(self) -> tuple[bytes, ...]:
        """Issuing CA and root, DER."""
        return self.issuing.der, self.root.der

    def crl(self, name: str, revoked: list[tuple[int, dt.datetime]]) -> bytes:
        """The revocation list of `issuing` or `root` as DER, for a day. `revoked`: serial and time."""
        issuer = self.root if name == "root" else self.issuing
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(now - dt.timedelta(minutes=1))
            .next_update(now + dt.timedelta(days=1))
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
            .add_extension(_authority_key(issuer), critical=False)
        )
        for serial, when in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _make_root(self) -> Holder:
        key = _new_key()
        name = _ca_name("Hocba SANDBOX Root CA")
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLY)
            .not_valid_after(now + 20 * _YEAR)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
        )
        return self._keep("root", Holder(key, builder.sign(key, hashes.SHA256())))

    def _make_issuing(self) -> Holder:
        key = _new_key()
        builder = self._builder(
            _ca_name("Hocba SANDBOX CA"), key.public_key(), self.root, "root", 10 * _YEAR, ca=True
        )
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.add_extension(_key_usage(ca=True), critical=True)
        return self._keep("issuing", Holder(key, builder.sign(self.root.key, hashes.SHA256())))

    def _make_ocsp(self, name: str, issuer: Holder, issuer_name: str) -> Holder:
        key = _new_key()
        subject = _ca_name(f"Hocba SANDBOX OCSP {issuer_name}")
        builder = self._builder(subject, key.public_key(), issuer, issuer_name, 5 * _YEAR)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.add_extension(_key_usage(signing=True), critical=True)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False
        )
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
        return self._keep(name, Holder(key, builder.sign(issuer.key, hashes.SHA256())))

    def _make_tsa(self) -> Holder:
        key = _new_key()
        builder = self._builder(
            _ca_name("Hocba SANDBOX TSA"), key.public_key(), self.issuing, "issuing", 5 * _YEAR
        )
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.add_extension(_key_usage(signing=True), critical=True)
        # RFC 3161 2.3: this usage alone, and critical.
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
        )
        return self._keep("tsa", Holder(key, builder.sign(self.issuing.key, hashes.SHA256())))

    def _builder(
        self, subject: x509.Name, key: PublicKey, issuer: Holder, issuer_name: str,
        life: dt.timedelta, *, ca: bool = False,
    ) -> x509.CertificateBuilder:  # fmt: skip
        now = dt.datetime.now(dt.UTC)
        end = min(now + life, issuer.certificate.not_valid_after_utc)
        access = [
            (AuthorityInformationAccessOID.OCSP, "/ocsp"),
            (AuthorityInformationAccessOID.CA_ISSUERS, f"/ca/{issuer_name}.cer"),
        ]
        points = [x509.DistributionPoint([self._url(f"/crl/{issuer_name}.crl")], None, None, None)]
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject)
            .public_key(key)
            .not_valid_before(now - _EARLY)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(_authority_key(issuer), critical=False)
            .add_extension(x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)]), critical=False)
            .add_extension(x509.CRLDistributionPoints(points), critical=False)
            .add_extension(
                x509.AuthorityInformationAccess(
                    [x509.AccessDescription(oid, self._url(path)) for oid, path in access]
                ),
                critical=False,
            )
        )

    def _url(self, path: str) -> x509.UniformResourceIdentifier:
        return x509.UniformResourceIdentifier(self._base_url + path)

    def _keep(self, name: str, holder: Holder) -> Holder:
        # One file, so that a kill can never leave a key with the certificate of another.
        return from_pem(keep_first(self._directory / f"{name}.pem", to_pem(holder)))

    def _load(self, name: str) -> Holder | None:
        path = self._directory / f"{name}.pem"
        return from_pem(path.read_bytes()) if path.exists() else None


def to_pem(holder: Holder) -> bytes:
    """Key (PKCS#8, in the clear: test keys only) and certificate."""
    key = holder.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key + holder.certificate.public_bytes(serialization.Encoding.PEM)


def from_pem(pem: bytes) -> Holder:
    """The reverse of `to_pem`."""
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Holder(key, x509.load_pem_x509_certificate(pem))


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _ca_name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _authority_key(issuer: Holder) -> x509.AuthorityKeyIdentifier:
    extension = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(extension.value)


def _key_usage(*, signing: bool = False, commitment: bool = False, ca: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signing, content_commitment=commitment, key_cert_sign=ca, crl_sign=ca,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
