"""Checking files from strangers: each in a process of its own with hard limits, so that none can hurt us.

To load what such a process needs takes ten times as long as most files. So one process loads it, reads no file, and
forks for each (`child.serve`); it ends when nobody has asked for a while, or when we end.
"""

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from backend.remote_signing.formats.schemas import ROLE_LABELS, ROLES, Opened, Report, Unreadable

_ROOT = Path(__file__).resolve().parents[3]
_CHILD = "backend.remote_signing.formats.child"
#: Seconds on the clock, beside those of the processor, after which a child is stopped.
WALL_SECONDS = 20
#: What a child says when it is there.
READY = b"."
_MAX_BYTES = 32 * 1024 * 1024
_TOO_MUCH = "Tệp này đòi hỏi quá nhiều thời gian hoặc bộ nhớ nên không kiểm tra được."


class _Answer(msgspec.Struct, frozen=True):
    report: Report | None = None
    refusal: str | None = None
    attachments: dict[str, bytes] = {}


def validate_in_child(
    pdf: bytes,
    trust_dir: Path | None,
    at: datetime | None,
    *,
    expected_fields: Sequence[str] = tuple(ROLES),
    labels: Mapping[str, str] = ROLE_LABELS,
    memory_bytes: int = 512 * 1024 * 1024,
    seconds: int = 10,
) -> Report:
    """`validate_pdf` and the comparison with the attached data, in a limited child process; the first takes a second.

    The expected signatures are those of a transcript. Without `trust_dir` no chain is believed. Blocks: call
    it from a thread in a server. Raises Unreadable when the file is no signed PDF, or needs more than
    `memory_bytes` or `seconds`.
    """
    return open_in_child(
        pdf,
        trust_dir,
        at,
        expected_fields=expected_fields,
        labels=labels,
        memory_bytes=memory_bytes,
        seconds=seconds,
    ).report


def open_in_child(
    pdf: bytes,
    trust_dir: Path | None,
    at: datetime | None = None,
    *,
    expected_fields: Sequence[str],
    labels: Mapping[str, str] = ROLE_LABELS,
    memory_bytes: int = 512 * 1024 * 1024,
    seconds: int = 10,
    most_attached: int = 0,
) -> Opened:
    """`validate_in_child` that also gives back what is attached, of at most `most_attached` bytes. Raises Unreadable."""
    if len(pdf) > _MAX_BYTES:
        raise Unreadable("Tệp quá lớn so với một học bạ, không kiểm tra được.")
    request = {
        "trust_dir": str(trust_dir.resolve()) if trust_dir else None,
        "at": at,
        "expected_fields": list(expected_fields),
        "labels": dict(labels),
        "memory_bytes": memory_bytes,
        "cpu_seconds": seconds,
        "wall_seconds": seconds + WALL_SECONDS,
        "most_attached": most_attached,
    }
    answer = _ask(msgspec.json.encode(request) + b"\n" + pdf, seconds)
    if answer.report is None:
        raise Unreadable(answer.refusal or _TOO_MUCH)
    return Opened(report=answer.report, attachments=answer.attachments)


def _ask(message: bytes, seconds: int) -> _Answer:
    try:
        with _forks.child() as line:
            # It is stopped a second before: this is for one that cannot even be stopped.
            line.settimeout(seconds + WALL_SECONDS + 1)
            line.sendall(message)
            line.shutdown(socket.SHUT_WR)
            return msgspec.json.decode(_read(line), type=_Answer)
    except (subprocess.SubprocessError, msgspec.DecodeError, OSError) as error:
        raise Unreadable(_TOO_MUCH) from error


def _read(line: socket.socket) -> bytes:
    with line.makefile("rb") as answer:
        return answer.read()


class _Forks:
    """The process that forks, and the way to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._way: socket.socket | None = None

    def child(self) -> socket.socket:
        """A line to a new child that waits for its request. Raises OSError."""
        with self._lock:
            for _ in range(2):  # the one that we know may have ended meanwhile
                if self._way is None:
                    self._start()
                line = self._forked()
                if line is not None:
                    return line
                self._stop()
        raise OSError("no process to read the file in")

    def close(self) -> None:
        """End it, and whatever it has forked has ended before."""
        with self._lock:
            self._stop()

    def _start(self) -> None:
        self._way, theirs = socket.socketpair()
        with theirs:
            # -P: nothing from the current folder is imported.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )

    def _forked(self) -> socket.socket | None:
        assert self._way is not None
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._way, [READY], [theirs.fileno()])
            except OSError:
                ours.close()
                return None
        ours.settimeout(WALL_SECONDS)
        try:
            if ours.recv(1) == READY:
                return ours
        except OSError:
            pass
        ours.close()
        return None

    def _stop(self) -> None:
        if self._way is not None:
            self._way.close()
        if self._process is not None:
            self._process.wait()
        self._way = self._process = None


_forks = _Forks()
atexit.register(_forks.close)


def end_children() -> None:
    """Let the process go that forks; the next file starts another."""
    _forks.close()


def _environment() -> dict[str, str]:
    """No settings and no secrets: only what the interpreter needs to start."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV") if name in os.environ
    }
    return {**kept, "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
