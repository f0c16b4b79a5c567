"""The profiles that ship. Editions that others follow were held to everything when they were published."""

from pathlib import Path

from backend.integrations.profiles import catalog

PROFILES: list[Path] = sorted(catalog.FOLDER.glob("*.yaml"))


def newest() -> list[Path]:
    """Of several editions of one profile the last."""
    last: dict[str, tuple[int, Path]] = {}
    for path in PROFILES:
        name, _, number = path.stem.rpartition(".")
        last[name] = max(last.get(name, (0, path)), (int(number), path))
    return [path for _, path in last.values()]
