"""ID tokens as they should be, and as attackers wish them."""

import base64
import hashlib
import hmac
import json
import time

from joserfc import jwt
from joserfc.jwk import RSAKey

from infra.simulators.faults import FaultBox

#: Lies in the claims: fault → what the token says instead; None takes the claim away.
CLAIM_FAULTS: dict[str, dict[str, object | None]] = {
    "wrong_nonce": {"nonce": "of another sign-in"},
    "no_nonce": {"nonce": None},
    "wrong_issuer": {"iss": "https://xau.example"},
    "wrong_audience": {"aud": "another-client"},
    "two_audiences": {"aud": ["hocba", "another-client"]},
    "other_domain": {"hd": "truong-khac.example", "tid": "7d1f3c52-0000-4000-8000-00000000bb02"},
    "no_domain": {"hd": None, "tid": None},
    "no_subject": {"sub": None},
    "no_nonce_wanted": {"nonce": None, "nonce_supported": False},
}
#: Lies about the signature.
KEY_FAULTS = ("alg_none", "alg_hs256", "key_as_secret", "other_key", "broken_signature")
TIME_FAULTS = {"expired": -3600, "from_the_future": 3600}
LIFETIME = 300


def id_token(claims: dict[str, object], key: RSAKey, secret: str, faults: FaultBox, path: str) -> str:
    """A signed token, unless a fault is on."""
    now = int(time.time()) + sum(by for kind, by in TIME_FAULTS.items() if faults.take(kind, path))
    said = {"iat": now, "exp": now + LIFETIME, **claims}
    for kind, changes in CLAIM_FAULTS.items():
        if faults.take(kind, path):
            said |= changes
    said = {name: value for name, value in said.items() if value is not None}
    return _signed(said, key, secret, next((kind for kind in KEY_FAULTS if faults.take(kind, path)), ""))


def _signed(claims: dict[str, object], key: RSAKey, secret: str, fault: str) -> str:
    header = {"alg": "RS256", "kid": key.kid, "typ": "JWT"}
    match fault:
        case "alg_none":
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        case "alg_hs256" | "key_as_secret":
            known = secret.encode() if fault == "alg_hs256" else key.as_pem(private=False)
            return _hmac({"alg": "HS256", "kid": key.kid}, claims, known)
        case "other_key":
            return jwt.encode(header, claims, RSAKey.generate_key(2048))
        case "broken_signature":
            whole = jwt.encode(header, claims, key)
            return whole[:-8] + ("A" * 8 if not whole.endswith("A" * 8) else "B" * 8)
    return jwt.encode(header, claims, key)


def _hmac(header: dict[str, object], claims: dict[str, object], secret: bytes) -> str:
    """By hand: libraries refuse to take a public key for a secret."""
    signed = f"{_part(header)}.{_part(claims)}"
    return f"{signed}.{_text(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _part(value: dict[str, object]) -> str:
    return _text(json.dumps(value).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
