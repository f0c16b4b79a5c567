"""Who may call the service. Generated at the first start and kept in DIR/settings.json (mode 0600)."""

import secrets
from pathlib import Path

import msgspec

from infra.simulators.storage import keep_first

FILE_NAME = "settings.json"


class RelyingParty(msgspec.Struct, frozen=True, kw_only=True):
    """An application that may ask for signatures, with its OAuth client credentials."""

    client_id: str
    client_secret: str


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Lives in seconds: of an access token, of a SAD, of a question on the telephone."""

    relying_parties: tuple[RelyingParty, ...]
    token_seconds: int = 3600
    sad_seconds: int = 300
    confirm_seconds: int = 300
    multisign: int = 50


def load_or_create(directory: Path) -> ServiceSettings:
    """Read the file; write one with a fresh secret if there is none."""
    path = directory / FILE_NAME
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=ServiceSettings)
    party = RelyingParty(client_id="hocba", client_secret=secrets.token_urlsafe(32))
    settings = ServiceSettings(relying_parties=(party,))
    kept = keep_first(path, msgspec.json.format(msgspec.json.encode(settings), indent=2))
    return msgspec.json.decode(kept, type=ServiceSettings)
