"""Read or fill a workbook in a process of its own: little memory and time, no files, no network."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from backend.core.errors import Conflict, Unavailable
from backend.integrations.imports.readers import precheck
from backend.integrations.imports.schemas import Filling, ParsedFile, UnreadableFile

A = TypeVar("A")
R = TypeVar("R")
_ROOT: Final = Path(__file__).resolve().parents[4]
#: Without Pillow, which openpyxl would load for pictures in sheets: faster, and no image code near the file.
_CHILD: Final = (
    "import sys; sys.modules['PIL'] = None; "
    "from backend.integrations.imports.limited.child import {task}; {task}()"
)
_WALL_SECONDS: Final = 40
#: Workbooks read at the same time, and together with those that wait for their turn.
AT_ONCE, MOST_WAITING = 2, 8
#: Threads of their own: those that everybody shares, for the store and for passwords, stay free.
_readers: Final = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="workbook")
_under_way = 0
CANNOT_FILL: Final = (
    "Không điền được vào tệp này vì tệp quá lớn hoặc có phần không đọc được; "
    "hãy mở tệp bằng Excel, lưu lại dạng .xlsx, tải lên rồi thử lại."
)
TOO_SLOW: Final = "Tệp cần quá nhiều thời gian để đọc; hãy tách thành nhiều tệp nhỏ hơn, mỗi lớp một tệp."
_DECODER: Final = msgspec.json.Decoder[ParsedFile](ParsedFile)


def parse(data: bytes) -> ParsedFile:
    """What a workbook holds. A file that cannot be read gives UnreadableFile with one sentence."""
    refused = precheck.refusal(data)
    if refused:
        return UnreadableFile.because(refused)
    done = _run("read", data)
    if done is None or done.returncode < 0:
        return UnreadableFile.because(TOO_SLOW)
    if done.returncode != 0:
        return UnreadableFile.because(precheck.BROKEN)
    try:
        parsed: ParsedFile = _DECODER.decode(done.stdout)
    except msgspec.DecodeError:
        return UnreadableFile.because(precheck.BROKEN)
    return parsed


def fill(wanted: Filling) -> bytes:
    """The workbook with what belongs into it. Raises Conflict where it cannot be filled."""
    refused = precheck.refusal(wanted.data)
    if refused:
        raise Conflict(refused)
    done = _run("fill", msgspec.msgpack.encode(wanted))
    if done is None or done.returncode != 0 or not done.stdout:
        raise Conflict(CANNOT_FILL)
    return done.stdout


def cells(data: bytes) -> list[list[list[str]]]:
    """Sheets, rows and cells as people see them. Raises Conflict for a file that cannot be read."""
    refused = precheck.refusal(data)
    if refused:
        raise Conflict(refused)
    done = _run("cells", data)
    if done is None or done.returncode != 0 or not done.stdout:
        raise Conflict(precheck.BROKEN)
    return msgspec.json.decode(done.stdout, type=list[list[list[str]]])


def _run(task: str, sent: bytes) -> subprocess.CompletedProcess[bytes] | None:
    """The process, ended; None where it had to be ended."""
    try:
        return subprocess.run(
            [sys.executable, "-s", "-c", _CHILD.format(task=task)],
            input=sent,
            capture_output=True,
            cwd=_ROOT,
            env={"LANG": "C.UTF-8", "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None


async def parse_async(data: bytes) -> ParsedFile:
    """`parse` without holding up the event loop. Raises Unavailable while MOST_WAITING others are under way."""
    return await _in_turn(parse, data)


async def cells_async(data: bytes) -> list[list[list[str]]]:
    """`cells` in the same way."""
    return await _in_turn(cells, data)


async def fill_async(wanted: Filling) -> bytes:
    """`fill` in the same way."""
    return await _in_turn(fill, wanted)


async def _in_turn(work: Callable[[A], R], given: A) -> R:
    global _under_way
    if _under_way >= MOST_WAITING:
        raise Unavailable(
            "Đang có nhiều tệp được xử lý cùng lúc; tệp này chưa được nhận, xin gửi lại sau ít phút."
        )
    _under_way += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_readers, work, given)
    finally:
        _under_way -= 1
