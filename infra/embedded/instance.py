"""One data folder, one running stack: a locked pid file."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.embedded.errors import StartRefused
from infra.embedded.ports import Say


@contextmanager
def only_one(pid_file: Path, say: Say) -> Iterator[None]:
    """Hold the data folder for the length of the block.

    The kernel drops the lock with its holder, so a pid left behind by a crash or a power cut is seen to be
    stale. Raises `StartRefused` if another stack holds it.
    """
    descriptor = os.open(pid_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, pid_file)
        stale = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        if stale:
            say(f"Lần chạy trước (tiến trình {stale}) đã dừng đột ngột; dữ liệu vẫn còn và được dùng tiếp.")
        _write(descriptor, f"{os.getpid()}\n")
        try:
            yield
        finally:
            _write(descriptor, "")
    finally:
        os.close(descriptor)


def _lock(descriptor: int, pid_file: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        raise StartRefused(
            f"Hocba đang chạy với dữ liệu ở {pid_file.parent.parent} (tiến trình {holder}); "
            "hãy dừng bằng `make stop` hoặc Ctrl-C ở cửa sổ kia trước khi chạy lại."
        ) from error


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode("ascii"), 0)


def stop_other(pid_file: Path, patience: float = 60.0) -> bool:
    """End the stack that holds the file and wait until it is gone. False if nothing runs.

    Raises `StartRefused` if it is still there after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    asked = False
    while (holder := _holder(pid_file)) is not None:
        if not asked:
            os.kill(holder, signal.SIGTERM)
            asked = True
        if time.monotonic() > deadline:
            raise StartRefused(
                f"Tiến trình {holder} chưa dừng sau {patience:g} giây; hãy thử lại sau ít phút."
            )
        time.sleep(0.05)
    return asked


def _holder(pid_file: Path) -> int | None:
    """Pid of the process that holds the lock now."""
    try:
        descriptor = os.open(pid_file, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)
