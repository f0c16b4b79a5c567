"""Named skips, and skips that count as failures in CI, seen from outside in a pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SAMPLE = """
import pytest

@pytest.mark.needs("qpdf")
def test_wants_a_package(): pass

def test_skips_itself(): pytest.skip("no reason")

def test_runs(): pass
"""


def run_sample(folder: Path, source: str, ci: str) -> "subprocess.CompletedProcess[str]":
    """Runs `source` where no program can be found."""
    (folder / "test_sample.py").write_text(source)
    options = ("-p", "tests.plugins.system_packages", "-c", str(PROJECT / "pyproject.toml"), "-q")
    return subprocess.run(
        (sys.executable, "-m", "pytest", *options, "--rootdir", str(folder), str(folder / "test_sample.py")),
        cwd=PROJECT,
        env={**os.environ, "PATH": str(folder), "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_package_is_named_and_counted(tmp_path: Path) -> None:
    done = run_sample(tmp_path, SAMPLE, ci="")
    assert done.returncode == 0, done.stdout
    assert "1 not run: system packages missing" in done.stdout
    assert "qpdf: 1\n  test_sample.py::test_wants_a_package\n" in done.stdout
    assert "1 passed, 2 skipped" in done.stdout


def test_in_ci_every_skip_fails(tmp_path: Path) -> None:
    done = run_sample(tmp_path, SAMPLE, ci="true")
    assert done.returncode == 1
    assert "1 failed, 1 passed, 1 error" in done.stdout
    assert "test_skips_itself was skipped, and CI=true" in done.stdout


@pytest.mark.parametrize(("ci", "code"), [("", 5), ("true", 2)])
def test_a_file_that_skips_itself(tmp_path: Path, ci: str, code: int) -> None:
    source = "import pytest\npytest.importorskip('no_such_module')\n"
    assert run_sample(tmp_path, source, ci).returncode == code


def test_an_unknown_package_is_an_error(tmp_path: Path) -> None:
    source = "import pytest\n@pytest.mark.needs('no-such')\ndef test(): pass\n"
    assert run_sample(tmp_path, source, "").returncode == 1
