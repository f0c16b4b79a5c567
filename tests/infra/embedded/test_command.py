"""`python -m infra.embedded` as people start and stop it, kindly and unkindly."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.infra.embedded.processes import living_on, wait_until

PROJECT = Path(__file__).parents[3]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command on a data folder of this test, in a session of its own, like a terminal does."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str, **environment: str) -> subprocess.Popen[str]:
        command = (sys.executable, "-m", "infra.embedded", "--data", str(tmp_path / "data"), *words)
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def _is_up(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "đang chạy; biến môi trường ở" in line, line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    process = start("up")
    _is_up(process)
    assert len(living_on(tmp_path)) > 5
    os.killpg(process.pid, number)
    assert process.wait(20) == 0
    assert living_on(tmp_path) == {}
    assert process.communicate() == ("", "")


def test_a_signal_during_the_start(start: Start, tmp_path: Path) -> None:
    process = start("up")
    assert wait_until(lambda: (tmp_path / "data" / "postgres").exists())
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 0
    assert wait_until(lambda: living_on(tmp_path) == {})


def test_kill_9_leaves_no_child_and_is_said_at_the_next_start(start: Start, tmp_path: Path) -> None:
    process = start("up")
    _is_up(process)
    process.kill()
    process.wait(20)
    assert wait_until(lambda: living_on(tmp_path) == {}), living_on(tmp_path)
    _, said = start("run", "true").communicate(timeout=30)
    told, *of_ports = said.splitlines()
    assert told == (
        f"Lần chạy trước (tiến trình {process.pid}) đã dừng đột ngột; dữ liệu vẫn còn và được dùng tiếp."
    )
    # Another stack of these tests may have taken a port meanwhile.
    assert all(re.fullmatch(r"Cổng \d+ của .+ đã bị chiếm; dùng cổng \d+\.", line) for line in of_ports)


def test_stop_from_another_window(start: Start, tmp_path: Path) -> None:
    running = start("up")
    _is_up(running)
    _, said = start("up").communicate(timeout=20)
    assert said.startswith("Hocba đang chạy với dữ liệu ở")
    assert said.count("\n") == 1
    assert start("stop").wait(20) == 0
    assert running.wait(20) == 0
    assert living_on(tmp_path) == {}
    assert start("stop").communicate(timeout=20) == ("", "Hocba không chạy.\n")


def test_run_hands_on_variables_and_exit_code(start: Start, tmp_path: Path) -> None:
    process = start("run", "--", "sh", "-c", "echo $HOCBA_ENVIRONMENT; exit 7")
    assert process.communicate(timeout=30) == ("development\n", "")
    assert process.returncode == 7
    assert living_on(tmp_path) == {}


def test_a_wrong_port_is_one_line_without_traceback(start: Start) -> None:
    process = start("up", HOCBA_PORT_VALKEY="nhiều")
    assert process.communicate(timeout=20) == (
        "",
        "HOCBA_PORT_VALKEY=nhiều không phải số cổng; hãy đặt số từ 1 đến 65535 hoặc bỏ trống.\n",
    )
    assert process.returncode == 1
