"""The one relying party and the signing key. Generated at the first start and kept in DIR (mode 0600)."""

import json
import secrets
from pathlib import Path

import msgspec
from joserfc.jwk import RSAKey

from infra.simulators.storage import keep_first


class RelyingParty(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the provider knows."""

    client_id: str
    client_secret: str


def load_or_create(directory: Path) -> RelyingParty:
    """Read DIR/settings.json; write one with a fresh secret if there is none."""
    path = directory / "settings.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=RelyingParty)
    fresh = RelyingParty(client_id="hocba", client_secret=secrets.token_urlsafe(32))
    return msgspec.json.decode(keep_first(path, msgspec.json.encode(fresh)), type=RelyingParty)


def signing_key(directory: Path) -> RSAKey:
    """Read DIR/key.json; write one with a fresh key if there is none."""
    path = directory / "key.json"
    if path.exists():
        return RSAKey.import_key(json.loads(path.read_bytes()))
    fresh = RSAKey.generate_key(2048, {"kid": secrets.token_hex(8)}, private=True)
    return RSAKey.import_key(json.loads(keep_first(path, json.dumps(fresh.as_dict(private=True)).encode())))
