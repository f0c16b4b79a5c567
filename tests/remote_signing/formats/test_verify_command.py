"""`hocba verify` as the contract says: answers, JSON, exit status; strangers' files do no harm."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.core import crypto
from backend.remote_signing.formats import attached_data, child, limited, structure, verify_command
from backend.remote_signing.formats.limited import validate_in_child
from backend.remote_signing.formats.schemas import Unreadable
from backend.remote_signing.formats.verify_command import default_trust_dir, run
from tests.factories.pki import Pki
from tests.remote_signing.formats import attacks, hostile
from tests.remote_signing.formats.world import (
    LOOKUP_CODE,
    NAMES,
    SNAPSHOT,
    World,
    canonical,
    make_world,
    render,
)


class Said:
    """One run of the command: exit status and what it wrote."""

    def __init__(
        self, path: Path, trust: Path | None, *, at: str | None = None, as_json: bool = False
    ) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        self.status = run(path, trust, at, as_json, self._out, self._err)
        self.out, self.err = self._out.getvalue(), self._err.getvalue()

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out)
        return answer


def written(folder: Path, data: bytes) -> Path:
    path = folder / "hoc-ba.pdf"
    path.write_bytes(data)
    return path


def test_json_of_a_valid_transcript(tmp_path: Path, signed: bytes, trust_dir: Path) -> None:
    said = Said(written(tmp_path, signed), trust_dir, as_json=True)
    assert said.status == 0
    answer = said.json
    assert answer["verdict"] == "valid"
    assert answer["format"] == "pdf"
    assert [item["role"] for item in answer["signatures"]] == ["GVCN", "CBQL", "SEAL"]
    assert answer["signatures"][0]["signed_at"] == "2026-05-30T09:12:03+07:00"
    assert answer["signatures"][2]["organisation"] == "Trường Tiểu học Hoa Ban"
    assert {item["level"] for item in answer["signatures"]} == {"B-LT"}
    assert all(item["intact"] and item["trusted"] and item["timestamped"] for item in answer["signatures"])
    assert answer["modified_after_signing"] is False
    assert answer["lookup_code"] == LOOKUP_CODE
    assert answer["version"] == 1
    assert answer["content_sha256"] == crypto.sha256_hex(canonical(SNAPSHOT))
    assert answer["embedded_data_matches_page"] is True
    assert answer["problems"] == []


def test_three_answers_for_a_person(tmp_path: Path, signed: bytes, trust_dir: Path) -> None:
    said = Said(written(tmp_path, signed), trust_dir)
    assert said.status == 0
    assert "Kết luận: HỢP LỆ" in said.out
    assert "1. Nguyên vẹn: có" in said.out
    assert "Giáo viên chủ nhiệm: Đinh Thị Hoài Thu" in said.out
    assert "09:12:03 ngày 30/05/2026, theo dấu thời gian" in said.out
    assert "3. Chuỗi tin cậy: có" in said.out
    assert "Vấn đề" not in said.out


@pytest.mark.parametrize(
    "attack",
    [
        attacks.page_replaced,
        attacks.title_forged,
        attacks.bytes_appended,
        attacks.lines_appended,
        attacks.range_spoiled,
        attacks.padding_used,
    ],
)
def test_spoiled_is_one_and_says_why(
    tmp_path: Path, signed: bytes, trust_dir: Path, attack: Callable[[bytes], bytes]
) -> None:
    path = written(tmp_path, attack(signed))
    said = Said(path, trust_dir)
    assert said.status == 1
    assert "KHÔNG HỢP LỆ" in said.out
    assert "1. Nguyên vẹn: KHÔNG" in said.out
    assert "Vấn đề:" in said.out
    assert Said(path, trust_dir, as_json=True).json["modified_after_signing"] is True


def test_without_anchors_nothing_is_valid(
    tmp_path: Path, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOCBA_TRUST_DIR", str(tmp_path))
    said = Said(written(tmp_path, signed), None, as_json=True)
    assert said.status == 1
    assert said.json["verdict"] == "indeterminate"


def test_where_the_anchors_are_sought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOCBA_TRUST_DIR", raising=False)
    own = tmp_path / "own"
    monkeypatch.setattr(verify_command, "_OWN_TRUST", own)
    assert default_trust_dir() is None
    own.mkdir()
    assert default_trust_dir() == own
    monkeypatch.setenv("HOCBA_TRUST_DIR", "/somewhere")
    assert default_trust_dir() == Path("/somewhere")


def test_anchors_that_came_with_the_file_are_not_believed(
    tmp_path: Path, world: World, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOCBA_TRUST_DIR", raising=False)
    monkeypatch.setattr(verify_command, "_OWN_TRUST", tmp_path / "none")
    unpacked = tmp_path / ".hocba" / "trust"
    unpacked.mkdir(parents=True)
    world.trust_folder(unpacked)
    monkeypatch.chdir(tmp_path)
    said = Said(written(tmp_path, signed), None, as_json=True)
    assert said.status == 1
    assert said.json["verdict"] == "indeterminate"
    assert {item["level"] for item in said.json["signatures"]} == {"B-LT"}


def test_sandbox_signatures_say_so(tmp_path: Path) -> None:
    sandbox = make_world(Pki(organisation="HOCBA SANDBOX"))
    path = written(tmp_path, sandbox.add_material(sandbox.sign_all()))
    said = Said(path, sandbox.trust_folder(tmp_path))
    assert said.status == 0
    assert "CHỮ KÝ THỬ NGHIỆM" in said.out
    assert "không có giá trị pháp lý" in said.out


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "không phải"),
        ("Điểm của em".encode(), "không phải"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<?xml version='1.0'?><HOC_BA/>", "không phải học bạ số đã ký"),
        (b"PK\x03\x04", "không phải gói bằng chứng"),
    ],
    ids=["empty", "text", "truncated", "xml", "zip"],
)
def test_unreadable_is_two_with_one_sentence(tmp_path: Path, trust_dir: Path, data: bytes, said: str) -> None:
    answer = Said(written(tmp_path, data), trust_dir)
    assert answer.status == 2
    assert answer.out == ""
    assert said in answer.err
    assert answer.err.count("\n") == 1


def test_missing_file_folder_and_wrong_time(tmp_path: Path, signed: bytes, trust_dir: Path) -> None:
    path = written(tmp_path, signed)
    assert Said(tmp_path / "nowhere.pdf", trust_dir).status == 2
    assert Said(path, trust_dir, at="2026-05-30").status == 2
    assert Said(path, trust_dir, at="hôm qua").status == 2
    nowhere = Said(path, tmp_path / "nowhere")
    assert nowhere.status == 2
    assert "nowhere" in nowhere.err


def test_an_unreadable_anchor_is_named(tmp_path: Path, signed: bytes) -> None:
    (tmp_path / "root.pem").write_text("không phải chứng thư")
    said = Said(written(tmp_path, signed), tmp_path)
    assert said.status == 2
    assert "root.pem" in said.err


def check_apart(path: Path, trust_dir: Path) -> tuple[int, str, float, int]:
    """Exit status, standard error, CPU seconds and kilobytes of the command with its children."""
    command = f"""
import resource, sys
from pathlib import Path
from backend.remote_signing.formats.limited import end_children
from backend.remote_signing.formats.verify_command import run
status = run(Path({str(path)!r}), Path({str(trust_dir)!r}), None, False, sys.stdout)
end_children()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(status)
"""
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    seconds, kilobytes = done.stdout.split()[-2:]
    return done.returncode, done.stderr, float(seconds), int(kilobytes)


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda world, signed: hostile.material_bomb(signed), (1,)),
        (lambda world, signed: hostile.page_bomb(signed), (1, 2)),
        (lambda world, signed: world.add_material(world.sign_all(hostile.data_bomb(world.rendered))), (0, 2)),
        (lambda world, signed: hostile.reference_bomb(), (2,)),
        (lambda world, signed: hostile.deep_nesting(), (2,)),
        (lambda world, signed: hostile.endless_fields(), (2,)),
        (lambda world, signed: hostile.circular_updates(), (2,)),
    ],
    ids=["material", "page", "data", "references", "nesting", "fields", "updates"],
)
def test_hostile_files_do_no_harm(
    tmp_path: Path,
    world: World,
    signed: bytes,
    trust_dir: Path,
    make: Callable[[World, bytes], bytes],
    status: tuple[int, ...],
) -> None:
    found, error, seconds, kilobytes = check_apart(written(tmp_path, make(world, signed)), trust_dir)
    assert found in status, error
    assert "Traceback" not in error
    assert seconds < 5
    assert kilobytes < 560_000


def test_a_child_out_of_time_is_stopped(signed: bytes) -> None:
    with pytest.raises(Unreadable, match="quá nhiều thời gian"):
        validate_in_child(signed, None, None, expected_fields=NAMES, seconds=0)


def test_files_are_read_in_forks_of_one_process_and_its_end_loses_none(signed: bytes) -> None:
    def read() -> int:
        assert validate_in_child(signed, None, None, expected_fields=NAMES).verdict == "indeterminate"
        assert limited._forks._process is not None
        return limited._forks._process.pid

    first = read()
    assert read() == first
    os.kill(first, signal.SIGKILL)
    second = read()
    assert second != first
    assert read() == second


def test_the_process_that_forks_ends_when_nobody_asks_or_whoever_asked_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours, monkeypatch.context() as patch:
            patch.setattr(child, "_IDLE_SECONDS", 0.01)
            child.serve(theirs)
        child.serve(theirs)


def test_the_child_sees_no_settings(signed: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "PYTHONSTARTUP", str(tmp_path / "msgspec.py"))
    started = time.monotonic()
    report = validate_in_child(signed, None, None, expected_fields=NAMES)
    assert report.verdict == "indeterminate"
    assert time.monotonic() - started < 30


class TestAttachedData:
    def _read(self, pdf: bytes) -> attached_data.AttachedData:
        with structure.open_pdf(pdf) as reader:
            return attached_data.read_attached(pdf, reader)

    def test_matches(self, world: World) -> None:
        assert self._read(world.rendered).matches_page is True

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("Lường Thị Ngọc Ánh", "Lường Thị Ngọc Anh"),
            ("8.2", "8.5"),
            ("7f3c0a52", "7f3c0a53"),
            ("2016-09-03", "2016-09-13"),
            ("Vững.", "Vững vàng."),
            ('"year":"K"', '"year":"CĐ"'),
            ("Âm nhạc", "Mĩ thuật"),
        ],
    )
    def test_one_changed_value_is_found(self, old: str, new: str) -> None:
        data = canonical(SNAPSHOT).decode().replace(old, new).encode()
        assert data != canonical(SNAPSHOT)
        found = self._read(render(SNAPSHOT, data))
        assert found.matches_page is False
        assert len(found.problems) == 1

    @pytest.mark.parametrize("data", [b"[]", b"{", b"[" * 100_000, b'{"schema":"other/1"}'])
    def test_unreadable_data_never_matches(self, data: bytes) -> None:
        found = self._read(render(SNAPSHOT, data))
        assert found.matches_page is False
        assert found.content_sha256 == crypto.sha256_hex(data)
