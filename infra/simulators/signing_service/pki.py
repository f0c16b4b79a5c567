"""What the test authority publishes: certificates, OCSP, revocation lists, time stamps."""

import base64
import binascii

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from infra.simulators.signing_service.authority import Authority
from infra.simulators.signing_service.revocation import CRL_TYPE, OCSP_TYPE, Revocation
from infra.simulators.signing_service.timestamps import REPLY_TYPE, TimestampAuthority
from infra.simulators.web import App, Reply, Request, reply_json

_PEM_TYPE = "application/x-pem-file"
_CERTIFICATE_TYPE = "application/pkix-cert"


class Pki:
    """Handlers under /ocsp, /crl, /tsa and /ca."""

    def __init__(self, authority: Authority, revocation: Revocation, stamps: TimestampAuthority) -> None:
        self._revocation = revocation
        self._stamps = stamps
        holders = {"root": authority.root, "issuing": authority.issuing, "tsa": authority.tsa}
        self._certificates: dict[str, x509.Certificate] = {
            name: holder.certificate for name, holder in holders.items()
        }

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        app.add("POST", "/ocsp", self.ocsp_post)
        app.add("GET", "/ocsp/{request*}", self.ocsp_get)
        app.add("POST", "/tsa", self.stamp)
        app.add("GET", "/crl", self.crl)
        app.add("GET", "/crl/{name}.crl", self.crl)
        app.add("GET", "/ca/chain.pem", self.chain)
        app.add("GET", "/ca/{name}.pem", self.pem)
        app.add("GET", "/ca/{name}.cer", self.der)

    def ocsp_post(self, request: Request) -> Reply:
        """OCSP by POST (RFC 6960 A.1)."""
        return Reply(body=self._revocation.answer(request.body), content_type=OCSP_TYPE)

    def ocsp_get(self, request: Request) -> Reply:
        """OCSP by GET, the request in base64 in the path."""
        try:
            encoded = base64.b64decode(request.params["request"], validate=True)
        except binascii.Error:
            encoded = b""
        return Reply(body=self._revocation.answer(encoded), content_type=OCSP_TYPE)

    def stamp(self, request: Request) -> Reply:
        """A time stamp (RFC 3161 3.4)."""
        return Reply(body=self._stamps.answer(request.body), content_type=REPLY_TYPE)

    def crl(self, request: Request) -> Reply:
        """Revocation list of the issuing CA, or of the one named."""
        encoded = self._revocation.crl(request.params.get("name", "issuing"))
        return _missing() if encoded is None else Reply(body=encoded, content_type=CRL_TYPE)

    def chain(self, request: Request) -> Reply:
        """Issuing CA and root, PEM."""
        names = ("issuing", "root")
        pem = b"".join(self._certificates[name].public_bytes(Encoding.PEM) for name in names)
        return Reply(body=pem, content_type=_PEM_TYPE)

    def pem(self, request: Request) -> Reply:
        """`root`, `issuing` or `tsa` as PEM."""
        return self._certificate(request.params["name"], Encoding.PEM, _PEM_TYPE)

    def der(self, request: Request) -> Reply:
        """`root`, `issuing` or `tsa` as DER."""
        return self._certificate(request.params["name"], Encoding.DER, _CERTIFICATE_TYPE)

    def _certificate(self, name: str, encoding: Encoding, content_type: str) -> Reply:
        certificate = self._certificates.get(name)
        if certificate is None:
            return _missing()
        return Reply(body=certificate.public_bytes(encoding), content_type=content_type)


def _missing() -> Reply:
    return reply_json({"error": "not_found"}, 404)
