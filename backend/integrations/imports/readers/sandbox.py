"""Parse an uploaded workbook in a process of its own: little memory and time, no files, no network."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from backend.integrations.imports.readers import detect, precheck
from backend.integrations.imports.schemas import ParsedFile

_ROOT: Final = Path(__file__).resolve().parents[4]
#: Without Pillow, which openpyxl would load for pictures in sheets: faster, and no image code near the file.
_CHILD: Final = (
    "import sys; sys.modules['PIL'] = None; "
    "from backend.integrations.imports.readers.child import main; main()"
)
_WALL_SECONDS: Final = 40
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
    """`parse` without holding up the event loop."""
    return await asyncio.to_thread(parse, data)
