"""The conformity kit in somebody else's repository, `pytest --hocba-profile FILE`; a profile from the handbook alone."""

import subprocess
import sys
import tomllib
import typing
from pathlib import Path

import pytest

from backend import cli
from backend.integrations.profiles import catalog, schemas
from tests.factories.editions import PROFILES, profile_of

ROOT = Path(__file__).parents[3]
REPOSITORY = ROOT / "tests" / "integrations" / "profiles" / "province_repository"
FIFTH = REPOSITORY / "vn.tinh-moi.hocba.1.yaml"
SHIPPED = [profile_of(path) for path in PROFILES]


def run(folder: Path, *arguments: object) -> tuple[int, str]:
    """The province's own pytest, in its own folder, with no configuration of ours."""
    plugin = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"][
        "pytest11"
    ]
    [name] = plugin.values()
    command = [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "-p", name, "-p", "no:cacheprovider"]
    command += ["-c", "/dev/null", "--rootdir", ".", *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for path in REPOSITORY.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(REPOSITORY)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return tmp_path / FIFTH.name


def test_a_profile_written_from_the_handbook_passes_and_delivers(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["profile", "test", str(FIFTH)]) == 0
    assert "0 mẫu sai" in capsys.readouterr().out
    status, told = run(REPOSITORY, "--hocba-profile", FIFTH.name, "-k", "not sabotage")
    assert (status, "18 passed" in told) == (0, True), told


def test_it_puts_together_what_no_profile_of_the_platform_does() -> None:
    fifth = catalog.load(FIFTH, {}).profile
    used = {(one.transport.kind, type(one.auth)) for one in SHIPPED}
    assert (fifth.transport.kind, type(fifth.auth)) not in used


def test_what_ships_uses_every_transport_and_every_way_to_be_known() -> None:
    assert {type(one.auth) for one in SHIPPED} == set(typing.get_args(schemas.Auth))
    kinds = typing.get_args(typing.get_type_hints(schemas.Transport)["kind"])
    assert {one.transport.kind for one in SHIPPED} == set(kinds)


def test_what_cannot_be_used_fails_with_line_and_reason_and_without_a_stack(copied: Path) -> None:
    copied.write_text(copied.read_text("utf-8").replace("confirmed:", "confirmd:"), "utf-8")
    status, told = run(copied.parent, "--hocba-profile", copied.name)
    assert status == 1
    assert "vn.tinh-moi.hocba.1.yaml:6: khóa «confirmd» không có trong định dạng" in told
    assert "Traceback" not in told
    assert "1 failed" in told


def test_a_message_that_changed_fails_at_its_golden_file(copied: Path) -> None:
    golden = copied.parent / "golden" / copied.stem
    (golden / "recall-primary.txt").write_text("khác", "utf-8")
    (golden / "answers.txt").unlink()
    status, told = run(copied.parent, "--hocba-profile", copied.name, "-k", "golden or sabotage")
    assert status == 1
    assert "hồ sơ ghi khác tệp mẫu" in told
    assert "chưa có tệp mẫu" in told
    assert "không ai nhận ra khi phá" not in told
    assert "2 failed, 15 passed" in told


def test_without_profiles_nothing_is_different(copied: Path) -> None:
    test = copied.with_name("test_own.py")
    test.write_text("def test_own(): pass\n", "utf-8")
    status, told = run(copied.parent, test.name)
    assert (status, "1 passed" in told) == (0, True), told
