"""Whether a caller is a school that this authority knows, as the profile says that schools are known; log-ins, too."""

import base64
import hashlib
import secrets
import time
from typing import Any

from backend.integrations.profiles import documents
from backend.integrations.profiles.schemas import (
    ApiKey,
    Basic,
    Mtls,
    NoAuth,
    OAuthClient,
    Profile,
    SessionLogin,
    SftpKey,
    WsSecurity,
)
from infra.simulators.province.settings import ProvinceSettings
from infra.simulators.web import App, BadRequest, Reply, Request, reply_json

#: How far the clock of a school may be off, and for how long a token is good (seconds).
_SKEW, _TOKEN_LIFE = 300.0, 600.0


class Door:
    """Looks at who calls. Tokens and nonces are in memory: a restart ends them."""

    def __init__(self, profile: Profile, settings: ProvinceSettings) -> None:
        self._auth = profile.auth
        self._settings = settings
        self._tokens: dict[str, float] = {}
        self._nonces: set[str] = set()
        #: Seconds by which this authority's clock is ahead.
        self.skew = 0.0

    def add_to(self, app: App) -> None:
        """The address at which schools log in, if there is one."""
        if isinstance(self._auth, OAuthClient | SessionLogin):
            app.add("POST", self._auth.path, self._log_in)

    def knows(self, request: Request) -> bool:
        """Whether the caller may come in."""
        given, auth = request.headers, self._auth
        match auth:
            case NoAuth() | SftpKey() | Mtls():  # keys were asked for where connections come in
                return True
            case ApiKey():
                return _same(given.get(auth.header.lower(), ""), self._secret(auth.secret))
            case Basic():
                pair = f"{self._settings.parameters[auth.user]}:{self._secret(auth.secret)}"
                return _same(given.get("authorization", ""), f"Basic {_base64(pair.encode())}")
            case OAuthClient():
                return self._is_token(given.get("authorization", "").removeprefix("Bearer "))
            case SessionLogin():
                return self._is_token(given.get(auth.header.lower(), "").removeprefix(auth.prefix))
            case WsSecurity():
                return self._is_fresh(request.body, auth)

    def end_tokens(self) -> None:
        """Every token is over, as after a restart."""
        self._tokens.clear()

    def _log_in(self, request: Request) -> Reply:
        auth = self._auth
        if isinstance(auth, OAuthClient):
            said, user, secret = request.form(), "client_id", "client_secret"
            wanted = (self._settings.parameters[auth.client], self._secret(auth.secret))
        elif isinstance(auth, SessionLogin):
            said, user, secret = request.json(), auth.user_field, auth.secret_field
            wanted = (self._settings.parameters[auth.user], self._secret(auth.secret))
        else:
            raise BadRequest("No log-in here")
        if not all(
            _same(str(said.get(name, "")), value) for name, value in zip((user, secret), wanted, strict=True)
        ):
            return reply_json({"error": "invalid_client"}, 401)
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.time() + _TOKEN_LIFE
        if isinstance(auth, SessionLogin):
            return reply_json(_placed(auth.token, token))
        return reply_json({"access_token": token, "token_type": "Bearer", "expires_in": int(_TOKEN_LIFE)})

    def _is_token(self, token: str) -> bool:
        return time.time() + self.skew < self._tokens.get(token, 0.0)

    def _is_fresh(self, body: bytes, auth: WsSecurity) -> bool:
        try:
            envelope = documents.read("xml", body)["Envelope"]
            token = envelope["Header"]["Security"]["UsernameToken"]
            nonce, created, given = token["Nonce"], token["Created"], token["Password"][documents.TEXT]
            sent = time.mktime(time.strptime(created, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        except (documents.Unreadable, KeyError, TypeError, ValueError):
            return False
        raw = base64.b64decode(nonce) + created.encode() + self._secret(auth.secret).encode()
        wanted = _base64(hashlib.sha1(raw, usedforsecurity=False).digest())
        is_new = nonce not in self._nonces
        self._nonces.add(nonce)
        on_time = abs(time.time() + self.skew - sent) <= _SKEW
        named = _same(token["Username"], self._settings.parameters[auth.user])
        return is_new and on_time and named and _same(given, wanted)

    def _secret(self, name: str) -> str:
        return self._settings.secrets[name]


def _same(left: str, right: str) -> bool:
    return secrets.compare_digest(left.encode(), right.encode())


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _placed(path: str, token: str) -> Any:
    """An answer in which a plain path (`data.token`) leads to the token."""
    made: Any = token
    for name in reversed(path.split(".")):
        made = {name: made}
    return made
