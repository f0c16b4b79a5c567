"""Viettel MySign (document v1.8/1.9): a token for each user, confirmed on the telephone, results by position.

Nothing tells a repeated call from a new one: whoever asks twice has two transactions.
"""

import base64
import re
from typing import Any

from infra.simulators.signing_service.dialect import Dialect, DialectError, digest_of, json_list
from infra.simulators.signing_service.tokens import Caller
from infra.simulators.web import App, BadRequest, Reply, Request, reply_json

_PROFILE = "adss:ras:profile:001"
_STATUS = {"confirmed": 1, "pending": 4000, "expired": 4001, "rejected": 4002}
#: What a telephone shows of a description.
_SHOWN = re.compile(r"[a-zA-Z0-9_\- ]{1,100}")


class MySign(Dialect):
    """Handlers under /vtss/service."""

    prefix = "/vtss/service"

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        app.add("POST", f"{self.prefix}/ras/v1/login", self.spoken(self.login))
        app.add("POST", f"{self.prefix}/certificates/info", self.spoken(self.certificates))
        app.add("POST", f"{self.prefix}/signHash", self.spoken(self.sign_hash))
        app.add("POST", f"{self.prefix}/requests/status", self.spoken(self.status))
        app.add("GET", "/sandbox/webhook/mysign/{id}", self.webhook)

    def bad_request(self, why: str) -> Reply:
        """A request that cannot be read."""
        return _refusal(400, "invalid_request", why)

    def trouble(self, kind: str) -> Reply:
        """In the words of the gateway."""
        return _refusal(401, "invalid_token") if kind == "token_expired" else _refusal(500, "50000")

    def login(self, request: Request) -> Reply:
        """A token for one user."""
        body = request.json()
        client_id, user = self._application(body), str(body.get("user_id") or "")
        if body.get("profile_id") != _PROFILE:
            raise DialectError(_refusal(400, "59033"))
        if not self._credentials.ids_of(user):
            raise DialectError(_refusal(400, "58008"))
        token = self._tokens.issue(client_id, user)
        life = str(self._tokens.life)
        return reply_json(
            {"access_token": token, "refresh_token": "", "token_type": "bearer", "expires_in": life}
        )

    def certificates(self, request: Request) -> Reply:
        """The keys of `user_id`; none for an unknown one."""
        body = request.json()
        self._application(body)
        ids = self._credentials.ids_of(str(body.get("user_id") or ""))
        return reply_json([self._described(credential_id) for credential_id in ids])

    def sign_hash(self, request: Request) -> Reply:
        """Ask the person; async 1 answers with the name of the transaction."""
        caller, body = self._caller(request), request.json()
        self._application(body)
        hashes, documents = json_list(body, "hash"), json_list(body, "documents")
        if body.get("numSignatures") != len(hashes) or len(documents) != len(hashes):
            raise BadRequest("numSignatures")
        for text in [body.get("description"), *(one.get("document_name") for one in documents)]:
            if not _SHOWN.fullmatch(base64.b64decode(str(text)).decode("ascii", "replace")):
                raise BadRequest("description")
        if body.get("async") != 1:
            raise BadRequest("only async 1 is simulated")
        credential_id = self.credential_of(caller.user_id, str(body.get("credentialID") or ""))
        if credential_id is None:
            raise BadRequest("credentialID")
        if self._credentials.is_revoked(credential_id):
            raise DialectError(_refusal(400, "13004"))
        consent = self.open(
            caller.client_id,
            "",
            credential_id,
            [digest_of(one) for one in hashes],
            [str(one["document_id"]) for one in documents],
            base64.b64decode(body["description"]).decode(),
            request.path,
        )
        return reply_json({"transactionId": consent["handle"]})

    def status(self, request: Request) -> Reply:
        """How far a transaction is; without a token."""
        body = request.json()
        consent = self._consents.get(str(body.get("transactionId") or ""))
        state = _STATUS[consent["state"]]
        if self._faults.take("out_of_turns", request.path):
            state = 4005
        if self._credentials.is_revoked(consent["credential_id"]):
            state = 13004
        values = [value for _, value in self.results(consent, request.path)] if state == 1 else []
        return reply_json({"status": state, "signatures": values})

    def webhook(self, request: Request) -> Reply:
        """What the service would post about a transaction, once or more often."""
        consent = self._consents.get(request.params["id"])
        results = [
            {"document_id": name, "signature": value} for name, value in self.results(consent, request.path)
        ]
        meta = {"request_id": "r", "transaction_id": request.params["id"], "description": "", "status": 1}
        return reply_json({"meta_data": meta, "data": {"results": results}})

    def _described(self, credential_id: str) -> dict[str, Any]:
        certificate = self._credentials.certificate(credential_id)
        ders = self._credentials.certificates_der(credential_id)
        revoked = self._credentials.is_revoked(credential_id)
        return {
            "credential_id": credential_id,
            "key": {"status": "enabled", "algo": ["1.2.840.113549.1.1.1"], "len": "2048"},
            "cert": {
                "status": "revoked" if revoked else "valid",
                "certificates": [base64.b64encode(der).decode() for der in ders],
                "issuerDN": certificate.issuer.rfc4514_string(),
                "serialNumber": str(certificate.serial_number),
                "subjectDN": certificate.subject.rfc4514_string(),
                "validFrom": certificate.not_valid_before_utc.strftime("%Y%m%d%H%M%S+0000"),
                "validTo": certificate.not_valid_after_utc.strftime("%Y%m%d%H%M%S+0000"),
            },
            "authMode": "implicit",
            "multisign": "2147483647",
            "scal": "2",
        }

    def _application(self, body: dict[str, Any]) -> str:
        client_id = str(body.get("client_id") or "")
        if not self._tokens.knows(client_id, str(body.get("client_secret") or "")):
            raise DialectError(_refusal(400, "86024"))
        return client_id

    def _caller(self, request: Request) -> Caller:
        caller = self._tokens.caller(request)
        if caller is None:
            raise DialectError(_refusal(401, "invalid_token"))
        return caller


def _refusal(status: int, error: str, description: str = "") -> Reply:
    return reply_json({"error": error, "error_description": description}, status)
