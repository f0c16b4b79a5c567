"""Authlib's part of the token end point: reading what a client sent, and refusals in the words of RFC 6749, 5.2.

Authlib's server calls back without waiting, and our directory is asked by awaiting: hence its parts, not its whole
(infra/decisions/0014).
"""

import uuid
from collections.abc import Mapping
from http import HTTPStatus

from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.util import extract_basic_authorization, scope_to_list

from backend.integrations.partner_api.schemas import Asked, TokenForm, TokenProblem, TokenRefused
from backend.tenants.api_clients.schemas import ApiClientId, Scope

GRANT = "client_credentials"


def read(authorization: str, form: TokenForm) -> Asked:
    """What a client asks for. Raises TokenRefused for another grant, no or two identities, or one that is none."""
    if not form.grant_type:
        raise _refused(InvalidRequestError("Missing 'grant_type'."))
    if form.grant_type != GRANT:
        raise _refused(UnsupportedGrantTypeError(GRANT))
    client_id, secret = _basic({"Authorization": authorization})
    if client_id and form.client_secret:
        raise _refused(InvalidRequestError("Use one method of client authentication."))
    try:
        known_as = ApiClientId(uuid.UUID(client_id or form.client_id))
    except ValueError:
        raise unknown_client() from None
    return Asked(
        client_id=known_as,
        secret=secret or form.client_secret,
        scopes=tuple(scope_to_list(form.scope) or ()),
    )


def granted(asked: Asked, allowed: frozenset[Scope]) -> frozenset[Scope]:
    """The scopes of the token: those asked for, else all. Raises TokenRefused for one that was not allowed."""
    if not set(asked.scopes) <= allowed:
        raise _refused(InvalidScopeError("The scope was not granted to this client."))
    return frozenset(Scope(scope) for scope in asked.scopes) or allowed


def unknown_client() -> TokenRefused:
    """The id, the secret or both are wrong, or the connection has ended: which of them is not told."""
    return _refused(InvalidClientError("Unknown client or wrong secret.", status_code=401))


def closed_school() -> TokenRefused:
    """The secret is right, which is why its holder is told."""
    return _refused(InvalidClientError("The school of this client is closed.", status_code=401))


def _basic(headers: Mapping[str, str]) -> tuple[str, str]:
    try:
        client_id, secret = extract_basic_authorization(headers)
    except ValueError:  # bytes that are no text
        raise unknown_client() from None
    return client_id or "", secret or ""


def _refused(error: OAuth2Error) -> TokenRefused:
    status, body, headers = error()
    problem = TokenProblem(error=body["error"], error_description=body.get("error_description", ""))
    shown = {name: value for name, value in headers if name == "WWW-Authenticate"}
    return TokenRefused(HTTPStatus(status), problem, shown)
