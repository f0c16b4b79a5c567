"""How a fresh machine is set up: locks, the install script, the Makefile."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[3]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
LOCKS = {
    "requirements.lock": PYPROJECT["project"]["dependencies"],
    "requirements-dev.lock": PYPROJECT["project"]["dependencies"] + PYPROJECT["dependency-groups"]["dev"],
    "requirements-node.lock": PYPROJECT["dependency-groups"]["node"],
}


def _entries(lock: str) -> Iterator[tuple[str, str, list[str]]]:
    """Name, version and hashes of each package."""
    text = (PROJECT / lock).read_text()
    for block in re.split(r"\n(?=[a-z0-9])", text):
        head = re.match(r"([\w.-]+)==(\S+)", block)
        assert head is not None, block
        yield head[1], head[2], re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    assert [name for name, _, hashes in _entries(lock) if not hashes] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_serves_what_the_project_asks_for(lock: str) -> None:
    locked = {name: version for name, version, _ in _entries(lock)}
    wanted = [Requirement(text) for text in LOCKS[lock]]
    unserved = [str(each) for each in wanted if locked.get(each.name.lower(), "0") not in each.specifier]
    assert unserved == [], "run: make lock"


def test_what_runs_is_what_is_tested() -> None:
    product = {name: version for name, version, _ in _entries("requirements.lock")}
    tested = {name: version for name, version, _ in _entries("requirements-dev.lock")}
    assert product.items() <= tested.items()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A project folder with nothing but the install script, and a PATH with a shell's tools but no Python."""
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "cat", "rm", "tail", "touch"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    shutil.copy(PROJECT / "infra/embedded/install.sh", tmp_path)
    (tmp_path / "requirements.lock").write_text("no-such==1 --hash=sha256:" + "0" * 64 + "\n")
    return tmp_path


def install(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ("sh", "install.sh", "requirements.lock", ".venv/.installed"),
        cwd=folder,
        env={"PATH": str(folder / "bin"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("stub", "found"),
    [
        (None, "không có python3"),
        ('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit\nexit 1\n', "Python 3.9.2"),
    ],
)
def test_an_old_python_is_one_sentence(bare: Path, stub: str | None, found: str) -> None:
    if stub is not None:
        (bare / "bin" / "python3").write_text(stub)
        (bare / "bin" / "python3").chmod(0o755)
    done = install(bare)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Cần Python 3.11 trở lên kèm mô-đun venv (máy này: {found}).")
    assert done.stderr.count("\n") == 1
    assert not (bare / ".venv").exists()


def test_a_package_that_cannot_be_had_is_said(bare: Path) -> None:
    python = Path(os.__file__).parents[2] / "bin" / "python3"
    done = install(bare, PYTHON=str(python), PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 1
    assert "Không cài được các gói trong requirements.lock; chi tiết ở .venv/install.log." in done.stderr
    assert not (bare / ".venv" / ".installed").exists()


def test_make_help_lists_the_commands() -> None:
    done = subprocess.run(("make", "help"), cwd=PROJECT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  make (\S+) +\S", done.stdout, re.MULTILINE)
    assert {"run", "test", "check", "bench", "stop", "clean", "lock"} <= set(listed)
    assert len(listed) == len(done.stdout.splitlines())


def test_ci_runs_the_test_command() -> None:
    script = (PROJECT / ".ci" / "run").read_text().splitlines()
    assert script[-1] == "make test"
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)
