"""Servers of which a run starts several: the first process that needs one makes and migrates it, all others copy it.

Migrations on an empty database are what `make run` does, in tests/crash/test_make_run.py.
"""

import fcntl
import os
from pathlib import Path

import pytest

from infra.embedded import ready_made


def lay_down(folder: Path, factory: pytest.TempPathFactory) -> Path:
    """Put a migrated PostgreSQL into the data folder, where several processes run tests; returns the folder."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = factory.getbasetemp().parent
        made = shared / "migrated"
        with (shared / "migrated.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not made.exists():
                ready_made.make(shared / "being-migrated")
                (shared / "being-migrated").rename(made)
        ready_made.copy(made, folder)
    return folder
