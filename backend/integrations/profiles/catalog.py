"""The profiles that there are: files of `infra/profiles`, each checked before it is used, published ones signed."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import msgspec

from backend.integrations.profiles import checking, reading, signature
from backend.integrations.profiles.reading import BadProfile, Problem, Text
from backend.integrations.profiles.schemas import Profile

FOLDER = Path(__file__).resolve().parents[3] / "infra" / "profiles"


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """A profile as it lies there. Published, its digest is signed by the platform; else it is a draft."""

    profile: Profile
    text: Text
    folder: Path
    files: dict[str, bytes]
    digest: str
    published: bool


@lru_cache(maxsize=64)
def published(profile_id: str, trusted: tuple[tuple[str, str], ...]) -> Edition:
    """The published profile with this id. Raises BadProfile where there is none that these keys have signed."""
    path = path_of(profile_id)
    if not path.is_file():
        raise BadProfile(Problem(path.name, 1, f"không có hồ sơ kết nối «{profile_id}»"))
    edition = load(path, dict(trusted))
    if not edition.published:
        raise BadProfile(Problem(path.name, 1, "chưa công bố, hoặc đã bị sửa sau khi ký"))
    return edition


def path_of(profile_id: str) -> Path:
    """Where the profile with this id lies: `vn.sandbox.hocba/1` in `vn.sandbox.hocba.1.yaml`."""
    return FOLDER / f"{profile_id.replace('/', '.')}.yaml"


def ids() -> list[str]:
    """All profiles of the folder, drafts included."""
    names = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    return ["/".join(name.rsplit(".", 1)) for name in names]


def load(path: Path, trusted: Mapping[str, str]) -> Edition:
    """Read and check one. Raises BadProfile with everything that is wrong."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadProfile(Problem(path.name, 1, "không đọc được tệp")) from error
    text = reading.read_text(content, path.name)
    profile = reading.read_profile(text)
    problems = checking.check(profile, text, path.parent)
    if profile.profile != "/".join(path.stem.rsplit(".", 1)):
        problems.append(
            text.problem(("profile",), f"tệp phải tên là {profile.profile.replace('/', '.')}.yaml")
        )
    if problems:
        raise BadProfile(*problems)
    files = {name: (path.parent / name).read_bytes() for name in checking.files_of(profile)}
    digest = signature.digest_of({**files, path.name: content})
    line = signature_path(path)
    signed = line.is_file() and signature.is_signed(digest, line.read_text("utf-8"), trusted)
    return Edition(
        profile=profile, text=text, folder=path.parent, files=files, digest=digest, published=signed
    )


def signature_path(path: Path) -> Path:
    """The signature lies beside the profile."""
    return path.with_suffix(".sig")


#: In the folder of the profiles: what was published, a line each, and its digest then.
LEDGER = "published.txt"


def ledger(folder: Path) -> dict[str, str]:
    """profile → digest of all that was ever published from a folder."""
    path = folder / LEDGER
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return dict(line.split() for line in lines)


def write_ledger(folder: Path, published_there: Mapping[str, str]) -> None:
    """Lines are only ever added."""
    lines = [f"{name} {digest}\n" for name, digest in sorted(published_there.items())]
    (folder / LEDGER).write_text("".join(lines), "utf-8")


def family(profile_id: str) -> str:
    """What the editions of one profile have in common: the Authority, and how it is talked to."""
    return profile_id.partition("/")[0]
