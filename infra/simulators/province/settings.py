"""The key that schools call with. Generated at the first start and kept in DIR/settings.json (mode 0600)."""

import secrets
from pathlib import Path

import msgspec

from infra.simulators.storage import keep_first

FILE_NAME = "settings.json"


class ProvinceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`api_key` goes into the header X-API-Key of every call."""

    api_key: str


def load_or_create(directory: Path) -> ProvinceSettings:
    """Read the file; write one with a fresh key if there is none."""
    path = directory / FILE_NAME
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=ProvinceSettings)
    settings = ProvinceSettings(api_key=secrets.token_urlsafe(32))
    return msgspec.json.decode(keep_first(path, msgspec.json.encode(settings)), type=ProvinceSettings)
