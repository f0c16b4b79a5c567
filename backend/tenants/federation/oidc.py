"""OpenID Connect: code flow with PKCE (S256), by Authlib; every request goes out through `core/http_client`.

Only asymmetric signatures are believed, whatever the provider says that it can do. The issuer of the discovery document,
of the redirect (RFC 9207) and of the token must be the one that the school has chosen.
"""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from backend.core import clock, http_client
from backend.core.crypto import same
from backend.tenants.federation.schemas import Arrival, Journey, Provider

SCOPE = "openid profile email"
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
#: Seconds that clocks may differ, that a provider may take, and for which its description and its keys are remembered.
LEEWAY, PATIENCE, MEMORY = 60, 10.0, 3600.0
#: A key that is not known is asked for, but not more often than this many seconds apart.
LEAST_MEMORY = 60.0
_MOST = 1024 * 1024


class Silent(Exception):
    """The provider cannot be asked now. The text is technical, for logs."""


class NotBelieved(Exception):
    """What came back is not what this provider says to this sign-in. The text is technical, for logs."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    authorization_response_iss_parameter_supported: bool = False


_described: dict[str, tuple[float, Metadata]] = {}
_keys: dict[str, tuple[float, KeySet]] = {}


async def address(provider: Provider, journey: Journey, return_to: str) -> str:
    """Where the browser goes. Raises Silent, NotBelieved."""
    metadata = await _metadata(provider.issuer)
    uri: str = prepare_grant_uri(
        metadata.authorization_endpoint,
        client_id=provider.client_id,
        response_type="code",
        redirect_uri=return_to,
        scope=SCOPE,
        state=journey.state,
        nonce=journey.nonce,
        code_challenge=create_s256_code_challenge(journey.verifier),
        code_challenge_method="S256",
    )
    return uri


async def claims_of(
    provider: Provider, secret: str, journey: Journey, arrival: Arrival, return_to: str
) -> Mapping[str, object]:
    """What the provider says of whoever came back. Raises NotBelieved, Silent."""
    if not journey.state or not same(journey.state, arrival.state):
        raise NotBelieved("state")
    metadata = await _metadata(provider.issuer)
    expected = arrival.issuer or metadata.authorization_response_iss_parameter_supported
    if expected and arrival.issuer != provider.issuer:
        raise NotBelieved("iss of the redirect")
    if arrival.error or not arrival.code:
        raise NotBelieved("error of the redirect")
    answer = await _exchange(metadata, provider, secret, journey, arrival.code, return_to)
    token = await _read(metadata, str(answer.get("id_token", "")))
    claims: Mapping[str, object] = _checked(provider, journey, token, answer.get("access_token"))
    return claims


async def _exchange(
    metadata: Metadata, provider: Provider, secret: str, journey: Journey, code: str, return_to: str
) -> dict[str, Any]:
    body = prepare_token_request(
        "authorization_code", code=code, redirect_uri=return_to, code_verifier=journey.verifier
    )
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    ours = ClientAuth(provider.client_id, secret, "client_secret_basic")
    uri, headers, body = ours.prepare("POST", metadata.token_endpoint, headers, body)
    answer: dict[str, Any] = await _json("POST", uri, dict[str, Any], headers, body.encode())
    return answer


async def _read(metadata: Metadata, id_token: str) -> jwt.Token:
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        try:
            return jwt.decode(id_token, await _key_set(metadata), registry=registry)
        except InvalidKeyIdError:  # The provider has new keys.
            return jwt.decode(id_token, await _key_set(metadata, LEAST_MEMORY), registry=registry)
    except (JoseError, ValueError) as error:
        raise NotBelieved(f"signature: {type(error).__name__}") from None


def _checked(provider: Provider, journey: Journey, token: jwt.Token, access_token: object) -> CodeIDToken:
    options = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
        "sub": {"essential": True},
        "nonce": {"essential": True, "value": journey.nonce},
    }
    params = {"nonce": journey.nonce, "client_id": provider.client_id, "access_token": access_token}
    claims = CodeIDToken(token.claims, token.header, options, params)
    try:
        claims.validate(now=int(clock.now().timestamp()), leeway=LEEWAY)
    except (JoseError, ValueError, TypeError) as error:
        raise NotBelieved(f"claims: {error}") from None
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise NotBelieved("claims: sub")
    return claims


async def _metadata(issuer: str) -> Metadata:
    read_at, known = _described.get(issuer, (0.0, None))
    if known is None or time.monotonic() - read_at > MEMORY:
        known = await _json("GET", f"{issuer}/.well-known/openid-configuration", Metadata)
        if known.issuer != issuer:
            raise NotBelieved("issuer of the discovery document")
        _described[issuer] = (time.monotonic(), known)
    return known


async def _key_set(metadata: Metadata, memory: float = MEMORY) -> KeySet:
    read_at, known = _keys.get(metadata.issuer, (0.0, None))
    if known is None or time.monotonic() - read_at > memory:
        known = KeySet.import_key_set(await _json("GET", metadata.jwks_uri, dict[str, Any]))
        _keys[metadata.issuer] = (time.monotonic(), known)
    return known


async def _json(
    method: str,
    url: str,
    kind: type[Any],
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> Any:
    try:
        answer = await http_client.request(
            method, url, headers=headers, content=content, total_timeout=PATIENCE, max_bytes=_MOST
        )
    except http_client.HttpFailure as failure:
        raise Silent(str(failure)) from None
    if answer.status >= 500:
        raise Silent(f"status {answer.status}")
    if answer.status != 200:
        raise NotBelieved(f"status {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.MsgspecError:
        raise NotBelieved("no JSON of the expected kind") from None
