"""Processor time and memory of the servers that a figure started: what a busy machine cannot distort as the clock."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE, _MIB = os.sysconf("SC_PAGE_SIZE"), 1024 * 1024


def cpu_seconds() -> float:
    """Processor time, so far, of all living descendants of this process."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            spent[int(entry.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
    return sum(seconds for pid, seconds in spent.items() if _descends(pid, parents))


def resident(program: str) -> float:
    """Resident MiB of the living descendants of this process in whose command line `program` stands."""
    parents = {int(entry.name): _parent(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    ours = [pid for pid in parents if _descends(pid, parents) and program in _command(pid)]
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE for pid in ours) / _MIB


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _descends(pid: int, parents: dict[int, int]) -> bool:
    """Whether `pid` is below this process, not this process itself."""
    own, above = os.getpid(), parents.get(pid, 0)
    while above not in (own, 0):
        above = parents.get(above, 0)
    return above == own
