"""The signing service put together."""

from collections.abc import Sequence
from pathlib import Path

from infra.simulators.faults import FaultBox
from infra.simulators.signing_service.answers import TWISTS
from infra.simulators.signing_service.authority import Authority
from infra.simulators.signing_service.consents import Consents
from infra.simulators.signing_service.credentials import Credentials
from infra.simulators.signing_service.csc import V1, V2, Csc
from infra.simulators.signing_service.dialect import Dialect
from infra.simulators.signing_service.errors import CscError
from infra.simulators.signing_service.misa import Misa
from infra.simulators.signing_service.mysign import MySign
from infra.simulators.signing_service.phone import Phone
from infra.simulators.signing_service.pki import Pki
from infra.simulators.signing_service.revocation import Revocation
from infra.simulators.signing_service.rssp import Rssp
from infra.simulators.signing_service.sandbox import Sandbox
from infra.simulators.signing_service.settings import load_or_create
from infra.simulators.signing_service.smartca_oauth import SmartCaOauth
from infra.simulators.signing_service.sp769 import Sp769
from infra.simulators.signing_service.store import Store
from infra.simulators.signing_service.timestamps import TimestampAuthority
from infra.simulators.signing_service.tokens import Tokens
from infra.simulators.web import App, Handler, Reply, Request, reply_json

_BEFORE = ("http500", "token_expired", "rate_limit", "html_200")
_AFTER = ("delay", "cut_after_accept")
#: Faults that only some interfaces know, see README.
_OWN = ("reject", "expire", "later", "out_of_turns", "shuffled", "short_sad", "used_up")
_CONTROLS = ("/sandbox", "/phone", "/health")

DIALECTS: tuple[type[Dialect], ...] = (Sp769, SmartCaOauth, MySign, Rssp, Misa)


def build(directory: Path, base_url: str, auto_confirm: float | None) -> App:
    """Open DIR, make what is missing, register all routes."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = load_or_create(directory)
    store = Store(directory)
    authority = Authority(directory, base_url)
    credentials = Credentials(store, authority)
    consents = Consents(store, credentials, settings, auto_confirm)
    faults = FaultBox([*_BEFORE, *_AFTER, *_OWN, *TWISTS])
    tokens = Tokens(store, settings)
    parts = (store, credentials, consents, tokens, settings, faults)
    dialects = [dialect(*parts) for dialect in DIALECTS]
    app = App(_Around(store, faults, dialects))
    for version in (V1, V2):
        Csc(version, *parts).register(app)
    for dialect in dialects:
        dialect.register(app)
    Phone(consents, store).register(app)
    Sandbox(store, credentials).register(app)
    Pki(authority, Revocation(authority, store), TimestampAuthority(authority, store.next_stamp)).register(
        app
    )
    app.add("POST", "/sandbox/faults", faults.post)
    app.add("GET", "/sandbox/faults", faults.get)
    app.add("DELETE", "/sandbox/faults", faults.delete)
    app.add("GET", "/health", lambda request: reply_json({"status": "ok", "service": "signing"}))
    return app


class _Around:
    """One request = one transaction, with the faults that hit any endpoint around it."""

    def __init__(self, store: Store, faults: FaultBox, dialects: Sequence[Dialect]) -> None:
        self._store = store
        self._faults = faults
        self._dialects = dialects

    def __call__(self, request: Request, handler: Handler) -> Reply:
        if request.path.startswith(_CONTROLS):
            return self._run(request, handler)
        if self._faults.take("http500", request.path):
            return self._trouble("http500", request.path)
        if any(name.startswith("authorization") for name in request.headers) and self._faults.take(
            "token_expired", request.path
        ):
            return self._trouble("token_expired", request.path)
        if self._faults.take("html_200", request.path):
            return Reply(body=b"<html>Bao tri he thong</html>", content_type="text/html")
        if self._faults.take("rate_limit", request.path):
            return Reply(status=429, body=b"{}", headers={"retry-after": "1"})
        reply = self._run(request, handler)
        delay = self._faults.take("delay", request.path)
        reply.delay = delay.seconds if delay else 0.0
        reply.cut = self._faults.take("cut_after_accept", request.path) is not None
        return reply

    def _trouble(self, kind: str, path: str) -> Reply:
        for dialect in self._dialects:
            if path.startswith(dialect.prefix):
                return dialect.trouble(kind)
        if kind == "http500":
            return CscError("server_error", "Internal server error", 500).reply()
        return CscError("invalid_token", "The access token is invalid or has expired", 401).reply()

    def _run(self, request: Request, handler: Handler) -> Reply:
        with self._store.transaction():
            try:
                return handler(request)
            except CscError as error:
                return error.reply()
