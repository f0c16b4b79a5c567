"""VNPT SmartCA, interface sp769 v1 (text v4.0 of 03/5/2024): confirmed on the telephone, results by doc_id.

`transaction_id` is the caller's and unique: a second `sign` under the same one is refused.
"""

import base64
import sqlite3
from typing import Any

from infra.simulators.signing_service.dialect import Dialect, DialectError, digest_of, json_list
from infra.simulators.web import App, Reply, Request, reply_json

_MESSAGES = {"pending": "sig_wait_for_user_confirm", "rejected": "REJECTED", "expired": "EXPIRED"}


class Sp769(Dialect):
    """Handlers under /sca/sp769."""

    prefix = "/sca/sp769"

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        base = f"{self.prefix}/v1"
        app.add("POST", f"{base}/credentials/get_certificate", self.spoken(self.get_certificate))
        app.add("POST", f"{base}/signatures/sign", self.spoken(self.sign))
        app.add("POST", f"{base}/signatures/sign/{{id}}/status", self.spoken(self.status))
        app.add("GET", "/sandbox/webhook/sp769/{id}", self.webhook)

    def bad_request(self, why: str) -> Reply:
        """A request that cannot be read."""
        return _refusal(400, "BAD_REQUEST")

    def revoked(self, consent: sqlite3.Row) -> Reply:
        """As before the question."""
        return _refusal(403, "CREDENTIAL_STATUS_INVALID")

    def trouble(self, kind: str) -> Reply:
        """There are no tokens here."""
        return _refusal(500, "SERVER_INTERNAL_ERROR")

    def get_certificate(self, request: Request) -> Reply:
        """The certificates of `user_id`."""
        body = request.json()
        self._application(body)
        found = []
        for credential_id in self._credentials.ids_of(str(body.get("user_id"))):
            certificate = self._credentials.certificate(credential_id)
            own, issuer, root = (
                base64.encodebytes(der).decode() for der in self._credentials.certificates_der(credential_id)
            )
            revoked = self._credentials.is_revoked(credential_id)
            found.append(
                {
                    "service_type": "SMARTCA",
                    "service_name": "SmartCA cá nhân (SANDBOX)",
                    "cert_id": credential_id,
                    "cert_status": "đã thu hồi" if revoked else "đang hoạt động",
                    "serial_number": f"{certificate.serial_number:x}",
                    "cert_subject": certificate.subject.rfc4514_string(),
                    "cert_valid_from": certificate.not_valid_before_utc.isoformat(),
                    "cert_valid_to": certificate.not_valid_after_utc.isoformat(),
                    "cert_data": own,
                    "chain_data": {"ca_cert": issuer, "root_cert": root},
                }
            )
        return _answer("SUCCESS", {"user_certificates": found})

    def sign(self, request: Request) -> Reply:
        """Ask the person; one confirmation for all files."""
        body = request.json()
        client_id = self._application(body)
        credential_id = self.credential_of(str(body.get("user_id")), str(body.get("serial_number", "")))
        if credential_id is None or self._credentials.is_revoked(credential_id):
            raise DialectError(_refusal(403, "CREDENTIAL_STATUS_INVALID"))
        files, transaction = json_list(body, "sign_files"), str(body.get("transaction_id") or "")
        if not transaction or self._consents.find(client_id, transaction) is not None:
            raise DialectError(_refusal(400, "BAD_REQUEST"))
        if any(one.get("sign_type") != "hash" for one in files):
            raise DialectError(_refusal(400, "BAD_REQUEST"))
        if self._faults.take("out_of_turns", request.path):
            raise DialectError(_refusal(403, "CREDENTIAL_STATUS_INVALID"))
        consent = self.open(
            client_id,
            transaction,
            credential_id,
            [digest_of(one.get("data_to_be_signed"), hexadecimal=True) for one in files],
            [str(one["doc_id"]) for one in files],
            str(body.get("transaction_desc", "")),
            request.path,
        )
        named = {"transaction_id": transaction, "tran_code": consent["handle"]}
        return _answer("sig_wait_for_user_confirm", named)

    def status(self, request: Request) -> Reply:
        """How far a transaction is, by its transaction_id."""
        body = request.json()
        consent = self._consents.find(self._application(body), request.params["id"])
        if consent is None:
            raise DialectError(_refusal(404, "TRANSACTION_NOT_FOUND"))
        if consent["state"] != "confirmed":
            return _answer(_MESSAGES[consent["state"]], {"transaction_id": request.params["id"]})
        return _answer(
            "SUCCESS", {"transaction_id": request.params["id"], "signatures": self._files(consent, request)}
        )

    def webhook(self, request: Request) -> Reply:
        """What the service would post about a transaction, once or more often."""
        for party in self._settings.relying_parties:
            consent = self._consents.find(party.client_id, request.params["id"])
            if consent is not None and consent["state"] == "confirmed":
                body = {"sp_id": party.client_id, "status_code": 200, "message": "SUCCESS"}
                named = {"transaction_id": request.params["id"]}
                return reply_json({**body, **named, "signed_files": self._files(consent, request)})
        return reply_json({}, 404)

    def _files(self, consent: Any, request: Request) -> list[dict[str, str | None]]:
        return [
            {"doc_id": name, "signature_value": value, "timestamp_signature": None}
            for name, value in self.results(consent, request.path)
        ]

    def _application(self, body: dict[str, Any]) -> str:
        client_id = str(body.get("sp_id") or "")
        if not self._tokens.knows(client_id, str(body.get("sp_password") or "")):
            raise DialectError(_refusal(401, "SP_CREDENTIAL_INVALID"))
        return client_id


def _answer(message: str, data: dict[str, Any]) -> Reply:
    return reply_json({"status_code": 200, "message": message, "data": data})


def _refusal(status: int, message: str) -> Reply:
    return reply_json({"status_code": status, "message": message, "data": None}, status)
