"""How an Authority knows us: what its profile asks for, made of what the school bound. Nothing of it is kept as evidence.

Tokens live in the memory of one process, for as long as the profile says, and are never written anywhere.
"""

import base64
import hashlib
import secrets
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import msgspec
from lxml import etree

from backend.core import clock, http_client
from backend.core.crypto import sha256_hex
from backend.integrations.authorities.schemas import Endpoint
from backend.integrations.profiles import documents, expressions, packages
from backend.integrations.profiles.packages import Material
from backend.integrations.profiles.schemas import ApiKey, Basic, Mtls, OAuthClient, SessionLogin, WsSecurity
from backend.remote_signing.formats.service import BadKey

_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
#: Largest answer to a log-in.
_MAX_TOKEN = 64 * 1024


class Refused(Exception):
    """The Authority does not take what the school bound: a person has to look."""


class Proof(msgspec.Struct, frozen=True):
    """What goes along with a call: headers, and for SOAP an element in the header of the message."""

    headers: dict[str, str]
    element: Callable[[], Any] | None = None

    def on(self, content: bytes) -> bytes:
        """The bytes that leave."""
        return documents.with_header(content, self.element()) if self.element and content else content

    def __repr__(self) -> str:
        return "Proof(…)"


class _Token(msgspec.Struct, frozen=True):
    value: str
    until: float


_tokens: dict[str, _Token] = {}
_lock = threading.Lock()


async def proof(endpoint: Endpoint) -> Proof:
    """What this call sends along. Raises Refused, and what `http_client.request` raises.

    Nothing of the message has left when a log-in fails: that is told as `http_client.NotSent`.
    """
    match endpoint.profile.auth:
        case ApiKey(header=header, secret=secret):
            return Proof({header: endpoint.secrets[secret]})
        case Basic(user=user, secret=secret):
            pair = f"{endpoint.parameters[user]}:{endpoint.secrets[secret]}"
            return Proof({"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"})
        case OAuthClient() as auth:
            return Proof({"authorization": f"Bearer {await _token(endpoint, auth)}"})
        case SessionLogin() as auth:
            return Proof({auth.header: auth.prefix + await _token(endpoint, auth)})
        case WsSecurity(user=user, secret=secret):
            name, password = endpoint.parameters[user], endpoint.secrets[secret]
            return Proof({}, lambda: _username_token(name, password))
    return Proof({})


def material(endpoint: Endpoint) -> Material:
    """What the packages of this school are made with."""
    return Material(endpoint.files, endpoint.secrets, endpoint.platform)


def tls(endpoint: Endpoint) -> http_client.Tls | None:
    """Whom we believe there and who we are, where the profile says more than usual. Raises BadKey."""
    name, auth = endpoint.profile.transport.authorities, endpoint.profile.auth
    authorities = endpoint.files[name] if name is not None else None
    identity = packages.pem_of(endpoint.secrets[auth.secret]) if isinstance(auth, Mtls) else None
    if authorities is None and identity is None:
        return None
    found = http_client.Tls(authorities, identity)
    try:
        http_client.require_usable(found)
    except http_client.BadIdentity as error:
        raise BadKey("khóa và chứng thư của trường để kết nối không dùng được") from error
    return found


def forget(endpoint: Endpoint) -> None:
    """The Authority takes the token no more: the next call asks for another."""
    with _lock:
        _tokens.pop(_name(endpoint), None)


async def _token(endpoint: Endpoint, auth: OAuthClient | SessionLogin) -> str:
    name = _name(endpoint)
    with _lock:
        known = _tokens.get(name)
    if known is not None and monotonic() < known.until:
        return known.value
    try:
        made = await _log_in(endpoint, auth)
    except http_client.NoAnswer as error:
        raise http_client.NotSent("no answer to the log-in") from error
    with _lock:
        _tokens[name] = made
    return made.value


async def _log_in(endpoint: Endpoint, auth: OAuthClient | SessionLogin) -> _Token:
    form, body, path = None, None, "access_token"
    if isinstance(auth, OAuthClient):
        form = {
            "grant_type": "client_credentials",
            "client_id": endpoint.parameters[auth.client],
            "client_secret": endpoint.secrets[auth.secret],
            **({"scope": auth.scope} if auth.scope else {}),
        }
    else:
        user, secret = endpoint.parameters[auth.user], endpoint.secrets[auth.secret]
        body, path = {auth.user_field: user, auth.secret_field: secret}, auth.token
    answer = await http_client.request(
        "POST",
        endpoint.base_url + auth.path,
        form=form,
        json=body,
        total_timeout=endpoint.total_timeout,
        connect_timeout=endpoint.connect_timeout,
        max_bytes=_MAX_TOKEN,
        tls=tls(endpoint),
    )
    if answer.status in (400, 401, 403):
        raise Refused
    try:
        said = documents.read("json", answer.body)
        token = expressions.find(path, said)
    except (documents.Unreadable, expressions.BadExpression):
        token = None
    if answer.status != 200 or not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise http_client.NotSent("the log-in gave no token")
    lasts = said.get("expires_in") if isinstance(said, dict) else None
    keep = min(auth.keep, float(lasts)) if isinstance(lasts, int) and lasts > 0 else auth.keep
    return _Token(token, monotonic() + keep)


def _name(endpoint: Endpoint) -> str:
    """Who we are there: schools with the same secrets are one, a changed secret is another."""
    return sha256_hex(
        msgspec.json.encode(
            [endpoint.profile.profile, endpoint.base_url, dict(endpoint.parameters), dict(endpoint.secrets)]
        )
    )


def _username_token(user: str, password: str) -> Any:
    nonce, created = secrets.token_bytes(16), clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    security = etree.Element(f"{{{_WSSE}}}Security", nsmap={"wsse": _WSSE, "wsu": _WSU})
    token = etree.SubElement(security, f"{{{_WSSE}}}UsernameToken")
    etree.SubElement(token, f"{{{_WSSE}}}Username").text = user
    etree.SubElement(token, f"{{{_WSSE}}}Password", Type=_DIGEST).text = base64.b64encode(digest).decode()
    etree.SubElement(token, f"{{{_WSSE}}}Nonce").text = base64.b64encode(nonce).decode()
    etree.SubElement(token, f"{{{_WSU}}}Created").text = created
    return security
