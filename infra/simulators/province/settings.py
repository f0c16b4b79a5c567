"""What schools are known by. Generated at the first start and kept in DIR/settings.json (mode 0600)."""

import secrets
from pathlib import Path

import msgspec

from backend.integrations.profiles.schemas import Profile, SftpKey
from infra.simulators.province import files
from infra.simulators.storage import keep_first

FILE_NAME = "settings.json"


class ProvinceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a school must bind: `parameters` and `secrets` by the names of the profile."""

    parameters: dict[str, str]
    secrets: dict[str, str]


def load_or_create(directory: Path, profile: Profile) -> ProvinceSettings:
    """Read the file; write one with fresh secrets if there is none."""
    path = directory / FILE_NAME
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=ProvinceSettings)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = ProvinceSettings(
        parameters={name: asked.example or name for name, asked in profile.parameters.items()},
        secrets={name: _new_secret(profile) for name in profile.secrets},
    )
    return msgspec.json.decode(keep_first(path, msgspec.json.encode(settings)), type=ProvinceSettings)


def _new_secret(profile: Profile) -> str:
    return files.new_key() if isinstance(profile.auth, SftpKey) else secrets.token_urlsafe(32)
