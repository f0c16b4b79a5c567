"""The supervisor with small real children."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.embedded import supervisor
from infra.embedded.child import ChildSpec
from infra.embedded.errors import StartRefused
from infra.embedded.ports import LOOPBACK, Place
from infra.embedded.supervisor import Supervisor
from tests.infra.embedded.processes import living_on

SLEEPER = "import time, sys; print('xin chào', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
LISTENER = (
    "import socket, sys, time; held = socket.create_server(('127.0.0.1', int(sys.argv[2]))); time.sleep(600)"
)
WITH_OFFSPRING = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}, *sys.argv[1:]])"


class Staff:
    """A supervisor, what it has said, and a folder that each child names on its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.supervisor = Supervisor(folder, self.said.append)

    def child(self, name: str, program: str, *words: str, **more: object) -> ChildSpec:
        command = (sys.executable, "-c", program, str(self.folder), *words)
        return ChildSpec(name=name, command=command, **more)  # type: ignore[arg-type]

    async def hears(self, words: str) -> None:
        async with asyncio.timeout(20):
            while not any(words in line for line in self.said):
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def staff(tmp_path: Path) -> AsyncIterator[Staff]:
    staff = Staff(tmp_path)
    yield staff
    await staff.supervisor.stop()
    assert living_on(tmp_path) == {}


async def test_a_killed_child_is_restarted_and_said_so(staff: Staff) -> None:
    await staff.supervisor.start(staff.child("thợ", SLEEPER))
    before = staff.supervisor.pid("thợ")
    os.kill(before, signal.SIGKILL)
    await staff.hears("đã chạy lại")
    assert staff.supervisor.pid("thợ") != before
    assert staff.said == [
        "thợ đã dừng (tín hiệu SIGKILL); khởi động lại sau 0,2 giây, lần 1.",
        "thợ đã chạy lại.",
    ]


async def test_output_goes_to_the_log(staff: Staff) -> None:
    log = staff.folder / "thợ.log"

    async def greeted() -> bool:
        return "xin chào" in log.read_text()

    await staff.supervisor.start(staff.child("thợ", SLEEPER, ready=greeted))


async def test_one_that_keeps_dying_is_given_up(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.001)
    await staff.supervisor.start(staff.child("hỏng", "raise SystemExit(3)"))
    with pytest.raises(StartRefused, match="hỏng liên tục dừng"):
        await asyncio.wait_for(staff.supervisor.failure(), 20)
    restarts = [line for line in staff.said if "mã thoát 3" in line]
    assert len(restarts) == supervisor.MOST_RESTARTS


async def test_one_that_ends_before_it_is_ready_is_refused(staff: Staff) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(StartRefused, match="hỏng không khởi động được; nguyên nhân ở cuối tệp"):
        await staff.supervisor.start(staff.child("hỏng", "raise SystemExit(3)", ready=never))


async def test_one_that_never_answers_is_refused_and_stopped(staff: Staff) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(StartRefused, match=r"câm không trả lời sau 0\.2 giây"):
        await staff.supervisor.start(staff.child("câm", SLEEPER, ready=never, ready_within=0.2))
    assert living_on(staff.folder) == {}


@pytest.mark.parametrize("program", [LISTENER, SLEEPER])
async def test_the_answer_of_a_stranger_on_its_port_does_not_count(staff: Staff, program: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(StartRefused, match=rf"^Cổng {port} \(HOCBA_PORT_WEB\) đang được dùng bởi"):
            await staff.supervisor.start(
                staff.child("web", program, str(port), place=Place("web", port), ready_within=1.0)
            )
    assert living_on(staff.folder) == {}


async def test_an_offspring_may_listen_for_its_parent(staff: Staff) -> None:
    port = _free_port()
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LISTENER!r}, *sys.argv[1:]])"
    await staff.supervisor.start(staff.child("web", program, str(port), place=Place("web", port)))
    with socket.create_connection((LOOPBACK, port)):
        pass


async def test_a_port_taken_while_its_child_was_dead_is_named(staff: Staff) -> None:
    port = _free_port()
    await staff.supervisor.start(staff.child("web", LISTENER, str(port), place=Place("web", port)))
    assert staff.supervisor.answers("web")
    os.kill(staff.supervisor.pid("web"), signal.SIGKILL)
    await staff.hears("web đã dừng (tín hiệu SIGKILL)")
    with socket.create_server((LOOPBACK, port)):
        await staff.hears(f"Cổng {port} (HOCBA_PORT_WEB) đang được dùng bởi chương trình khác")
        assert not staff.supervisor.answers("web")
    await staff.hears("web đã chạy lại.")
    assert staff.supervisor.answers("web")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_missing_program_is_refused(staff: Staff) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(StartRefused, match="không khởi động được"):
        await staff.supervisor.start(ChildSpec(name="không có", command=("/no/such/program",), ready=never))
    assert "No such file" in (staff.folder / "không có.log").read_text()


async def test_stopping_reaches_the_stubborn_and_the_offspring(staff: Staff) -> None:
    await staff.supervisor.start(
        staff.child("lì", STUBBORN, stop_within=0.3), staff.child("cha", WITH_OFFSPRING)
    )
    async with asyncio.timeout(20):
        while len(living_on(staff.folder)) < 3:
            await asyncio.sleep(0.01)
    await staff.supervisor.stop()
    assert living_on(staff.folder) == {}
    assert staff.said == []


async def test_the_last_started_is_stopped_first(staff: Staff) -> None:
    witness = staff.folder / "order"
    program = (
        "import signal, sys, time\n"
        f"def leave(*_): open({str(witness)!r}, 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "open(sys.argv[1] + '/' + sys.argv[2], 'w').close()\n"
        "time.sleep(600)"
    )
    for name in ("a", "b", "c"):
        mark = staff.folder / name

        async def ready(mark: Path = mark) -> bool:
            return mark.exists()

        command = (sys.executable, "-c", program, str(staff.folder), name)
        await staff.supervisor.start(ChildSpec(name=name, command=command, ready=ready))
    await staff.supervisor.stop()
    assert witness.read_text() == "cba"
