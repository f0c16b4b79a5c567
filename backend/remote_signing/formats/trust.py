"""Whom we believe: anchors from a folder, revocation answers as bytes, contexts for pyHanko. No network.

OCSP is RFC 6960, CRL is RFC 5280; callers fetch by `core/http_client` and hand the bytes in.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import Authority
from pyhanko_certvalidator.ltv.poe import POEManager
from pyhanko_certvalidator.registry import CertificateRegistry
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer
from pyhanko_certvalidator.revinfo.manager import RevinfoManager
from pyhanko_certvalidator.sig_validate import SignatureValidator

from backend.core.crypto import merkle_root

_SUFFIXES = (".pem", ".crt", ".cer")


class TrustError(Exception):
    """The trust anchors cannot be read. The message is one Vietnamese sentence."""


class RevocationRefused(Exception):
    """An OCSP response or CRL that says nothing reliable about the certificate. The message says why."""


class Revoked(RevocationRefused):
    """The authority says for certain that the certificate is revoked."""


class MaterialSpoiled(Exception):
    """Something among certificates and revocation answers is not what it must be. The message says why."""


class RevocationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a checked OCSP response or CRL says about one certificate."""

    status: Literal["good", "revoked", "unknown"]
    this_update: datetime
    next_update: datetime | None
    revoked_at: datetime | None = None


class RevocationSources(msgspec.Struct, frozen=True, kw_only=True):
    """Where a certificate says that its status can be asked."""

    ocsp_urls: tuple[str, ...]
    crl_urls: tuple[str, ...]


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates and revocation answers that came with a document, DER."""

    certificates: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()

    @property
    def tells_revocation(self) -> bool:
        """Whether there is anything about revocation in it."""
        return bool(self.ocsps or self.crls)

    def tells_about(self, certificate_der: bytes) -> bool:
        """Whether there is an answer about revocation of this certificate in it."""
        certificate = _load(certificate_der)
        answers = [one for item in self.ocsps for one in ocsp.load_der_ocsp_response(item).responses]
        lists = [x509.load_der_x509_crl(item) for item in self.crls]
        return any(one.serial_number == certificate.serial_number for one in answers) or any(
            listed.issuer == certificate.issuer for listed in lists
        )

    def check(self, anchors: Sequence[x509.Certificate] = (), *, complete: bool = False) -> None:
        """Read everything in it, and check each part against its issuer where that is known. Raises MaterialSpoiled.

        Of a `complete` one every certificate's issuer must be known. Whether anything of it is to be believed is
        another question.
        """
        try:
            certificates = [_load(item) for item in self.certificates]
            known = [*certificates, *anchors]
            for certificate in certificates:
                _check_signed(certificate, known)
                if complete and certificate not in anchors and not _has_issuer(certificate, known):
                    raise MaterialSpoiled("the issuer of a certificate is not known")
            for answer in self.ocsps:
                _check_ocsp(ocsp.load_der_ocsp_response(answer), known)
            for listed in self.crls:
                _check_crl(x509.load_der_x509_crl(listed), known)
        except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
            raise MaterialSpoiled("a certificate or an answer about revocation cannot be read") from error


class _Answers(RevinfoManager):
    """Answers about revocation, looked up by the serial number that they are about: the others say nothing of it."""

    def __init__(self, registry: CertificateRegistry, ocsps: Sequence[bytes], crls: Sequence[bytes]) -> None:
        answers = [asn1_ocsp.OCSPResponse.load(item) for item in ocsps]
        containers = [one for answer in answers for one in OCSPContainer.load_multi(answer)]
        lists = [CRLContainer(asn1_crl.CertificateList.load(item)) for item in crls]
        super().__init__(registry, POEManager(), lists, containers)
        self._by_serial: dict[int, list[OCSPContainer]] = {}
        for one in self._ocsps:
            single = one.extract_single_response()
            if single is not None:
                serial = single["cert_id"]["serial_number"].native
                self._by_serial.setdefault(serial, []).append(one)

    async def async_retrieve_ocsps(
        self, cert: asn1_x509.Certificate, authority: Authority
    ) -> list[OCSPContainer]:
        """Those about a certificate of this serial number; whose it is pyHanko finds out."""
        return self._by_serial.get(cert.serial_number, [])


class Loaded:
    """Certificates and answers about revocation (DER) of one document, taken apart once for all its contexts."""

    def __init__(
        self,
        certificates: Sequence[asn1_x509.Certificate],
        ocsps: Sequence[bytes] = (),
        crls: Sequence[bytes] = (),
    ) -> None:
        self.registry = CertificateRegistry.build(certificates)
        self.answers = _Answers(self.registry, ocsps, crls)


class TrustStore:
    """The anchors that every chain must end at."""

    def __init__(self, anchors: Sequence[x509.Certificate]) -> None:
        self.anchors = tuple(anchors)
        encoded = [anchor.public_bytes(Encoding.DER) for anchor in anchors]
        self._roots = [asn1_x509.Certificate.load(item) for item in encoded]
        #: Names this set of anchors.
        self.fingerprint = merkle_root(encoded).hex()

    @classmethod
    def from_folder(cls, folder: Path) -> "TrustStore":
        """All certificates of the PEM files in `folder`. Raises TrustError naming the folder or file."""
        if not folder.is_dir():
            raise TrustError(f"Không có thư mục chứng thư gốc tin cậy “{folder}”.")
        anchors: list[x509.Certificate] = []
        for path in sorted(item for item in folder.iterdir() if item.suffix.lower() in _SUFFIXES):
            try:
                anchors.extend(x509.load_pem_x509_certificates(path.read_bytes()))
            except (ValueError, OSError) as error:
                raise TrustError(f"Không đọc được chứng thư gốc tin cậy trong tệp “{path}”.") from error
        return cls(anchors)

    def context(
        self,
        moment: datetime,
        loaded: Loaded,
        *,
        require_revocation: bool,
        validator: SignatureValidator | None = None,
    ) -> ValidationContext:
        """A pyHanko context at `moment` that never fetches.

        With `require_revocation` every certificate below an anchor must be shown not to be revoked.
        """
        return ValidationContext(
            trust_roots=list(self._roots),
            certificate_registry=loaded.registry,
            revinfo_manager=loaded.answers,
            moment=moment,
            revocation_mode="require" if require_revocation else "soft-fail",
            # Answers are fetched after the signature: they speak about the past, too.
            retroactive_revinfo=True,
            allow_fetching=False,
            signature_validator=validator,
        )


def ocsp_request(certificate_der: bytes, issuer_der: bytes) -> bytes:
    """OCSPRequest (DER) for one certificate; CertID by SHA-1, which every responder knows (RFC 6960, 4.3)."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        _load(certificate_der), _load(issuer_der), hashes.SHA1()
    )
    return builder.build().public_bytes(Encoding.DER)


def read_ocsp(response_der: bytes, certificate_der: bytes, issuer_der: bytes) -> RevocationStatus:
    """What an OCSPResponse says about the certificate, after checking its signature.

    Raises RevocationRefused when it is no success, about another certificate, or not signed by the issuer or
    by a responder that the issuer appointed.
    """
    try:
        response = ocsp.load_der_ocsp_response(response_der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise RevocationRefused(f"the OCSP responder answered {response.response_status.name}")
        certificate, issuer = _load(certificate_der), _load(issuer_der)
        if response.serial_number != certificate.serial_number:
            raise RevocationRefused("the OCSP response is about another certificate")
        _check_responder(response, issuer)
    except (ValueError, TypeError) as error:
        raise RevocationRefused("the OCSP response cannot be read") from error
    return RevocationStatus(
        status=_STATUS[response.certificate_status],
        this_update=response.this_update_utc,
        next_update=response.next_update_utc,
        revoked_at=response.revocation_time_utc,
    )


def _check_signed(certificate: x509.Certificate, certificates: Sequence[x509.Certificate]) -> None:
    tuple(certificate.extensions)
    issuers = [item for item in certificates if item.subject == certificate.issuer]
    if issuers and not any(_issued(certificate, issuer) for issuer in issuers):
        raise MaterialSpoiled("a certificate is not signed by its issuer")
    # Who names another issuer does not hide from the one whose key is named, too (RFC 5280, 4.2.1.1).
    keys = [] if issuers else [item for item in certificates if _names_key_of(certificate, item)]
    if keys and not any(_signed_with_key_of(certificate, item) for item in keys):
        raise MaterialSpoiled("a certificate is not signed with the key that it names")


def _names_key_of(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        held = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return False
    return named.key_identifier == held.digest


def _signed_with_key_of(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    key, how = issuer.public_key(), certificate.signature_algorithm_parameters
    signature, content = certificate.signature, certificate.tbs_certificate_bytes
    try:
        if isinstance(key, rsa.RSAPublicKey) and isinstance(how, padding.PKCS1v15 | padding.PSS):
            assert certificate.signature_hash_algorithm is not None
            key.verify(signature, content, how, certificate.signature_hash_algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA):
            key.verify(signature, content, how)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _has_issuer(certificate: x509.Certificate, certificates: Sequence[x509.Certificate]) -> bool:
    return any(item.subject == certificate.issuer for item in certificates)


def _check_ocsp(response: ocsp.OCSPResponse, certificates: Sequence[x509.Certificate]) -> None:
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise MaterialSpoiled("an OCSP response is no success")
    for certificate in response.certificates:
        _check_signed(certificate, certificates)
    # Without certificates of its own it is signed by an issuer, perhaps one that only the anchors hold.
    responders = response.certificates or [
        item for item in certificates if item.subject == response.responder_name
    ]
    if responders and not any(_answered(response, item) for item in responders):
        raise MaterialSpoiled("an OCSP response is not signed by its responder")


def _check_crl(listed: x509.CertificateRevocationList, certificates: Sequence[x509.Certificate]) -> None:
    issuers = [item.public_key() for item in certificates if item.subject == listed.issuer]
    keys = [key for key in issuers if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)]
    if keys and not any(listed.is_signature_valid(key) for key in keys):
        raise MaterialSpoiled("a CRL is not signed by its issuer")


_STATUS: dict[ocsp.OCSPCertStatus, Literal["good", "revoked", "unknown"]] = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unknown",
}


def _check_responder(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    appointed = [item for item in response.certificates if _is_appointed(item, issuer)]
    if not any(_answered(response, item) for item in (issuer, *appointed)):
        raise RevocationRefused("the OCSP response is not signed by the issuer or its responder")


def _answered(response: ocsp.OCSPResponse, responder: x509.Certificate) -> bool:
    key, algorithm = responder.public_key(), response.signature_hash_algorithm
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm:
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm:
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
            return True
    except InvalidSignature:
        pass
    return False


def _is_appointed(candidate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        candidate.verify_directly_issued_by(issuer)
        usages = candidate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usages


def read_crl(crl_der: bytes, certificate_der: bytes, issuer_der: bytes) -> RevocationStatus:
    """What a CRL says about the certificate. Raises RevocationRefused when it is not its issuer's."""
    certificate, issuer = _load(certificate_der), _load(issuer_der)
    try:
        revocations = x509.load_der_x509_crl(crl_der)
        key = issuer.public_key()
        is_ours = isinstance(
            key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey
        ) and revocations.is_signature_valid(key)
    except (ValueError, TypeError) as error:
        raise RevocationRefused("the CRL cannot be read") from error
    if not is_ours or revocations.issuer != issuer.subject:
        raise RevocationRefused("the CRL is not signed by the issuer")
    entry = revocations.get_revoked_certificate_by_serial_number(certificate.serial_number)
    return RevocationStatus(
        status="revoked" if entry else "good",
        this_update=revocations.last_update_utc,
        next_update=revocations.next_update_utc,
        revoked_at=entry.revocation_date_utc if entry else None,
    )


def revocation_sources(certificate_der: bytes) -> RevocationSources:
    """OCSP and CRL addresses that the certificate names, in its order."""
    extensions = _load(certificate_der).extensions
    ocsp_urls: list[str] = []
    crl_urls: list[str] = []
    for extension in extensions:
        if isinstance(extension.value, x509.AuthorityInformationAccess):
            found = [
                item for item in extension.value if item.access_method == AuthorityInformationAccessOID.OCSP
            ]
            ocsp_urls.extend(str(item.access_location.value) for item in found)
        if isinstance(extension.value, x509.CRLDistributionPoints):
            names = [general for point in extension.value for general in point.full_name or ()]
            crl_urls.extend(str(general.value) for general in names)
    return RevocationSources(ocsp_urls=tuple(ocsp_urls), crl_urls=tuple(crl_urls))


def certificates_to_check(certificates: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """(certificate, issuer) pairs whose status B-LT material must show; self-signed ones drop out.

    Raises RevocationRefused when an issuer is missing.
    """
    return list(_pairs(tuple(dict.fromkeys(certificates))))


# The documents of a batch bring the same few certificates, and who issued whom is a matter of signatures.
@lru_cache(maxsize=256)
def _pairs(certificates: tuple[bytes, ...]) -> tuple[tuple[bytes, bytes], ...]:
    loaded = {item: _load(item) for item in certificates}
    pairs = []
    for encoded, certificate in loaded.items():
        if certificate.subject == certificate.issuer or _needs_no_check(certificate):
            continue
        issuer = next((item for item, other in loaded.items() if _issued(certificate, other)), None)
        if issuer is None:
            raise RevocationRefused(f"the issuer of {certificate.subject.rfc4514_string()} is missing")
        pairs.append((encoded, issuer))
    return tuple(pairs)


# The documents of a school share their issuers and authorities.
@lru_cache(maxsize=1024)
def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _needs_no_check(certificate: x509.Certificate) -> bool:
    """A delegated responder with ocsp-nocheck (RFC 6960, 4.2.2.2.1)."""
    return any(isinstance(extension.value, x509.OCSPNoCheck) for extension in certificate.extensions)


@lru_cache(maxsize=512)
def _load(certificate_der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate_der)
