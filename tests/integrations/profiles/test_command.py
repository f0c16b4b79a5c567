"""`hocba profile …` as a person calls it."""

from pathlib import Path

import msgspec
import pytest

from backend import cli
from backend.integrations.profiles import catalog, samples
from backend.records.transcripts.schemas import SchoolLevel, Snapshot
from tests.factories.editions import PROFILES, newest

SANDBOX = catalog.path_of("vn.sandbox.hocba/2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the profiles to change."""
    for path in catalog.FOLDER.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(catalog.FOLDER)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_what_ships_writes_what_its_golden_files_say(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["profile", "test", str(path)]) == 0
    assert "0 mẫu sai" in capsys.readouterr().out


@pytest.mark.parametrize("path", newest(), ids=lambda path: path.stem)
def test_every_breakage_of_what_ships_is_noticed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["profile", "sabotage", str(path)]) == 0, capsys.readouterr().out
    assert ", 0 chỗ không" in capsys.readouterr().out


def test_without_golden_files_breakages_go_unnoticed_and_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "golden" / SANDBOX.stem / "answers.txt").unlink()
    copy = folder / SANDBOX.name
    assert cli.main(["profile", "test", str(copy)]) == 1
    assert "answers: khác" in capsys.readouterr().out
    assert cli.main(["profile", "keep", str(copy)]) == 0
    assert cli.main(["profile", "test", str(copy)]) == 0


def test_render_shows_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["profile", "render", str(SANDBOX), "--sample", "recall-primary"]) == 0
    message = msgspec.json.decode(capsys.readouterr().out)
    assert (message["action"], message["content"]["package"]) == ("recall", "")
    assert cli.main(["profile", "render", str(SANDBOX), "--sample", "nobody"]) == 2
    assert "không có mẫu «nobody»" in capsys.readouterr().out


def test_check_names_file_line_and_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = folder / SANDBOX.name
    copy.write_text(copy.read_text("utf-8").replace("confirmed:", "confirmd:"), "utf-8")
    assert cli.main(["profile", "check", str(copy)]) == 1
    assert capsys.readouterr().out.startswith(f"{SANDBOX.name}:5: khóa «confirmd»")


def test_diff_shows_words_and_messages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = folder / "vn.sandbox.hocba.3.yaml"
    text = SANDBOX.read_text("utf-8").replace("hocba/2", "hocba/3").replace("senderCode:", "sender:")
    copy.write_text(text, "utf-8")
    assert cli.main(["profile", "diff", str(SANDBOX), str(SANDBOX)]) == 0
    assert capsys.readouterr().out == ""
    assert cli.main(["profile", "diff", str(SANDBOX), str(copy)]) == 1
    said = capsys.readouterr().out
    assert '+      "sender": {' in said
    assert '+"sender":"01000701",' in said


def test_publishing_signs_what_lies_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy, key = folder / "vn.sandbox.hocba.3.yaml", folder / "platform.key"
    key.write_bytes(b"k" * 32)
    copy.write_text(SANDBOX.read_text("utf-8").replace("hocba/2", "hocba/3"), "utf-8")
    assert cli.main(["profile", "publish", str(copy), "--name", "platform", "--key", str(key)]) == 0
    said = capsys.readouterr().out
    public = said.partition("(")[2].partition(")")[0]
    edition = catalog.load(copy, {"platform": public})
    assert edition.published
    assert not catalog.load(copy, {"sandbox": public}).published
    assert catalog.ledger(folder) == catalog.ledger(catalog.FOLDER) | {"vn.sandbox.hocba/3": edition.digest}


def test_what_was_published_is_never_signed_with_another_content(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = folder / SANDBOX.name
    signed = catalog.signature_path(copy).read_text("utf-8")
    assert cli.main(["profile", "publish", str(copy), "--name", "sandbox"]) == 0
    copy.write_text(copy.read_text("utf-8") + "\n", "utf-8")
    catalog.signature_path(copy).unlink()
    assert cli.main(["profile", "publish", str(copy), "--name", "sandbox"]) == 1
    assert "phiên bản kế tiếp" in capsys.readouterr().out
    assert not catalog.signature_path(copy).exists()
    assert catalog.signature_path(SANDBOX).read_text("utf-8") == signed


def test_what_ships_is_what_was_published_first() -> None:
    """Whoever changes a line of the list changes what schools have bound: the next edition takes the next number."""
    assert catalog.ledger(catalog.FOLDER) == {
        "/".join(path.stem.rsplit(".", 1)): catalog.load(path, {}).digest for path in PROFILES
    }


def test_the_records_of_the_samples_are_contents_of_hoc_ba_of_every_level() -> None:
    assert {msgspec.convert(one, Snapshot).level for one in samples.records().values()} == set(SchoolLevel)
