"""RSSP v2, profile rssp-119.432-v2.0: HTTP 200 around everything, `error` inside; PIN, OTP or the app (IMPLICIT/TSE).

`rpRequestID` is kept for nothing: whoever authorises twice has two transactions.
"""

import base64
import binascii
import time
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from infra.simulators.signing_service.answers import twist
from infra.simulators.signing_service.consents import Demand
from infra.simulators.signing_service.dialect import Dialect, DialectError, digest_of, json_list
from infra.simulators.web import App, BadRequest, Reply, Request, reply_json

PROFILE = "rssp-119.432-v2.0"
_MODES = {"app": "IMPLICIT/TSE", "pin": "EXPLICIT/PIN", "otp": "EXPLICIT/OTP-SMS"}
#: A sign-in counts for so long (seconds).
_FRESH = 300


class Rssp(Dialect):
    """Handlers under /rssp/v2."""

    prefix = "/rssp/v2"

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        for method, handler in {
            "auth/login": self.login,
            "credentials/list": self.list_credentials,
            "credentials/info": self.info,
            "credentials/sendOTP": self.send_otp,
            "credentials/authorize": self.authorize,
            "signatures/signHash": self.sign_hash,
        }.items():
            app.add("POST", f"{self.prefix}/{method}", self.spoken(handler))
        app.add("POST", "/sandbox/relying-party-key", self.keep_key)

    def bad_request(self, why: str) -> Reply:
        """A request that cannot be read."""
        return _refusal(3001, f"Invalid parameter: {why}")

    def trouble(self, kind: str) -> Reply:
        """In the words of the service."""
        return _refusal(3006, "Access token is invalid") if kind == "token_expired" else reply_json({}, 500)

    def keep_key(self, request: Request) -> Reply:
        """The public key (PEM) with which a relying party signs in: {"client_id", "pem"}."""
        body = request.json()
        self._store.run(
            "insert into party_key values (?, ?) on conflict (client_id) do update set pem = excluded.pem",
            str(body["client_id"]),
            str(body["pem"]),
        )
        return reply_json({})

    def login(self, request: Request) -> Reply:
        """`Authorization: SSL2 base64(user:password:signature:milliseconds:base64(PKCS#1 over all four))`."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            text = base64.b64decode(encoded.partition(",")[0], validate=True).decode()
            user, password, signature, at, proof = text.split(":")
            moment = int(at) / 1000
        except (ValueError, binascii.Error) as error:
            raise BadRequest("Authorization") from error
        if scheme != "SSL2" or not self._tokens.knows(user, password) or abs(time.time() - moment) > _FRESH:
            raise DialectError(_refusal(3000, "Invalid username or password"))
        self._require_proof(user, f"{user}{password}{signature}{at}", proof)
        token = self._tokens.issue(user)
        return _answer({"accessToken": token, "refreshToken": "r", "expiresIn": self._tokens.life})

    def list_credentials(self, request: Request) -> Reply:
        """Keys of an agreement."""
        self._client(request)
        ids = self._credentials.ids_of(str(request.json().get("agreementUUID") or ""))
        return _answer({"certs": [{"credentialID": credential_id} for credential_id in ids]})

    def info(self, request: Request) -> Reply:
        """State, mode and chain, root first as some of these services give it."""
        self._client(request)
        credential_id = self._credential(request.json())
        chain = self._credentials.certificates_der(credential_id)[::-1]
        revoked = self._credentials.is_revoked(credential_id)
        return _answer(
            {
                "cert": {
                    "status": "REVOKED" if revoked else "OPERATED",
                    "certificates": [base64.b64encode(der).decode() for der in chain],
                },
                "authMode": _MODES[self._credentials.auth(credential_id)],
                "SCAL": "2",
                "multisign": self._settings.multisign,
            }
        )

    def send_otp(self, request: Request) -> Reply:
        """Onto the telephone; `responseID` goes into `requestID` of authorize."""
        self._client(request)
        credential_id = self._credential(request.json())
        self._credentials.send_otp(credential_id)
        return _answer({"responseID": f"otp-{credential_id}"})

    def authorize(self, request: Request) -> Reply:
        """PIN, OTP or the app, for exactly these hashes."""
        client_id, body = self._client(request), request.json()
        credential_id, digests = self._credential(body), _digests(body)
        if body.get("numSignatures") != len(digests):
            raise BadRequest("numSignatures")
        if self._credentials.is_revoked(credential_id):
            raise DialectError(_refusal(3100, "Signing certificate has been revoked"))
        self._prove(request, credential_id, body)
        demand = Demand(
            client_id=client_id,
            client_data="",
            credential_id=credential_id,
            hashes=tuple(digests),
            num_signatures=len(digests),
            description=str(body.get("message") or ""),
        )
        consent = self._consents.open_confirmed(demand)
        return _answer({"SAD": consent["sad"], "expiresIn": 300})

    def sign_hash(self, request: Request) -> Reply:
        """Values in the order of the hashes."""
        client_id, body = self._client(request), request.json()
        digests = _digests(body)
        values = self._consents.sign(client_id, str(body.get("SAD")), self._credential(body), digests)
        answered = twist(values, digests, self._faults, request.path)
        return _answer({"signatures": [base64.b64encode(value).decode() for value in answered]})

    def _prove(self, request: Request, credential_id: str, body: dict[str, Any]) -> None:
        auth, code = self._credentials.auth(credential_id), body.get("authorizeCode")
        if auth == "app":
            if self._faults.take("reject", request.path):
                raise DialectError(_refusal(3210, "The user rejected the request"))
            if self._faults.take("expire", request.path):
                raise DialectError(_refusal(3036, "Request has expired"))
            return
        if auth == "otp" and body.get("requestID") != f"otp-{credential_id}":
            raise BadRequest("requestID")
        match self._credentials.prove(credential_id, code, code):
            case "locked":
                raise DialectError(_refusal(3002, "Credential is blocked"))
            case None:
                return
        raise DialectError(_refusal(3211, "Authorize code is invalid"))

    def _require_proof(self, client_id: str, text: str, proof: str) -> None:
        row = self._store.row("select pem from party_key where client_id = ?", client_id)
        try:
            key = load_pem_public_key(str(row["pem"]).encode()) if row is not None else None
            if not isinstance(key, rsa.RSAPublicKey):
                raise InvalidSignature
            key.verify(base64.b64decode(proof), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError) as error:
            raise DialectError(_refusal(3000, "Invalid signature of the relying party")) from error

    def _client(self, request: Request) -> str:
        if request.json().get("profile") != PROFILE:
            raise BadRequest("profile")
        caller = self._tokens.caller(request)
        if caller is None:
            raise DialectError(_refusal(3005, "Access token has expired"))
        return caller.client_id

    def _credential(self, body: dict[str, Any]) -> str:
        agreement, credential = str(body.get("agreementUUID") or ""), str(body.get("credentialID") or "")
        found = self.credential_of(agreement, credential)
        if found is None:
            raise BadRequest("credentialID")
        return found


def _digests(body: dict[str, Any]) -> list[bytes]:
    return [digest_of(one) for one in json_list(body.get("documentDigests") or {}, "hashes")]


def _answer(values: dict[str, Any]) -> Reply:
    return reply_json({"error": 0, "errorDescription": "SUCCESS", **values})


def _refusal(error: int, description: str) -> Reply:
    return reply_json({"error": error, "errorDescription": description})
