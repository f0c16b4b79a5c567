"""VNPT SmartCA, the OAuth interface with "csc" paths (text v1.1): an application is let in, the app confirms.

Nothing says that `refTranId` is unique: whoever asks twice has two transactions.
"""

import base64
import hashlib
import html
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode

from infra.simulators.signing_service.dialect import Dialect, DialectError, digest_of, json_list
from infra.simulators.signing_service.tokens import Caller
from infra.simulators.web import App, BadRequest, Reply, Request, reply_json

_STATUS = {
    "confirmed": (1, "SUCCESS"),
    "pending": (4000, "WAITING_FOR_SIGNER_CONFIRM"),
    "expired": (4001, "EXPIRED"),
    "rejected": (4002, "SIGNER_REJECTED"),
}
_SCOPE = "sign offline_access"
#: Seconds that a code and a refresh token are good for.
CODE_SECONDS, REFRESH_SECONDS = 15, 90 * 86400
_MOST = 50
_PAGE = """<!doctype html><html lang="vi"><meta charset="utf-8"><title>SmartCA thử nghiệm</title>
<h1>Cho phép ứng dụng gửi yêu cầu ký</h1><form method="post" action="decide"><p>Tài khoản
<input name="user"><input type="hidden" name="asked" value="{asked}">
<button name="answer" value="yes">Đồng ý</button> <button name="answer" value="no">Từ chối</button></form></html>"""


class SmartCaOauth(Dialect):
    """Handlers under /smartca."""

    prefix = "/smartca"

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        app.add("GET", f"{self.prefix}/auth/authorize", self.spoken(self.page))
        app.add("POST", f"{self.prefix}/auth/decide", self.spoken(self.decide))
        app.add("POST", f"{self.prefix}/auth/token", self.spoken(self.token))
        app.add("POST", f"{self.prefix}/csc/credentials/list", self.spoken(self.list_credentials))
        app.add("POST", f"{self.prefix}/csc/credentials/info", self.spoken(self.credential_info))
        app.add("POST", f"{self.prefix}/csc/credentials/gettraninfo", self.spoken(self.transaction))
        app.add("POST", f"{self.prefix}/csc/signature/signhash", self.spoken(self.sign_hash))
        app.add("GET", "/sandbox/webhook/smartca_oauth/{id}", self.webhook)

    def bad_request(self, why: str) -> Reply:
        """A request that cannot be read."""
        return _answer(30000, "CLIENT_INPUT_INVALID", None)

    def trouble(self, kind: str) -> Reply:
        """In the words of the gateway."""
        if kind == "token_expired":
            return reply_json({"error": "invalid_token"}, 401)
        return reply_json({"code": 50000, "codeDesc": "SERVER_ERROR", "message": ""}, 500)

    def revoked(self, consent: Any) -> Reply:
        """As before the question."""
        return _answer(60000, "CREDENTIAL_NOT_EXIST", None)

    def page(self, request: Request) -> Reply:
        """Who lets an application in: the page of the service itself."""
        asked = request.query
        if asked.get("response_type") != "code" or asked.get("scope") != _SCOPE:
            raise DialectError(reply_json({"error": "invalid_scope"}, 400))
        return Reply(
            body=_PAGE.format(asked=html.escape(urlencode(asked))).encode(),
            content_type="text/html; charset=utf-8",
        )

    def decide(self, request: Request) -> Reply:
        """The person agrees or not; back to the application."""
        form = request.form()
        asked = dict(parse_qsl(form.get("asked", "")))
        back = {"state": asked.get("state", "")}
        if form.get("answer") == "yes":
            user = form.get("user", "")
            back["code"] = self._let_in("code", asked.get("client_id", ""), user, CODE_SECONDS)
        else:
            back["error"] = "access_denied"
        location = f"{asked.get('redirect_uri', '')}?{urlencode(back)}"
        return Reply(status=303, headers={"location": location})

    def token(self, request: Request) -> Reply:
        """An access token of an hour, for a code (once) or a refresh token (as long as it lasts)."""
        form = request.form()
        client_id = form.get("client_id", "")
        if not self._tokens.knows(client_id, form.get("client_secret", "")):
            raise DialectError(reply_json({"error": "invalid_client"}, 401))
        kind = {"authorization_code": "code", "refresh_token": "refresh_token"}.get(
            form.get("grant_type", "")
        )
        if kind is None:
            raise DialectError(reply_json({"error": "unsupported_grant_type"}, 400))
        shown = _digest(form.get(kind, ""))
        row = self._store.row(
            "select user_id from let_in where digest = ? and kind = ? and client_id = ? and expires_at > ?",
            shown,
            kind,
            client_id,
            time.time(),
        )
        if row is None:
            raise DialectError(reply_json({"error": "invalid_grant"}, 400))
        answer = {
            "access_token": self._tokens.issue(client_id, row["user_id"]),
            "token_type": "bearer",
            "expires_in": self._tokens.life,
            "scope": _SCOPE,
        }
        if kind == "code":
            self._store.run("delete from let_in where digest = ?", shown)
            answer["refresh_token"] = self._let_in(
                "refresh_token", client_id, row["user_id"], REFRESH_SECONDS
            )
        return reply_json(answer)

    def list_credentials(self, request: Request) -> Reply:
        """The keys of whoever let the application in."""
        return _answer(0, "SUCCESS", self._credentials.ids_of(self._caller(request).user_id))

    def credential_info(self, request: Request) -> Reply:
        """State and certificates of a key."""
        credential_id = self._own(request)
        certificate = self._credentials.certificate(credential_id)
        ders = self._credentials.certificates_der(credential_id)
        is_revoked = self._credentials.is_revoked(credential_id)
        content = {
            "key": {"status": "ENABLED", "alg": ["1.2.840.113549.1.1.1"], "len": 2048},
            "cert": {
                "status": "REVOKED" if is_revoked else "VALID",
                "serialNumber": f"{certificate.serial_number:x}",
                "subjectDN": certificate.subject.rfc4514_string(),
                "certificates": [base64.b64encode(der).decode() for der in ders],
            },
            "authMode": "oauth2code",
            "scal": "SCAL2",
            "multisign": 1,
            "servicePacks": [],
        }
        return _answer(0, "SUCCESS", content)

    def sign_hash(self, request: Request) -> Reply:
        """Ask the person; one confirmation for all, of at most fifty."""
        credential_id, body = self._own(request), request.json()
        datas = json_list(body, "datas")
        if not body.get("refTranId") or len(datas) > _MOST:
            raise BadRequest("refTranId")
        if self._faults.take("out_of_turns", request.path):
            raise DialectError(_answer(65000, "SERVICE_PACK_EXEED_OR_INVALID", None))
        if self._credentials.is_revoked(credential_id):
            raise DialectError(_answer(60000, "CREDENTIAL_NOT_EXIST", None))
        consent = self.open(
            self._caller(request).client_id,
            "",
            credential_id,
            [digest_of(one.get("hash")) for one in datas],
            [str(one["name"]) for one in datas],
            str(body.get("description", "")),
            request.path,
        )
        return _answer(0, "SUCCESS", {"tranId": consent["handle"]})

    def transaction(self, request: Request) -> Reply:
        """How far a transaction is, for whoever began it."""
        caller = self._caller(request)
        consent = self._consents.get(str(request.json().get("tranId") or ""))
        if consent["credential_id"] not in self._credentials.ids_of(caller.user_id):
            raise DialectError(_answer(62001, "SIGNATURE_TRANSACTION_NOT_MATCH_IDENTITY", None))
        status, words = _STATUS[consent["state"]]
        content: dict[str, Any] = {"tranStatus": status, "tranStatusDesc": words, "documents": None}
        if consent["state"] == "confirmed":
            content["documents"] = [
                {"name": name, "sig": value, "dataSigned": None}
                for name, value in self.results(consent, request.path)
            ]
        return _answer(0, "SUCCESS", content)

    def webhook(self, request: Request) -> Reply:
        """What the service would post about a transaction: that there is something, never a value."""
        consent = self._consents.get(request.params["id"])
        status, _ = _STATUS[consent["state"]]
        return reply_json({"tranId": consent["handle"], "refTranId": "", "status": status})

    def _let_in(self, kind: str, client_id: str, user: str, seconds: float) -> str:
        text = secrets.token_urlsafe(32)
        until = time.time() + seconds
        self._store.run(
            "insert into let_in values (?, ?, ?, ?, ?)", _digest(text), kind, client_id, user, until
        )
        return text

    def _own(self, request: Request) -> str:
        """The credential that is asked about, of whoever let the application in."""
        caller = self._caller(request)
        name = str(request.json().get("credentialId") or "")
        if name not in self._credentials.ids_of(caller.user_id):
            raise DialectError(_answer(60001, "CREDENTIAL_NOT_MATCH_IDENTITY", None))
        return name

    def _caller(self, request: Request) -> Caller:
        caller = self._tokens.caller(request)
        if caller is None:
            raise DialectError(reply_json({"error": "invalid_token"}, 401))
        return caller


def _answer(code: int, words: str, content: object) -> Reply:
    return reply_json({"code": code, "codeDesc": words, "message": words, "content": content})


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
