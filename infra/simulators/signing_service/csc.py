"""The CSC v2 endpoints on the wire (Cloud Signature Consortium, API 2.0)."""

import base64
import binascii
import hashlib
import secrets
import time
from typing import Any

import msgspec

from infra.simulators.faults import FaultBox
from infra.simulators.signing_service.answers import twist
from infra.simulators.signing_service.consents import Consents, Demand, refuse_unless_confirmed
from infra.simulators.signing_service.credentials import Credentials
from infra.simulators.signing_service.errors import CscError, invalid
from infra.simulators.signing_service.settings import ServiceSettings
from infra.simulators.signing_service.store import Store
from infra.simulators.web import App, Reply, Request, reply_json

PREFIX = "/csc/v2"
SHA256_OID = "2.16.840.1.101.3.4.2.1"
SIGN_ALGOS = ("1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11")
_METHODS = (
    "oauth2/token", "credentials/list", "credentials/info", "credentials/authorize",
    "credentials/authorizeCheck", "signatures/signHash",
)  # fmt: skip


class Csc:
    """Handlers of the interface."""

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        consents: Consents,
        settings: ServiceSettings,
        faults: FaultBox,
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._consents = consents
        self._settings = settings
        self._faults = faults

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        app.add("POST", f"{PREFIX}/info", self.info)
        app.add("POST", f"{PREFIX}/oauth2/token", self.token)
        app.add("POST", f"{PREFIX}/credentials/list", self.list_credentials)
        app.add("POST", f"{PREFIX}/credentials/info", self.credential_info)
        app.add("POST", f"{PREFIX}/credentials/authorize", self.authorize)
        app.add("POST", f"{PREFIX}/credentials/authorizeCheck", self.authorize_check)
        app.add("POST", f"{PREFIX}/signatures/signHash", self.sign_hash)

    def info(self, request: Request) -> Reply:
        """Facts about the service; needs no token."""
        return reply_json(
            {
                "specs": "2.0.0.2",
                "name": "Hocba SANDBOX",
                "region": "VN",
                "lang": "vi-VN",
                "description": "Dịch vụ ký thử nghiệm, chữ ký không có giá trị pháp lý",
                "authType": ["oauth2client"],
                "methods": list(_METHODS),
                "asynchronousOperationMode": False,
                "signAlgorithms": {"algos": list(SIGN_ALGOS)},
            }
        )

    def token(self, request: Request) -> Reply:
        """OAuth 2.0 client credentials (RFC 6749 4.4), by form or by Basic."""
        form = request.form()
        if form.get("grant_type") != "client_credentials":
            raise CscError("unsupported_grant_type", "Only client_credentials is supported")
        client_id, secret = _client(form, request.headers)
        known = {party.client_id: party.client_secret for party in self._settings.relying_parties}
        if not secrets.compare_digest(known.get(client_id, "").encode(), secret.encode()) or not secret:
            raise CscError("invalid_client", "Client authentication failed", 401)
        token, life = secrets.token_urlsafe(32), self._settings.token_seconds
        self._store.run("delete from token where expires_at < ?", time.time())
        self._store.run("insert into token values (?, ?, ?)", _digest(token), client_id, time.time() + life)
        return reply_json({"access_token": token, "token_type": "Bearer", "expires_in": life})

    def list_credentials(self, request: Request) -> Reply:
        """Ids of the account in `userID`."""
        self._caller(request)
        user = _text(request.json(), "userID")
        return reply_json({"credentialIDs": self._credentials.ids_of(user)})

    def credential_info(self, request: Request) -> Reply:
        """State, limits and, as `certificates` asks (none, single, chain), certificates of a credential."""
        self._caller(request)
        body = request.json()
        credential_id = _text(body, "credentialID")
        answer = self._credentials.describe(credential_id, self._settings.multisign)
        wanted = {"none": 0, "single": 1, "chain": None}.get(body.get("certificates", "single"), 1)
        chain = self._credentials.certificates_der(credential_id)[:wanted]
        answer["cert"]["certificates"] = [base64.b64encode(der).decode() for der in chain]
        return reply_json(answer)

    def authorize(self, request: Request) -> Reply:
        """Ask the person to authorise hashes: always 202 with a handle; authorizeCheck gives the SAD."""
        client_id, body = self._caller(request), request.json()
        demand = self._demand(client_id, body)
        consent = self._consents.open(demand, self._fate(request.path))
        return reply_json({"handle": consent["handle"], "expiresIn": _left(consent["expires_at"])}, 202)

    def authorize_check(self, request: Request) -> Reply:
        """202 while the person thinks, then 200 with the SAD, or the error that ends it."""
        client_id, body = self._caller(request), request.json()
        consent = self._consents.get(_text(body, "handle"))
        if consent["client_id"] != client_id:
            raise invalid("Invalid parameter handle")
        refuse_unless_confirmed(consent)
        if consent["state"] == "pending":
            return reply_json({"handle": consent["handle"], "expiresIn": _left(consent["expires_at"])}, 202)
        self._consents.require_usable_sad(consent)
        return reply_json({"SAD": consent["sad"], "expiresIn": _left(consent["sad_expires_at"])})

    def sign_hash(self, request: Request) -> Reply:
        """Sign authorised hashes; the same call again gives the same values."""
        client_id, body = self._caller(request), request.json()
        credential_id, sad = _text(body, "credentialID"), _text(body, "SAD")
        if body.get("signAlgo") not in SIGN_ALGOS:
            raise invalid("Invalid parameter signAlgo")
        digests = _hashes(body)
        values = self._consents.sign(client_id, sad, credential_id, digests)
        answered = twist(values, digests, self._faults, request.path)
        return reply_json({"signatures": [base64.b64encode(value).decode() for value in answered]})

    def _demand(self, client_id: str, body: dict[str, Any]) -> Demand:
        digests, count = _hashes(body), body.get("numSignatures")
        if not isinstance(count, int) or count < len(digests):
            raise invalid("Invalid parameter numSignatures")
        if count > self._settings.multisign:
            raise invalid("Numbers of signatures is too high")
        credential_id = _text(body, "credentialID")
        self._credentials.certificate(credential_id)
        if self._credentials.is_revoked(credential_id):
            raise invalid("Invalid certificate status")
        return Demand(
            client_id=client_id,
            client_data=str(body.get("clientData") or ""),
            credential_id=credential_id,
            hashes=tuple(digests),
            num_signatures=count,
            description=str(body.get("description") or ""),
        )

    def _fate(self, path: str) -> str:
        if self._faults.take("reject", path):
            return "rejected"
        return "expired" if self._faults.take("expire", path) else "confirmed"

    def _caller(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise invalid("Malformed authorization header")
        row = self._store.row(
            "select client_id from token where digest = ? and expires_at > ?", _digest(token), time.time()
        )
        if row is None:
            raise CscError("invalid_token", "The access token is invalid or has expired", 401)
        return str(row["client_id"])


def _client(form: dict[str, str], headers: dict[str, str]) -> tuple[str, str]:
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("Malformed authorization header") from error
    return client_id, secret


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not value:
        raise invalid(f"Missing (or invalid type) string parameter {name}")
    if not isinstance(value, str):
        raise invalid(f"Invalid parameter {name}")
    return value


def _hashes(body: dict[str, Any]) -> list[bytes]:
    """The digests, each 32 bytes of SHA-256."""
    if body.get("hashAlgorithmOID") not in (SHA256_OID, None):
        raise invalid("Invalid parameter hashAlgorithmOID")
    try:
        texts = msgspec.convert(body.get("hashes"), list[str])
        digests = [base64.b64decode(text, validate=True) for text in texts]
    except (msgspec.ValidationError, binascii.Error) as error:
        raise invalid("Invalid parameter hashes") from error
    if not digests:
        raise invalid("Empty hash array")
    if any(len(digest) != 32 for digest in digests):
        raise invalid("Invalid digest value length")
    return digests


def _left(until: float) -> int:
    return max(0, int(until - time.time()))
