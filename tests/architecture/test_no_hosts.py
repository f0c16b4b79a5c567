"""No committed file names a package registry, an index or a public asset host.

Where packages come from is the business of the machine. The names are put together here, so that this file
passes its own test.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

_ENDINGS_BY_NAME = {
    "pypi": ("org", "python.org"),
    "pythonhosted": ("org",),
    "npmjs": ("org", "com"),
    "npmmirror": ("com",),
    "yarnpkg": ("com",),
    "jsdelivr": ("net",),
    "unpkg": ("com",),
    "cdnjs.cloudflare": ("com",),
    "fonts.googleapis": ("com",),
    "fonts.gstatic": ("com",),
    "docker": ("io",),
    "ghcr": ("io",),
    "gcr": ("io",),
    "quay": ("io",),
    "registry.k8s": ("io",),
    "crates": ("io",),
    "proxy.golang": ("org",),
    "rubygems": ("org",),
    "deb.debian": ("org",),
    "archive.ubuntu": ("com",),
    "anaconda": ("org", "com"),
}
HOSTS = [f"{name}.{ending}" for name, endings in _ENDINGS_BY_NAME.items() for ending in endings]
_FORBIDDEN = re.compile(
    r"(?<![\w-])(?:[\w-]+\.)*(?:" + "|".join(re.escape(host) for host in HOSTS) + r")(?![\w-])"
)


def _project_files() -> list[Path]:
    """Every file that is committed or would be."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listing = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True, text=True).stdout
    paths = (PROJECT / name for name in listing.split("\0") if name)
    return [path for path in paths if path.is_file()]


def _mentions(path: Path) -> Iterator[str]:
    content = path.read_bytes()
    if b"\0" in content:
        return
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        for found in _FORBIDDEN.finditer(line):
            yield f"{path}:{number}: {found.group()}"


def test_no_file_names_a_registry() -> None:
    files = _project_files()
    assert any(path.name == "requirements.lock" for path in files)
    assert [mention for path in files for mention in _mentions(path)] == []


def test_the_npm_lock_names_no_address() -> None:
    packages = json.loads((PROJECT / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_no_lock_of_another_kind_is_committed() -> None:
    forbidden = {
        "uv.lock",
        "poetry.lock",
        "Pipfile.lock",
        "yarn.lock",
        "pnpm-lock.yaml",
        ".npmrc",
        "pip.conf",
    }
    assert [path for path in _project_files() if path.name in forbidden] == []


@pytest.mark.parametrize(
    "around", ["--index-url https://{}/simple", "FROM {}/library/python:3", "see files.{}."]
)
def test_planted_hosts_are_found(tmp_path: Path, around: str) -> None:
    planted = tmp_path / "planted"
    planted.write_text("\n".join(around.format(host) for host in HOSTS))
    assert len(list(_mentions(planted))) == len(HOSTS)


@pytest.mark.parametrize("innocent", ["pypi", "my-{}", "{}mania", "the docker image", "node_modules"])
def test_other_words_pass(tmp_path: Path, innocent: str) -> None:
    (tmp_path / "innocent").write_text(innocent.format(HOSTS[0]))
    assert list(_mentions(tmp_path / "innocent")) == []
