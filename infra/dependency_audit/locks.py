"""What the locks say: packages with their versions, and those that nothing ties to their bytes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Locks of Python packages; the one of npm beside them.
PYTHON_LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-node.lock")
NPM_LOCK = "package-lock.json"

#: An entry begins at the margin; what belongs to it stands further in.
_ENTRY = re.compile(r"^(?=[^\s#])", re.MULTILINE)
_PACKAGE = re.compile(r"([\w.-]+)(?:\[[\w,.-]+\])?==([^\s;\\]+)")


@dataclass(frozen=True, order=True)
class Package:
    """A locked package; `ecosystem` is what OSV calls its registry."""

    ecosystem: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def packages(project: Path) -> tuple[list[Package], list[str]]:
    """All locked packages, each once, and a sentence for each entry that is none or not tied to its bytes by a hash."""
    found: set[Package] = set()
    loose = []
    for lock, entry, has_hash in _entries(project):
        if isinstance(entry, str):
            loose.append(f"{lock}: “{entry}” không ghi tên gói và phiên bản; hãy chạy make lock.")
            continue
        found.add(entry)
        if not has_hash:
            loose.append(f"{lock}: {entry} không có mã băm; hãy chạy make lock.")
    return sorted(found), loose


def _entries(project: Path) -> Iterator[tuple[str, Package | str, bool]]:
    """File, package (or the line that names none), and whether there is a hash."""
    for lock in PYTHON_LOCKS:
        for entry in _ENTRY.split((project / lock).read_text(encoding="utf-8")):
            if named := _PACKAGE.match(entry):
                name, version = named.groups()
                yield lock, Package("PyPI", name.lower(), version), "--hash=sha256:" in entry
            elif entry and not entry[0].isspace() and not entry.startswith("#"):
                yield lock, entry.splitlines()[0], False
    for place, said in json.loads((project / NPM_LOCK).read_text(encoding="utf-8"))["packages"].items():
        if place:
            name = place.rpartition("node_modules/")[2]
            yield NPM_LOCK, Package("npm", name, said["version"]), "integrity" in said
