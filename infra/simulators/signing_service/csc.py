"""The CSC endpoints on the wire (Cloud Signature Consortium, API 1.0.4 and 2.0), and their OAuth pages.

v2 takes a repeated clientData for the same transaction. v1 does not: whoever asks twice has two.
"""

import base64
import binascii
import hashlib
import html
import secrets
import time
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from infra.simulators.faults import FaultBox
from infra.simulators.signing_service.answers import twist
from infra.simulators.signing_service.consents import Consents, Demand, refuse, refuse_unless_confirmed
from infra.simulators.signing_service.credentials import Credentials
from infra.simulators.signing_service.errors import CscError, invalid
from infra.simulators.signing_service.settings import ServiceSettings
from infra.simulators.signing_service.store import Store
from infra.simulators.signing_service.tokens import Tokens
from infra.simulators.web import App, Reply, Request, reply_json

SHA256_OID = "2.16.840.1.101.3.4.2.1"
SIGN_ALGOS = ("1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11")
#: An OAuth code is good for so long (seconds).
CODE_SECONDS = 15
#: Of a SAD with the fault `short_sad`.
SHORT_SECONDS = 5
#: What was pushed is remembered so long (seconds), under a name that begins so (RFC 9126, 2.2).
PUSHED_SECONDS, _PUSHED = 60, "urn:ietf:params:oauth:request_uri:"
_PAGE = """<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>Cấp quyền ký (SANDBOX)</title></head>
<body><h1>Cho phép ký {count} tài liệu?</h1><p>{description}</p>
<form method="post" action="{action}"><input type="hidden" name="grant" value="{grant}">
<button name="answer" value="yes">Đồng ý</button><button name="answer" value="no">Từ chối</button></form></body></html>"""


class Version(NamedTuple):
    """What differs: prefix of the addresses, names of the fields, whether clientData makes a call repeatable."""

    prefix: str
    specs: str
    hashes: str
    algorithm: str
    repeatable: bool


V1 = Version("/csc/v1", "1.0.4.0", "hash", "hashAlgo", False)
V2 = Version("/csc/v2", "2.0.0.2", "hashes", "hashAlgorithmOID", True)


class Csc:
    """Handlers of the interface in one version."""

    def __init__(
        self,
        version: Version,
        store: Store,
        credentials: Credentials,
        consents: Consents,
        tokens: Tokens,
        settings: ServiceSettings,
        faults: FaultBox,
    ) -> None:
        self._version = version
        self._store = store
        self._credentials = credentials
        self._consents = consents
        self._tokens = tokens
        self._settings = settings
        self._faults = faults
        self._methods = {
            "info": self.info,
            "oauth2/token": self.token,
            "oauth2/decide": self.decide,
            "credentials/list": self.list_credentials,
            "credentials/info": self.credential_info,
            "credentials/authorize": self.authorize,
            "credentials/extendTransaction": self.extend,
            "signatures/signHash": self.sign_hash,
        } | (
            {
                "credentials/authorizeCheck": self.authorize_check,
                "credentials/getChallenge": self.send_otp,
                "signatures/signPolling": self.sign_polling,
                "oauth2/pushed_authorize": self.push,
            }
            if version is V2
            else {"credentials/sendOTP": self.send_otp}
        )

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        for method, handler in self._methods.items():
            app.add("POST", f"{self._version.prefix}/{method}", handler)
        app.add("GET", f"{self._version.prefix}/oauth2/authorize", self.consent_page)

    def info(self, request: Request) -> Reply:
        """Facts about the service; needs no token."""
        return reply_json(
            {
                "specs": self._version.specs,
                "name": "Hocba SANDBOX",
                "region": "VN",
                "lang": "vi-VN",
                "description": "Dịch vụ ký thử nghiệm, chữ ký không có giá trị pháp lý",
                "authType": ["oauth2client", "oauth2code"],
                "methods": [name for name in self._methods if name != "info"],
                "asynchronousOperationMode": False,
                "signAlgorithms": {"algos": list(SIGN_ALGOS)},
            }
        )

    def token(self, request: Request) -> Reply:
        """OAuth 2.0 by form or by Basic: client credentials (RFC 6749 4.4), or the code of a person's consent (4.1)."""
        form = request.form()
        if form.get("grant_type") not in ("client_credentials", "authorization_code"):
            raise CscError("unsupported_grant_type", "Unknown grant_type")
        client_id, secret = _client(form, request.headers)
        if not self._tokens.knows(client_id, secret):
            raise CscError("invalid_client", "Client authentication failed", 401)
        if form["grant_type"] == "client_credentials":
            token, life = self._tokens.issue(client_id), self._tokens.life
        else:
            consent = self._redeem(client_id, form)
            token, life = consent["sad"], _left(consent["sad_expires_at"])
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
        return reply_json(answer | self._auth_info(self._credentials.auth(credential_id)))

    def authorize(self, request: Request) -> Reply:
        """Have the person authorise hashes: with PIN or OTP at once, else on the telephone (202; v1 waits)."""
        client_id, body = self._caller(request), request.json()
        demand = self._demand(client_id, body)
        auth = self._credentials.auth(demand.credential_id)
        if auth == "oauth2code":
            raise invalid("Invalid parameter credentialID")
        if auth != "app":
            self._prove(demand.credential_id, body)
            return self._sad(self._consents.open_confirmed(demand))
        fate = self._fate(request.path)
        if self._version is V1:
            refuse(fate)
            return self._sad(self._consents.open_confirmed(demand))
        consent = self._consents.open(demand, fate)
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
        if self._faults.take("short_sad", request.path):
            consent = self._consents.shorten(consent["handle"], SHORT_SECONDS)
        return self._sad(consent)

    def extend(self, request: Request) -> Reply:
        """A new SAD for hashes that the person has agreed to; the old one ends."""
        client_id, body = self._caller(request), request.json()
        credential_id, sad = _text(body, "credentialID"), _text(body, "SAD")
        return self._sad(self._consents.extend(client_id, sad, credential_id, self._hashes(body)))

    def send_otp(self, request: Request) -> Reply:
        """Have an OTP sent onto the telephone."""
        self._caller(request)
        self._credentials.send_otp(_text(request.json(), "credentialID"))
        return Reply(status=204)

    def sign_hash(self, request: Request) -> Reply:
        """Sign authorised hashes; the same call again gives the same values. The fault `later`: not at once; `used_up`: a
        SAD that has signed is good for nothing more."""
        client_id, body = self._caller(request), request.json()
        credential_id, sad = _text(body, "credentialID"), _text(body, "SAD")
        if body.get("signAlgo") not in SIGN_ALGOS:
            raise invalid("Invalid parameter signAlgo")
        digests = self._hashes(body)
        if self._consents.has_signed(sad) and self._faults.take("used_up", request.path):
            raise invalid("SAD expired")
        values = self._consents.sign(client_id, sad, credential_id, digests)
        if self._faults.take("later", request.path):
            return reply_json({"responseID": sad})
        return self._signatures(request, values, digests)

    def sign_polling(self, request: Request) -> Reply:
        """What signHash made later (v2); 202 while the fault `later` lasts."""
        self._caller(request)
        row = self._store.row("select handle from consent where sad = ?", _text(request.json(), "requestID"))
        if row is None:
            raise invalid("Invalid parameter requestID")
        if self._faults.take("later", request.path):
            return reply_json({}, 202)
        values = self._consents.values_of(row["handle"])
        return self._signatures(request, values, [])

    def push(self, request: Request) -> Reply:
        """Pushed authorization (RFC 9126): what the page will ask, from the application itself, which proves itself."""
        form = request.form()
        client_id, secret = _client(form, request.headers)
        if not self._tokens.knows(client_id, secret):
            raise CscError("invalid_client", "Client authentication failed", 401)
        if "request_uri" in form:
            raise invalid("Invalid parameter request_uri")
        name = _PUSHED + secrets.token_urlsafe(18)
        asked = {key: value for key, value in form.items() if key != "client_secret"}
        self._store.run(
            "insert into pushed values (?, ?, ?, ?)",
            name,
            client_id,
            msgspec.json.encode(asked),
            time.time() + PUSHED_SECONDS,
        )
        return reply_json({"request_uri": name, "expires_in": PUSHED_SECONDS}, 201)

    def _pushed(self, query: dict[str, str]) -> dict[str, str]:
        """What was pushed under `request_uri`, once; else the address as it is."""
        if "request_uri" not in query:
            return query
        row = self._store.row(
            "select asked from pushed where name = ? and client_id = ? and expires_at > ?",
            query["request_uri"],
            query.get("client_id", ""),
            time.time(),
        )
        if row is None:
            raise invalid("Invalid parameter request_uri")
        self._store.run("delete from pushed where name = ?", query["request_uri"])
        return msgspec.json.decode(row["asked"], type=dict[str, str])

    def consent_page(self, request: Request) -> Reply:
        """`oauth2/authorize` with the scope `credential`: the page that asks the person."""
        query = self._pushed(request.query)
        if query.get("response_type") != "code" or query.get("scope") != "credential":
            raise CscError("invalid_scope", "Only the scope credential is supported")
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            raise CscError("invalid_request", "PKCE with S256 is required")
        demand = self._asked_by(query)
        if self._credentials.auth(demand.credential_id) != "oauth2code":
            raise invalid("Invalid parameter credentialID")
        grant = secrets.token_urlsafe(18)
        self._store.run(
            "insert into grant_code (id, client_id, redirect_uri, state, code_challenge, demand)"
            " values (?, ?, ?, ?, ?, ?)",
            grant, demand.client_id, query["redirect_uri"], query.get("state", ""), query["code_challenge"],
            msgspec.json.encode(demand),
        )  # fmt: skip
        page = _PAGE.format(
            count=len(demand.hashes),
            description=html.escape(demand.description),
            action=f"{self._version.prefix}/oauth2/decide",
            grant=grant,
        )
        return Reply(body=page.encode(), content_type="text/html; charset=utf-8")

    def decide(self, request: Request) -> Reply:
        """The person agrees or not; back to the application."""
        form = request.form()
        row = self._store.row("select * from grant_code where id = ?", form.get("grant", ""))
        if row is None or row["code"] is not None:
            raise invalid("Invalid parameter grant")
        back = {"state": row["state"]}
        if form.get("answer") == "yes":
            back["code"] = secrets.token_urlsafe(32)
            self._store.run(
                "update grant_code set code = ?, issued_at = ? where id = ?",
                back["code"],
                time.time(),
                row["id"],
            )
        else:
            back["error"] = "access_denied"
        return Reply(status=303, headers={"location": f"{row['redirect_uri']}?{urlencode(back)}"})

    def _redeem(self, client_id: str, form: dict[str, str]) -> Any:
        row = self._store.row(
            "select * from grant_code where code = ? and client_id = ? and redirect_uri = ?",
            form.get("code", ""),
            client_id,
            form.get("redirect_uri", ""),
        )
        shown = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(shown).rstrip(b"=").decode()
        if row is None or row["code_challenge"] != challenge or row["issued_at"] < time.time() - CODE_SECONDS:
            raise CscError("invalid_grant", "The code is invalid or has expired")
        self._store.run("update grant_code set code = 'used ' || id where id = ?", row["id"])
        return self._consents.open_confirmed(msgspec.json.decode(row["demand"], type=Demand))

    def _asked_by(self, query: dict[str, str]) -> Demand:
        if self._version is V1:
            texts = query.get("hash", "").split(",")
            credential_id, digests = query.get("credentialID", ""), [_from_url(text) for text in texts]
        else:
            [detail] = msgspec.json.decode(query.get("authorization_details", ""), type=list[dict[str, Any]])
            credential_id = str(detail["credentialID"])
            digests = [base64.b64decode(one["hash"], validate=True) for one in detail["documentDigests"]]
        self._credentials.certificate(credential_id)
        return Demand(
            client_id=query.get("client_id", ""),
            client_data=query.get("clientData", "") if self._version.repeatable else "",
            credential_id=credential_id,
            hashes=tuple(digests),
            num_signatures=len(digests),
            description=query.get("description", ""),
        )

    def _auth_info(self, auth: str) -> dict[str, Any]:
        if self._version is V1:
            mode = {"app": "implicit", "oauth2code": "oauth2code"}.get(auth, "explicit")
            return {
                "authMode": mode,
                "PIN": {"presence": "true" if "pin" in auth else "false"},
                "OTP": {"presence": "true" if "otp" in auth else "false", "type": "online"},
            }
        if auth == "oauth2code":
            return {"auth": {"mode": "oauth2code"}}
        if auth == "app":
            objects = [{"id": "APP", "type": "Decoupled"}]
        else:
            objects = [{"id": f"{one}-1", "type": one.upper()} for one in auth.split("+")]
        expression = " AND ".join(one["id"] for one in objects)
        return {"auth": {"mode": "explicit", "expression": expression, "objects": objects}}

    def _prove(self, credential_id: str, body: dict[str, Any]) -> None:
        if self._version is V1:
            pin, otp = body.get("PIN"), body.get("OTP")
        else:
            given = {one["id"]: one["value"] for one in body.get("authData") or []}
            pin, otp = given.get("pin-1"), given.get("otp-1")
        match self._credentials.prove(credential_id, pin, otp):
            case "locked":
                raise CscError("invalid_request", "Credential locked")
            case "pin":
                raise CscError("invalid_pin", "The PIN is invalid")
            case "otp":
                raise CscError("invalid_otp", "The OTP is invalid")

    def _demand(self, client_id: str, body: dict[str, Any]) -> Demand:
        digests, count = self._hashes(body), body.get("numSignatures")
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
            client_data=str(body.get("clientData") or "") if self._version.repeatable else "",
            credential_id=credential_id,
            hashes=tuple(digests),
            num_signatures=count,
            description=str(body.get("description") or ""),
        )

    def _hashes(self, body: dict[str, Any]) -> list[bytes]:
        """The digests, each 32 bytes of SHA-256."""
        names = self._version
        if body.get(names.algorithm) not in (SHA256_OID, None):
            raise invalid(f"Invalid parameter {names.algorithm}")
        try:
            texts = msgspec.convert(body.get(names.hashes), list[str])
            digests = [base64.b64decode(text, validate=True) for text in texts]
        except (msgspec.ValidationError, binascii.Error) as error:
            raise invalid(f"Invalid parameter {names.hashes}") from error
        if not digests:
            raise invalid("Empty hash array")
        if any(len(digest) != 32 for digest in digests):
            raise invalid("Invalid digest value length")
        return digests

    def _signatures(self, request: Request, values: list[bytes], digests: list[bytes]) -> Reply:
        answered = twist(values, digests, self._faults, request.path)
        return reply_json({"signatures": [base64.b64encode(value).decode() for value in answered]})

    def _sad(self, consent: Any) -> Reply:
        return reply_json({"SAD": consent["sad"], "expiresIn": _left(consent["sad_expires_at"])})

    def _fate(self, path: str) -> str:
        if self._faults.take("reject", path):
            return "rejected"
        return "expired" if self._faults.take("expire", path) else "confirmed"

    def _caller(self, request: Request) -> str:
        if not request.headers.get("authorization", "").lower().startswith("bearer "):
            raise invalid("Malformed authorization header")
        caller = self._tokens.caller(request)
        if caller is None:
            raise CscError("invalid_token", "The access token is invalid or has expired", 401)
        return caller.client_id


def _client(form: dict[str, str], headers: dict[str, str]) -> tuple[str, str]:
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("Malformed authorization header") from error
    return client_id, secret


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not value:
        raise invalid(f"Missing (or invalid type) string parameter {name}")
    if not isinstance(value, str):
        raise invalid(f"Invalid parameter {name}")
    return value


def _from_url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _left(until: float) -> int:
    return max(0, int(until - time.time()))
