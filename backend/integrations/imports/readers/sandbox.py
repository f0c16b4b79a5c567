"""Parse an uploaded workbook in a process of its own: little memory and time, no files, no network."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from backend.core.errors import Unavailable
from backend.integrations.imports.readers import detect, precheck
from backend.integrations.imports.schemas import ParsedFile

_ROOT: Final = Path(__file__).resolve().parents[4]
#: Without Pillow, which openpyxl would load for pictures in sheets: faster, and no image code near the file.
_CHILD: Final = (
    "import sys; sys.modules['PIL'] = None; "
    "from backend.integrations.imports.readers.child import main; main()"
)
_WALL_SECONDS: Final = 40
#: Workbooks read at the same time, and together with those that wait for their turn.
AT_ONCE, MOST_WAITING = 2, 8
#: Threads of their own: those that everybody shares, for the store and for passwords, stay free.
_readers: Final = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="workbook")
_under_way = 0
TOO_SLOW: Final = "Tệp cần quá nhiều thời gian để đọc; hãy tách thành nhiều tệp nhỏ hơn, mỗi lớp một tệp."
_DECODER: Final = msgspec.json.Decoder[ParsedFile](ParsedFile)


def parse(data: bytes) -> ParsedFile:
    """What a workbook holds. A file that cannot be read gives UnreadableFile with one sentence."""
    refused = precheck.refusal(data)
    if refused:
        return detect.unreadable(refused)
    try:
        done = subprocess.run(
            [sys.executable, "-s", "-c", _CHILD],
            input=data,
            capture_output=True,
            cwd=_ROOT,
            env={"LANG": "C.UTF-8", "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return detect.unreadable(TOO_SLOW)
    if done.returncode != 0:
        return detect.unreadable(TOO_SLOW if done.returncode < 0 else precheck.BROKEN)
    try:
        parsed: ParsedFile = _DECODER.decode(done.stdout)
    except msgspec.DecodeError:
        return detect.unreadable(precheck.BROKEN)
    return parsed


async def parse_async(data: bytes) -> ParsedFile:
    """`parse` without holding up the event loop. Raises Unavailable while MOST_WAITING others are being read."""
    global _under_way
    if _under_way >= MOST_WAITING:
        raise Unavailable(
            "Đang có nhiều tệp được đọc cùng lúc; tệp này chưa được nhận, xin gửi lại sau ít phút."
        )
    _under_way += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_readers, parse, data)
    finally:
        _under_way -= 1
