"""Log files of the children: one each, moved aside at every start, the last few kept."""

from pathlib import Path

_KEPT = 3


def rotated(folder: Path, name: str) -> Path:
    """Path of a fresh log for `name`; the former one becomes `name.log.1`, that one `name.log.2`, …"""
    current = folder / f"{name}.log"
    names = [current, *(folder / f"{name}.log.{number}" for number in range(1, _KEPT + 1))]
    for older, newer in reversed(list(zip(names[1:], names, strict=False))):
        if newer.exists():
            newer.replace(older)
    return current
