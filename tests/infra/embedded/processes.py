"""What runs on this machine, read from /proc, so that tests can see what a stack leaves behind."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def living_on(folder: Path) -> dict[int, str]:
    """Processes, by pid, that name the folder on their command line or work inside it."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            place = os.readlink(entry / "cwd")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and (str(folder) in words or Path(place).is_relative_to(folder)):
            found[int(entry.name)] = words
    return found


def wait_until(true: Callable[[], bool], within: float = 20.0) -> bool:
    """Whether it became true in that many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False
