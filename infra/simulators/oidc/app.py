"""The provider put together: OpenID Connect, code flow with PKCE, for any path as its realm (`/google`, `/vneid`, …).

Whoever comes chooses who they are; there are no passwords. Codes live in memory: a restart ends them.
"""

import base64
import hashlib
import secrets
from html import escape
from pathlib import Path
from urllib.parse import unquote_plus, urlencode

import msgspec
from joserfc.jwk import RSAKey

from infra.simulators.faults import FaultBox
from infra.simulators.oidc.people import FIRST, Person, claims_of
from infra.simulators.oidc.settings import RelyingParty, load_or_create, signing_key
from infra.simulators.oidc.tokens import CLAIM_FAULTS, KEY_FAULTS, TIME_FAULTS, id_token
from infra.simulators.web import App, BadRequest, Handler, Reply, Request, reply_json

#: Lies on the way: of the redirect, of the token endpoint, of the discovery document.
_WAY_FAULTS = (
    "wrong_state",
    "foreign_iss",
    "no_iss",
    "denied",
    "http500",
    "html_200",
    "no_id_token",
    "foreign_discovery",
)
_ASKED = ("client_id", "redirect_uri", "state", "nonce", "code_challenge")


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a code stands for."""

    realm: str
    person: Person
    redirect_uri: str
    nonce: str
    challenge: str


def build(directory: Path, address: str) -> App:
    """Open DIR, make what is missing, register all routes. `address` is where the provider is reached."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    faults = FaultBox((*CLAIM_FAULTS, *KEY_FAULTS, *TIME_FAULTS, *_WAY_FAULTS))
    provider = Provider(address, load_or_create(directory), signing_key(directory), faults)
    app = App(_run)
    app.add("GET", "/health", lambda request: reply_json({"status": "ok", "service": "oidc"}))
    app.add("POST", "/sandbox/people", provider.add_person)
    app.add("POST", "/sandbox/faults", faults.post)
    app.add("GET", "/sandbox/faults", faults.get)
    app.add("DELETE", "/sandbox/faults", faults.delete)
    app.add("GET", "/{realm*}/.well-known/openid-configuration", provider.discovery)
    app.add("GET", "/{realm*}/jwks", provider.keys)
    app.add("GET", "/{realm*}/authorize", provider.authorize)
    app.add("GET", "/{realm*}/choose", provider.choose)
    app.add("POST", "/{realm*}/token", provider.token)
    return app


class Provider:
    """Handlers of the protocol."""

    def __init__(self, address: str, party: RelyingParty, key: RSAKey, faults: FaultBox) -> None:
        self._address, self._party, self._key, self._faults = address, party, key, faults
        self._people = list(FIRST)
        self._grants: dict[str, Grant] = {}

    def add_person(self, request: Request) -> Reply:
        """Somebody more, with the claims that the test wants."""
        try:
            self._people.append(msgspec.json.decode(request.body, type=Person))
        except msgspec.MsgspecError as error:
            raise BadRequest(str(error)) from error
        return reply_json({"people": self._people})

    def discovery(self, request: Request) -> Reply:
        """The realm's own description."""
        issuer = self._issuer(request)
        named = "https://xau.example" if self._faults.take("foreign_discovery", request.path) else issuer
        return reply_json(
            {
                "issuer": named,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def keys(self, request: Request) -> Reply:
        """The public key."""
        return reply_json({"keys": [self._key.as_dict(private=False) | {"use": "sig", "alg": "RS256"}]})

    def authorize(self, request: Request) -> Reply:
        """Who are you? One link per person."""
        asked = _asked(request, self._party)
        links = "".join(
            f'<li><a href="/{escape(request.params["realm"])}/choose?'
            f'{escape(urlencode({**asked, "sub": person.sub}))}">{escape(person.name)} ({escape(person.email)})</a>'
            for person in self._people
        )
        page = (
            '<!doctype html><html lang="vi"><meta charset="utf-8"><title>Nơi đăng nhập thử nghiệm</title>'
            '<link rel="icon" href="data:,">'
            f"<h1>Nơi đăng nhập thử nghiệm</h1><p>Bạn là ai?</p><ul>{links}</ul></html>"
        )
        return Reply(body=page.encode(), content_type="text/html; charset=utf-8")

    def choose(self, request: Request) -> Reply:
        """Back to the relying party, with a code."""
        asked = _asked(request, self._party)
        person = next((one for one in self._people if one.sub == request.query.get("sub")), None)
        if person is None:
            raise BadRequest("nobody has this subject")
        code = secrets.token_urlsafe(16)
        self._grants[code] = Grant(
            realm=request.params["realm"],
            person=person,
            redirect_uri=asked["redirect_uri"],
            nonce=asked["nonce"],
            challenge=asked["code_challenge"],
        )
        return self._back(request, asked, code)

    def token(self, request: Request) -> Reply:
        """An ID token for a code: once, for the party that it was given to, with the verifier of its challenge."""
        if self._faults.take("http500", request.path):
            return reply_json({"error": "server_error"}, 500)
        if self._faults.take("html_200", request.path):
            return Reply(body=b"<!doctype html><title>x</title>", content_type="text/html")
        form = request.form()
        grant = self._grants.pop(form.get("code", ""), None)
        if not self._is_party(request) or grant is None or not _fits(grant, request, form):
            return reply_json({"error": "invalid_grant"}, 400)
        claims = {
            "iss": self._issuer(request),
            "aud": self._party.client_id,
            "nonce": grant.nonce,
            **claims_of(grant.person, grant.realm),
        }
        answer: dict[str, object] = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer"}
        if not self._faults.take("no_id_token", request.path):
            secret = self._party.client_secret
            answer["id_token"] = id_token(claims, self._key, secret, self._faults, request.path)
        return reply_json(answer)

    def _back(self, request: Request, asked: dict[str, str], code: str) -> Reply:
        path = request.path
        said = {"code": code, "state": asked["state"], "iss": self._issuer(request)}
        if self._faults.take("denied", path):
            said = {"error": "access_denied", "state": asked["state"], "iss": self._issuer(request)}
        if self._faults.take("wrong_state", path):
            said["state"] = "of another browser"
        if self._faults.take("foreign_iss", path):
            said["iss"] = "https://xau.example"
        if self._faults.take("no_iss", path):
            del said["iss"]
        return Reply(status=303, headers={"location": f"{asked['redirect_uri']}?{urlencode(said)}"})

    def _issuer(self, request: Request) -> str:
        return f"{self._address}/{request.params['realm']}"

    def _is_party(self, request: Request) -> bool:
        kind, _, sent = request.headers.get("authorization", "").partition(" ")
        if kind != "Basic":
            return False
        name, _, secret = base64.b64decode(sent).decode().partition(":")
        known = (self._party.client_id, self._party.client_secret)
        return (unquote_plus(name), unquote_plus(secret)) == known


def _asked(request: Request, party: RelyingParty) -> dict[str, str]:
    asked = {name: request.query.get(name, "") for name in _ASKED}
    if not all(asked.values()) or asked["client_id"] != party.client_id:
        raise BadRequest(f"needs {', '.join(_ASKED)} of a known client")
    return asked


def _fits(grant: Grant, request: Request, form: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return (grant.realm, grant.redirect_uri, grant.challenge) == (
        request.params["realm"],
        form.get("redirect_uri", ""),
        challenge,
    )


def _run(request: Request, handler: Handler) -> Reply:
    return handler(request)
