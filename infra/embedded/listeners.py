"""Who listens on a loopback port, read from /proc: an answer there counts only when it is our own child's."""

import os
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"


def listens(session: int, port: int) -> bool:
    """Whether a process of this session (the pid of its first process) listens on the port."""
    sockets = set(_listening(port))
    return bool(sockets) and any(_holds(pid, sockets) for pid in _members(session))


def _listening(port: int) -> Iterator[str]:
    """The sockets that listen on the port, by the names that /proc/PID/fd gives them."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:
            continue
        for columns in map(str.split, lines):
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                yield f"socket:[{columns[9]}]"


def _members(session: int) -> Iterator[int]:
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.getsid(int(entry)) == session:
                yield int(entry)
        except ProcessLookupError:
            continue


def _holds(pid: int, sockets: set[str]) -> bool:
    try:
        folder = f"/proc/{pid}/fd"
        return any(_target(f"{folder}/{number}") in sockets for number in os.listdir(folder))
    except FileNotFoundError:
        return False
    except PermissionError:
        # PostgreSQL as `nobody`, whom not every container lets us look at; its pid file has spoken for it.
        return _lives_as_another_user(pid)


def _lives_as_another_user(pid: int) -> bool:
    """Our own dead are closed to us, too, until they are buried: a zombie holds nothing."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    said = dict(line.split(":", 1) for line in lines if ":" in line)
    effective = int(said["Uid"].split()[1])
    return effective != os.geteuid() and not said["State"].strip().startswith("Z")


def _target(descriptor: str) -> str:
    try:
        return os.readlink(descriptor)
    except FileNotFoundError:
        return ""
