"""The profiles that ship. Editions that others follow were held to everything when they were published."""

from functools import cache
from pathlib import Path

from backend.integrations.profiles import catalog
from backend.integrations.profiles.schemas import Profile

PROFILES: list[Path] = sorted(catalog.FOLDER.glob("*.yaml"))


@cache
def profile_of(path: Path) -> Profile:
    """A profile that ships, read once."""
    return catalog.load(path, {}).profile


def newest() -> list[Path]:
    """Of several editions of one profile the last."""
    last: dict[str, tuple[int, Path]] = {}
    for path in PROFILES:
        name, _, number = path.stem.rpartition(".")
        last[name] = max(last.get(name, (0, path)), (int(number), path))
    return [path for _, path in last.values()]
