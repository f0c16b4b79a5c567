"""A small public key infrastructure inside the test process: root, issuing CA, TSA, people.

Everything real (RSA-2048, X.509 v3, OCSP, CRL, RFC 3161), nothing on disk, nobody exists. Keys are made once
per run.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

START = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2035, 1, 1, tzinfo=UTC)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@lru_cache(maxsize=32)
def rsa_key(label: str) -> rsa.RSAPrivateKey:
    """An RSA-2048 key, the same for the same label within one run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def sign(self, data: bytes) -> bytes:
        """PKCS#1 v1.5 or ECDSA signature over SHA-256 of `data`, raw, as a remote service returns it."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))


def name(common_name: str, organisation: str | None) -> x509.Name:
    """C=VN, O=…, CN=…"""
    parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")]
    if organisation:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def issue(
    subject: x509.Name,
    key: Key,
    issuer: Identity | None,
    *,
    ca: bool = False,
    usage: x509.ObjectIdentifier | None = None,
    not_before: datetime = START,
    not_after: datetime = END,
    without_revocation: bool = False,
) -> Identity:
    """A certificate for `subject`, self-signed when there is no issuer."""
    signing_key = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_key_usage(ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False
        )
    )
    if issuer:
        builder = builder.add_extension(_ocsp_address(), critical=False).add_extension(
            _crl_address(), critical=False
        )
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    if without_revocation:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    return Identity(builder.sign(signing_key, hashes.SHA256()), key)


def _ocsp_address() -> x509.AuthorityInformationAccess:
    place = x509.UniformResourceIdentifier("http://ocsp.pki.invalid/")
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)]
    )


def _crl_address() -> x509.CRLDistributionPoints:
    place = x509.UniformResourceIdentifier("http://crl.pki.invalid/ca.crl")
    return x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)])


def _key_usage(ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass
class Pki:
    """Root → issuing CA → people, seal, TSA, OCSP signer. `revoked` maps a serial number to its time."""

    organisation: str = "HOA BAN THU NGHIEM"
    revoked: dict[int, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = issue(name("Test Root CA", self.organisation), rsa_key("root"), None, ca=True)
        self.issuing = issue(
            name("Test Issuing CA", self.organisation), rsa_key("issuing"), self.root, ca=True
        )
        self.tsa = issue(
            name("Test TSA", self.organisation),
            rsa_key("tsa"),
            self.issuing,
            usage=ExtendedKeyUsageOID.TIME_STAMPING,
        )
        self.responder = issue(
            name("Test OCSP", self.organisation),
            rsa_key("ocsp"),
            self.issuing,
            usage=ExtendedKeyUsageOID.OCSP_SIGNING,
            without_revocation=True,
        )

    def person(
        self, common_name: str, organisation: str | None = None, *, key: Key | None = None
    ) -> Identity:
        """A signer's certificate under the issuing CA."""
        return issue(name(common_name, organisation), key or rsa_key(common_name), self.issuing)

    def chain(self) -> list[bytes]:
        """Issuers of every end certificate, DER, nearest first."""
        return [self.issuing.der, self.root.der]

    def ocsp_response(self, identity: Identity, at: datetime) -> bytes:
        """A fresh OCSP response about `identity` under the issuing CA, DER."""
        revoked_at = self.revoked.get(identity.certificate.serial_number)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=identity.certificate,
                issuer=self.issuing.certificate,
                algorithm=hashes.SHA256(),
                cert_status=ocsp.OCSPCertStatus.REVOKED if revoked_at else ocsp.OCSPCertStatus.GOOD,
                this_update=at,
                next_update=at + timedelta(days=1),
                revocation_time=revoked_at,
                revocation_reason=x509.ReasonFlags.unspecified if revoked_at else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.responder.certificate)
            .certificates([self.responder.certificate])
        )
        response = builder.sign(rsa_key("ocsp"), hashes.SHA256())
        return response.public_bytes(serialization.Encoding.DER)

    def crl(self, issuer: Identity, at: datetime) -> bytes:
        """The revocation list of `issuer`, DER."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(at)
            .next_update(at + timedelta(days=7))
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
            )
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for serial, moment in self.revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def timestamp_response(self, request: bytes, at: datetime) -> bytes:
        """Answer an RFC 3161 request as a time stamping authority would, DER."""
        asked = tsp.TimeStampReq.load(request)
        info = {
            "version": "v1",
            "policy": "1.3.6.1.4.1.99999.1",
            "message_imprint": asked["message_imprint"],
            "serial_number": x509.random_serial_number(),
            "gen_time": at,
        }
        if asked["nonce"].native is not None:
            info["nonce"] = asked["nonce"]
        token = self._token(tsp.TSTInfo(info).dump())
        answer = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token})
        encoded: bytes = answer.dump()
        return encoded

    def _token(self, info: bytes) -> cms.ContentInfo:
        certificate = asn1_x509.Certificate.load(self.tsa.der)
        certificate_id = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(self.tsa.der).digest()})
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
                {
                    "type": "signing_certificate_v2",
                    "values": [tsp.SigningCertificateV2({"certs": [certificate_id]})],
                },
            ]
        )
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": {
                    "issuer_and_serial_number": {
                        "issuer": certificate.issuer,
                        "serial_number": certificate.serial_number,
                    }
                },
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "signed_attrs": attributes,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa"}),
                "signature": self.tsa.sign(attributes.dump()),
            }
        )
        signed_data = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
                "encap_content_info": {
                    "content_type": "tst_info",
                    "content": core.ParsableOctetString(info),
                },
                "certificates": [certificate, asn1_x509.Certificate.load(self.issuing.der)],
                "signer_infos": [signer],
            }
        )
        return cms.ContentInfo({"content_type": "signed_data", "content": signed_data})
