"""MISA eSign, remote signing API V2: a token for each user, confirmed in the app, results by document id.

The password of every account is the application's key. Whoever asks twice has two transactions.
"""

import base64
import sqlite3
from typing import Any

from infra.simulators.signing_service.dialect import Dialect, DialectError, digest_of, json_list
from infra.simulators.signing_service.tokens import Caller
from infra.simulators.web import App, Reply, Request, reply_json

_STATUS = {"pending": "PENDING", "confirmed": "SUCCESS", "rejected": "CANCELLED", "expired": "FAILED"}
_ESRM = "/misa/external/esrm/service"


class Misa(Dialect):
    """Handlers under /misa."""

    prefix = "/misa"

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        app.add("POST", "/misa/api/auth/api/v1/auth/login-api", self.spoken(self.login))
        app.add("GET", f"{_ESRM}/general/api/v1/Certificates/by-userId", self.spoken(self.certificates))
        app.add("POST", f"{_ESRM}/signing/api/v1/Signing/hash", self.spoken(self.sign_hash))
        app.add("GET", f"{_ESRM}/signing/api/v1/Signing/status/{{id}}", self.spoken(self.status))

    def bad_request(self, why: str) -> Reply:
        """A request that cannot be read."""
        return _refusal(400, "InvalidParameter", why)

    def trouble(self, kind: str) -> Reply:
        """In the words of the service."""
        if kind == "token_expired":
            return _refusal(401, "Unauthorized", "token")
        return _refusal(500, "InternalServerError", "")

    def login(self, request: Request) -> Reply:
        """A token for one user."""
        body, client_id = request.json(), request.headers.get("x-clientid", "")
        user = str(body.get("userName") or "")
        key = request.headers.get("x-clientkey", "")
        if not self._tokens.knows(client_id, key) or body.get("password") != key:
            status = {"error": True, "errorCode": 101, "devMsg": "wrong", "userMsg": "Sai thông tin"}
            raise DialectError(reply_json({"status": status, "data": None}, 400))
        data = {
            "accessToken": "a",
            "remoteSigningAccessToken": self._tokens.issue(client_id, user),
            "tokenType": "Bearer",
            "expiresIn": self._tokens.life,
            "refreshToken": "r",
            "user": {"id": f"user-{user}", "username": user},
        }
        return reply_json({"status": {"code": 200, "error": False, "errorCode": 0}, "data": data})

    def certificates(self, request: Request) -> Reply:
        """Keys of the user whose token it is."""
        user = self._caller(request).user_id
        return reply_json([self._described(user, one) for one in self._credentials.ids_of(user)])

    def sign_hash(self, request: Request) -> Reply:
        """Ask the person."""
        caller, body = self._caller(request), request.json()
        credential_id = self.credential_of(caller.user_id, str(body.get("CertAlias") or ""))
        if credential_id is None or body.get("UserId") != f"user-{caller.user_id}":
            raise DialectError(_refusal(400, "InvalidCertificate", "CertAlias"))
        if self._credentials.is_revoked(credential_id):
            raise DialectError(_refusal(400, "CertificateRevoked", "revoked"))
        documents = json_list(body, "Documents")
        consent = self.open(
            caller.client_id,
            "",
            credential_id,
            [digest_of(one.get("FileToSign")) for one in documents],
            [str(one["DocumentId"]) for one in documents],
            str(body.get("DataToBeDisplayed", "")),
            request.path,
        )
        return reply_json({"transactionId": consent["handle"]})

    def status(self, request: Request) -> Reply:
        """How far a transaction is."""
        self._caller(request)
        consent = self._consents.get(request.params["id"])
        found: list[dict[str, str]] = []
        if consent["state"] == "confirmed":
            found = [
                {"documentId": name, "signature": value}
                for name, value in self.results(consent, request.path)
            ]
        code = "TimeOut" if consent["state"] == "expired" else ""
        return _status(consent, _STATUS[consent["state"]], code, found)

    def revoked(self, consent: sqlite3.Row) -> Reply:
        """The transaction has failed."""
        return _status(consent, "FAILED", "CertificateRevoked", [])

    def _described(self, user: str, credential_id: str) -> dict[str, Any]:
        ders = self._credentials.certificates_der(credential_id)
        own, *_ = chain = [base64.b64encode(der).decode() for der in ders]
        return {
            "userId": f"user-{user}",
            "keyAlias": credential_id,
            "appName": "SANDBOX",
            "keyStatus": "INACTIVE" if self._credentials.is_revoked(credential_id) else "ACTIVE",
            "certificate": own,
            "certiticateChain": chain,
            "isAutoSign": False,
        }

    def _caller(self, request: Request) -> Caller:
        client_id = request.headers.get("x-clientid", "")
        if not self._tokens.knows(client_id, request.headers.get("x-clientkey", "")):
            raise DialectError(_refusal(400, "InvalidClient", "x-clientId"))
        caller = self._tokens.caller(request, "authorizationrm")
        if caller is None:
            raise DialectError(_refusal(401, "Unauthorized", "token"))
        return caller


def _status(consent: sqlite3.Row, status: str, code: str, found: list[dict[str, str]]) -> Reply:
    said = {"status": status, "errorCode": code, "errorDescription": ""}
    return reply_json({**said, "transactionId": consent["handle"], "signatures": found})


def _refusal(status: int, code: str, why: str) -> Reply:
    return reply_json({"error": True, "errorCode": code, "devMsg": why, "userMsg": "Có lỗi"}, status)
