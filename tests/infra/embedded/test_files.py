"""Secrets, logs, the data folder and its pid file."""

import os
import stat
from pathlib import Path

import pytest

from infra.embedded import logs
from infra.embedded.errors import StartRefused
from infra.embedded.instance import only_one, stop_other
from infra.embedded.layout import DataDir
from infra.embedded.secrets import SecretStore


def test_a_secret_is_drawn_once_and_private(tmp_path: Path) -> None:
    store = SecretStore(tmp_path)
    first = store.get("valkey")
    assert len(bytes.fromhex(first)) == 24
    assert SecretStore(tmp_path).get("valkey") == first
    assert store.get("s3") != first
    assert stat.S_IMODE(store.path("valkey").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s3", "valkey"]


def test_logs_move_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    for number in range(6):
        logs.rotated(tmp_path, "s3").write_text(str(number))
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"s3.log": "5", "s3.log.1": "4", "s3.log.2": "3", "s3.log.3": "2"}


def test_the_data_folder_is_private(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o755)
    data = DataDir.open(tmp_path / "a")
    for folder in (data.root, data.secrets, data.logs, data.run):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartRefused, match="Không ghi được vào thư mục dữ liệu"):
        DataDir.open(tmp_path / "file" / "data")


def test_a_stale_pid_is_said_and_cleaned(tmp_path: Path) -> None:
    pid_file = tmp_path / "hocba.pid"
    pid_file.write_text("424242\n")
    said: list[str] = []
    with only_one(pid_file, said.append):
        assert pid_file.read_text() == f"{os.getpid()}\n"
    assert said == ["Lần chạy trước (tiến trình 424242) đã dừng đột ngột; dữ liệu vẫn còn và được dùng tiếp."]
    assert pid_file.read_text() == ""


def test_an_orderly_end_leaves_nothing_to_say(tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        with pytest.raises(RuntimeError), only_one(tmp_path / "hocba.pid", said.append):
            raise RuntimeError
    assert said == []


def test_the_second_on_one_folder_is_refused(tmp_path: Path) -> None:
    pid_file = tmp_path / "hocba.pid"
    with (
        only_one(pid_file, print),
        pytest.raises(StartRefused, match=f"đang chạy .*tiến trình {os.getpid()}"),
        only_one(pid_file, print),
    ):
        pass


def test_nothing_to_stop(tmp_path: Path) -> None:
    (tmp_path / "hocba.pid").write_text("1\n")
    assert not stop_other(tmp_path / "hocba.pid")
    assert not stop_other(tmp_path / "missing.pid")
