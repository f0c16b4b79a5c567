"""`make run` under kill -9: every pupil is issued, signed three times, delivered once, by the records of the others.

The same program as `make run`, with real processes, on ports and a folder of its own. What happened is not asked of the
product: signatures are counted in the signing service's own database, deliveries in the province's.

The demo school is small here (20 pupils). By hand the whole school of 847:

    HOCBA_CRASH_SCALE=1 .venv/bin/python -m pytest tests/crash
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
import redis

from infra.demo.schools import DemoSchool
from infra.demo.workbooks import read_plan
from infra.embedded.ports import is_free, variable
from infra.embedded.stack import SERVICES
from tests.infra.embedded.processes import living_on, wait_until

_ROOT = Path(__file__).parents[2]
SCALE = float(os.environ.get("HOCBA_CRASH_SCALE", "0.1"))
#: What one signer signs of one document: the page and the XML.
HASHES = 2
#: Seconds for a whole run; the full school needs minutes, and other tests may use the same cores.
PATIENCE = 240 + 900 * SCALE
LAST_LINE = "Gửi lên Sở, được chấp nhận: "


@dataclass
class Run:
    """One `make run`."""

    data: Path
    process: subprocess.Popen[bytes]

    @property
    def output(self) -> str:
        return self.data.with_suffix(".out").read_text()

    @property
    def school(self) -> DemoSchool:
        """The primary school, as its workbooks were written."""
        return read_plan(self.data / "demo" / "books").schools[0]

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait for it. Fails when the run ends before."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)

    def workers(self) -> list[int]:
        """Process ids of the workers that run now."""
        return [pid for pid, words in _children(self.process.pid) if words[-1:] == ["work"]]

    def forget(self) -> None:
        """FLUSHALL: every message that is on its way to a worker is lost."""
        port = json.loads((self.data / "run" / "ports.json").read_text())["valkey"]
        password = (self.data / "secrets" / "valkey").read_text()
        with closing(redis.Redis(port=port, password=password)) as valkey:
            valkey.flushall()

    def delivered(self) -> bool:
        """Whether it says that the whole primary school is with the province."""
        return LAST_LINE in self.output

    def end(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@pytest.fixture
def ports() -> dict[str, str]:
    """Free ports, the same at each start: certificates name the signing service's.

    Below those that outgoing connections take, so that they are still free at the second start.
    """
    free = (port for port in random.sample(range(20_000, 32_000), 1000) if is_free(port))
    return {variable(name): str(next(free)) for name in SERVICES}


def start(data: Path, ports: dict[str, str]) -> Run:
    output: IO[bytes]
    with data.with_suffix(".out").open("wb") as output:
        command = [
            sys.executable,
            "-m",
            "infra.demo.run",
            "--data",
            str(data),
            "--scale",
            str(SCALE),
            "--once",
        ]
        process = subprocess.Popen(
            command, cwd=_ROOT, env=os.environ | ports, stdout=output, stderr=output, start_new_session=True
        )
    return Run(data, process)


@contextmanager
def running(data: Path, ports: dict[str, str]) -> Iterator[Run]:
    """A run that leaves no process behind, however the test ends."""
    run = start(data, ports)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.terminate()
        try:
            run.process.wait(60)
        except subprocess.TimeoutExpired:
            run.process.kill()
            run.process.wait()


def test_killed_twice_in_the_middle(tmp_path: Path, ports: dict[str, str]) -> None:
    """First the workers, with all messages on their way to them; then everything, and it is started again."""
    with running(tmp_path / "hocba", ports) as run:
        in_the_middle_of_the_teachers_turn(run)
        killed = run.workers()
        assert len(killed) == 2
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        run.forget()
        in_the_middle_of_the_principals_turn(run)
        living = run.workers()
        assert len(living) == 2
        assert not set(living) & set(killed)
        assert "work-1 đã dừng (tín hiệu SIGKILL)" in run.output
        run.process.kill()
        run.process.wait()
        assert not run.delivered()
        assert wait_until(lambda: not living_on(run.data), within=15), living_on(run.data)
    with running(run.data, ports) as again:
        again.until(again.delivered)
        again.end()
    all_signed_three_times_and_delivered_once(again)


def in_the_middle_of_the_teachers_turn(run: Run) -> None:
    """The service has made the first homeroom teacher's first signature, none is embedded yet."""
    run.until(lambda: run.data.joinpath("demo", "books", "plan.json").exists())
    run.until(lambda: "Đưa đi ký: " in run.output)
    run.until(lambda: sum(signatures(run).values()) > 0)


def in_the_middle_of_the_principals_turn(run: Run) -> None:
    """All homeroom teachers have signed, the service has made the principal's first signature, none is embedded yet."""
    pupils = sum(one.pupils for one in run.school.classes)
    run.until(lambda: sum(signatures(run).values()) > pupils * HASHES)


def all_signed_three_times_and_delivered_once(run: Run) -> None:
    sizes = {one.code: one.pupils for one in run.school.classes}
    pupils = sum(sizes.values())
    assert f"Phát hành: {pupils}/{pupils}" in run.output
    assert f"{LAST_LINE}{pupils}/{pupils}" in run.output
    by_class = {staff.homeroom_of: staff.email for staff in run.school.staff if staff.homeroom_of}
    principal = next(staff.email for staff in run.school.staff if "principal" in staff.roles)
    made = signatures(run)
    assert made == {by_class[code]: size * HASHES for code, size in sizes.items()} | {
        principal: pupils * HASHES,
        f"con-dau@{run.school.key}.hocba.test": pupils * HASHES,
    }
    assert (
        asked(
            run,
            "signing_service/service.sqlite3",
            "select hash from ledger group by hash having count(*) > 1",
        )
        == []
    )
    messages = asked(
        run,
        "province/province.sqlite3",
        "select lookup_code, version, count(*), max(problems) from message where sender_code = ? group by 1, 2",
        run.school.code,
    )
    assert len(messages) == pupils
    assert {row[2:] for row in messages} == {(1, "[]")}


def signatures(run: Run) -> dict[str, int]:
    """What the signing service has made for the primary school, by account, from its own ledger."""
    rows = asked(
        run,
        "signing_service/service.sqlite3",
        "select account, count(*) from ledger join credential on credential.id = credential_id"
        " where account like ? group by account",
        f"%@{run.school.key}.hocba.test",
    )
    return {str(account): int(str(count)) for account, count in rows}


def asked(run: Run, file: str, sql: str, *values: str) -> list[tuple[object, ...]]:
    """Read from a simulator's records; they are committed before any answer leaves it."""
    with closing(sqlite3.connect(f"file:{run.data / file}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(sql, values).fetchall()


def _children(pid: int) -> Iterator[tuple[int, list[str]]]:
    """Pid and command line of each child."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and int(_stat(entry)[1]) == pid:
                yield int(entry.name), (entry / "cmdline").read_text().rstrip("\0").split("\0")


def _stat(entry: Path) -> list[str]:
    """State, parent and so on (proc_pid_stat(5)); the name before them may hold anything."""
    return (entry / "stat").read_text().rpartition(")")[2].split()
