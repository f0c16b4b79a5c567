"""A data folder whose PostgreSQL is made and migrated, to be copied by whoever needs several: tests and measurements.

    python -m infra.embedded.ready_made FOLDER

A copy is there in a second; to make and migrate each anew takes four of the processor. Copies share their passwords.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.embedded.stack import EmbeddedStack

_ROOT = Path(__file__).resolve().parents[2]
#: What makes the cluster and lets its roles in; ports, logs and the rest are each stack's own.
_PARTS = ("postgres", "secrets")


def make(folder: Path) -> None:
    """Fill the empty folder. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "infra.embedded.ready_made", str(folder)], cwd=_ROOT, check=True)


def copy(made: Path, folder: Path) -> None:
    """Lay what was made into the data folder of a stack that has not been started yet."""
    for part in _PARTS:
        shutil.copytree(made / part, folder / part, symlinks=True)


async def _make(folder: Path) -> None:
    async with EmbeddedStack(folder, durable=False, configured={}) as stack:
        environment = os.environ | stack.environment()
        command = [sys.executable, "-m", "backend.cli", "migrate"]
        await asyncio.to_thread(subprocess.run, command, cwd=_ROOT, env=environment, check=True)


if __name__ == "__main__":
    asyncio.run(_make(Path(sys.argv[1])))
