"""Processor time of the servers that a figure started: what a busy machine cannot distort as much as the clock."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


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


def _descends(pid: int, parents: dict[int, int]) -> bool:
    """Whether `pid` is below this process, not this process itself."""
    own, above = os.getpid(), parents.get(pid, 0)
    while above not in (own, 0):
        above = parents.get(above, 0)
    return above == own
