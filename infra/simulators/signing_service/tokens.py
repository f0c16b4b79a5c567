"""Access tokens of all dialects: who calls, and for which user where a dialect gives users tokens."""

import hashlib
import secrets
import time
from typing import NamedTuple

from infra.simulators.signing_service.settings import ServiceSettings
from infra.simulators.signing_service.store import Store
from infra.simulators.web import Request


class Caller(NamedTuple):
    """The application, and the user whose token it is (empty: the application's own)."""

    client_id: str
    user_id: str


class Tokens:
    """Issued after a secret was shown; kept as digests."""

    def __init__(self, store: Store, settings: ServiceSettings) -> None:
        self._store = store
        self._secrets = {party.client_id: party.client_secret for party in settings.relying_parties}
        self._life = settings.token_seconds

    @property
    def life(self) -> int:
        """Seconds."""
        return self._life

    def knows(self, client_id: str, secret: str) -> bool:
        """Whether an application shows its own secret."""
        kept = self._secrets.get(client_id, "")
        return bool(secret) and secrets.compare_digest(kept.encode(), secret.encode())

    def issue(self, client_id: str, user_id: str = "") -> str:
        """A fresh one; those that ran out are forgotten."""
        token = secrets.token_urlsafe(32)
        self._store.run("delete from access_token where expires_at < ?", time.time())
        self._store.run(
            "insert into access_token values (?, ?, ?, ?)",
            _digest(token),
            client_id,
            user_id,
            time.time() + self._life,
        )
        return token

    def caller(self, request: Request, header: str = "authorization") -> Caller | None:
        """Whose bearer token a request carries; None when it does not count."""
        scheme, _, token = request.headers.get(header, "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        row = self._store.row(
            "select client_id, user_id from access_token where digest = ? and expires_at > ?",
            _digest(token),
            time.time(),
        )
        return Caller(row["client_id"], row["user_id"]) if row is not None else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
