"""Who listens, as an ordinary user sees it: root may look into every process, so a child without its powers asks."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded.ports import LOOPBACK

ROOT = Path(__file__).resolve().parents[3]
#: Root becomes `nobody` once everything is imported (a first question sees to that): this project, and Python itself, may
#: lie where only root can read.
ORDINARY = """
import os, subprocess, sys
from infra.embedded.listeners import listens
port = int(sys.argv[1])
listens(os.getsid(0), port)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""
DEAD_CHILD = """
child = subprocess.Popen(["true"], start_new_session=True)
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
print(listens(child.pid, port))
"""
LIVING_CHILD = """
with subprocess.Popen(["cat"], start_new_session=True, stdin=subprocess.PIPE) as child:
    print(listens(child.pid, port))
"""
#: Process 1 is root's, and shows nobody else what it holds.
ANOTHER_USER = "print(listens(os.getsid(1), port))"


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("asked", "answer"), [(DEAD_CHILD, "False"), (LIVING_CHILD, "False"), (ANOTHER_USER, "True")]
)
def test_only_what_lives_as_another_user_is_believed_unseen(port: int, asked: str, answer: str) -> None:
    command = [sys.executable, "-c", ORDINARY + asked, str(port)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    assert said.stdout.strip() == answer
