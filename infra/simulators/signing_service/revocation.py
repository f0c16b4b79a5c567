"""OCSP responder (RFC 6960) and revocation lists of the test authority."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from infra.simulators.signing_service.authority import Authority, Holder
from infra.simulators.signing_service.store import Store

OCSP_TYPE = "application/ocsp-response"
CRL_TYPE = "application/pkix-crl"
#: How long an answer holds.
_LIFE = dt.timedelta(hours=12)


class Revocation:
    """Answers for certificates of both CAs, each by the responder that this CA appointed."""

    def __init__(self, authority: Authority, store: Store) -> None:
        self._authority = authority
        self._store = store
        self._sides = {
            "root": (authority.root, authority.root_ocsp),
            "issuing": (authority.issuing, authority.issuing_ocsp),
        }
        self._own = {
            "root": {
                authority.issuing.certificate.serial_number,
                authority.root_ocsp.certificate.serial_number,
            },
            "issuing": {
                authority.tsa.certificate.serial_number,
                authority.issuing_ocsp.certificate.serial_number,
            },
        }

    def answer(self, request_der: bytes) -> bytes:
        """An OCSP response (DER) for a request about one certificate."""
        try:
            request = ocsp.load_der_ocsp_request(request_der)
            name = self._issuer_of(request)
        except (ValueError, NotImplementedError):
            return _refuse(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        if name is None:
            return _refuse(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        return self._respond(request, name)

    def crl(self, name: str) -> bytes | None:
        """The list of `root` or `issuing`, DER; None for another name."""
        if name not in self._sides:
            return None
        return self._authority.crl(name, self._store.revoked() if name == "issuing" else [])

    def _respond(self, request: ocsp.OCSPRequest, name: str) -> bytes:
        now = dt.datetime.now(dt.UTC)
        status, when = self._status(name, request.serial_number)
        responder = self._sides[name][1]
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                issuer_name_hash=request.issuer_name_hash,
                issuer_key_hash=request.issuer_key_hash,
                serial_number=request.serial_number,
                algorithm=request.hash_algorithm,
                cert_status=status,
                this_update=now,
                next_update=now + _LIFE,
                revocation_time=when,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
            .certificates([responder.certificate])
        )
        for extension in request.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                builder = builder.add_extension(extension.value, critical=False)
        response = builder.sign(responder.key, hashes.SHA256())
        return response.public_bytes(serialization.Encoding.DER)

    def _status(self, name: str, serial: int) -> tuple[ocsp.OCSPCertStatus, dt.datetime | None]:
        if serial in self._own[name]:
            return ocsp.OCSPCertStatus.GOOD, None
        known, revoked_at = self._store.certificate_state(serial) if name == "issuing" else (False, None)
        if not known:
            return ocsp.OCSPCertStatus.UNKNOWN, None
        if revoked_at is None:
            return ocsp.OCSPCertStatus.GOOD, None
        return ocsp.OCSPCertStatus.REVOKED, revoked_at

    def _issuer_of(self, request: ocsp.OCSPRequest) -> str | None:
        for name, (issuer, _) in self._sides.items():
            if _key_hash(issuer, request.hash_algorithm) == request.issuer_key_hash:
                return name
        return None


def _refuse(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(serialization.Encoding.DER)


def _key_hash(issuer: Holder, algorithm: hashes.HashAlgorithm) -> bytes:
    """Hash of the key's bits without the algorithm around them (RFC 6960 4.1.1): for RSA the PKCS#1 form."""
    bits = issuer.certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    )
    digest = hashes.Hash(algorithm)
    digest.update(bits)
    return digest.finalize()
