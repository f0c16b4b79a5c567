"""What schools are known by. Generated at the first start and kept in DIR/settings.json (mode 0600)."""

import base64
import secrets
from pathlib import Path

import msgspec

from backend.integrations.profiles.schemas import Mtls, Profile, SftpKey
from infra.simulators.province import identities
from infra.simulators.storage import keep_first

FILE_NAME = "settings.json"


class ProvinceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a school must bind: `parameters` and `secrets` by the names of the profile.

    `platform` is a sending key of the platform that this authority believes (PEM): HOCBA_SENDING_IDENTITY may be a file
    with it.
    """

    parameters: dict[str, str] = {}
    secrets: dict[str, str] = {}
    platform: str = ""


def load_or_create(directory: Path, profile: Profile) -> ProvinceSettings:
    """Read the file; write one with fresh secrets if there is none. One of an earlier version gets what it lacks."""
    path = directory / FILE_NAME
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_there = path.exists()
    found = msgspec.json.decode(path.read_bytes() if is_there else b"{}", type=ProvinceSettings)
    settings = ProvinceSettings(
        parameters={name: asked.example or name for name, asked in profile.parameters.items()}
        | found.parameters,
        secrets={name: found.secrets.get(name) or _new_secret(profile, name) for name in profile.secrets},
        platform=found.platform or identities.issue("Hocba (bản thử nghiệm)").decode(),
    )
    if settings == found:
        return found
    if is_there:
        path.unlink(missing_ok=True)
    return msgspec.json.decode(keep_first(path, msgspec.json.encode(settings)), type=ProvinceSettings)


def _new_secret(profile: Profile, name: str) -> str:
    """A key with its certificate where one signs or connects, a key of SFTP, or a password."""
    auth, sent = profile.auth, profile.operations.send.body
    signs = sent.sign.key if sent is not None and sent.sign is not None else None
    if name == signs or (isinstance(auth, Mtls) and name == auth.secret):
        return base64.b64encode(identities.issue("Trường thử nghiệm")).decode()
    if isinstance(auth, SftpKey):
        # Loaded where it is needed: asyncssh is large, and most provinces have none of it.
        from infra.simulators.province import files

        return files.new_key()
    return secrets.token_urlsafe(32)
