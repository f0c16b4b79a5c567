"""The harness: what is counted, what is printed, and what is left as it was."""

import io
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from infra.bench import __main__ as command
from infra.bench.harness import Bench, Timing, one_core
from infra.bench.processes import cpu_seconds

PROJECT = Path(__file__).parents[3]
KEYS = ["name", "value", "unit", "yardstick", "ratio", "n", "note"]


class Clock:
    """Wall and processor time that only work moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("time.perf_counter", lambda: self.now)
        monkeypatch.setattr("time.process_time", lambda: self.now / 4)
        monkeypatch.setattr("infra.bench.harness.cpu_seconds", lambda: self.now / 4)


def test_the_warm_up_does_not_count_and_the_median_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    seconds = iter([90.0, 90.0, 1.0, 1.0, 5.0, 5.0, 2.0, 2.0, 3.0, 3.0, 50.0, 50.0])
    numbers = []

    def work(number: int) -> None:
        numbers.append(number)
        clock.now += next(seconds)

    found = Bench(quick=True, out=io.StringIO()).measure("x", work, items=2)
    assert found == Timing(seconds=3.0, cpu_seconds=1.5, items=10)
    assert numbers == list(range(12))
    assert (found.rate, found.cpu_rate) == (1 / 3, 2 / 3)


def test_works_take_turns() -> None:
    turns: list[str] = []
    works = [(lambda number: turns.append("ours"), 2), (lambda number: turns.append("theirs"), 1)]
    Bench(quick=True, out=io.StringIO(), repetitions=2).compare("x", works)
    assert turns == ["ours", "ours", "theirs"] * 3


async def test_putting_back_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    async def put_back() -> None:
        clock.now += 100

    async def work(number: int) -> None:
        clock.now += 1

    bench = Bench(quick=True, out=io.StringIO())
    [found] = await bench.compare_async("x", [(work, 3)], before_each=put_back)
    assert found.seconds == 1


def test_a_figure_is_one_line_with_the_words_of_the_contract() -> None:
    out = io.StringIO()
    Bench(quick=False, out=out).report("render.pdf", 20.43219, n=200, ratio=12.345678, note="đo thử")
    assert out.getvalue().count("\n") == 1
    assert "đo thử" in out.getvalue()
    line = json.loads(out.getvalue())
    assert list(line) == KEYS
    assert (line["value"], line["ratio"], line["unit"]) == (20.43, 12.35, "documents/s/core")
    assert line["yardstick"] == "WeasyPrint, same document"


def test_a_name_that_the_contract_does_not_have_is_refused() -> None:
    with pytest.raises(KeyError):
        Bench(quick=False, out=io.StringIO()).report("render.png", 1, n=1)


def test_processor_time_of_servers_is_seen() -> None:
    before = cpu_seconds()
    with subprocess.Popen((sys.executable, "-c", "while True: pass")) as server:
        deadline = time.monotonic() + 20
        while cpu_seconds() < before + 0.05 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert cpu_seconds() >= before + 0.05
        server.kill()


def test_one_core_and_then_all_again() -> None:
    before = os.sched_getaffinity(0)
    with suppress(ZeroDivisionError), one_core() as core:
        assert os.sched_getaffinity(0) == {core}
        raise ZeroDivisionError
    assert os.sched_getaffinity(0) == before


def test_a_group_that_fails_is_named_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "GROUPS", {"render": "no_such_module", "assess": "infra.bench.assess"})
    assert command.main(["--quick"]) == 1
    printed = capsys.readouterr()
    assert [json.loads(line)["name"] for line in printed.out.splitlines()] == ["assess.secondary"]
    assert "not measured: render" in printed.err


def test_an_unknown_group_is_refused() -> None:
    done = subprocess.run(
        (sys.executable, "-m", "infra.bench", "--only", "assess,speed"),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "không có nhóm speed" in done.stderr
