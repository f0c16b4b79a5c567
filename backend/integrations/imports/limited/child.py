"""The process in which a stranger's workbook is touched: bytes on standard input, the answer on standard output.

Started by `sandbox.py` for one file. Limits are set before anything of the file is looked at.
"""

import codecs
import resource
import sys

import msgspec

from backend.integrations.imports.readers import detect, grid, oneroster, precheck
from backend.integrations.imports.schemas import Filling, ParsedFile, UnreadableFile
from backend.integrations.imports.writers import cells as writer
from backend.integrations.imports.writers import places

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 20

TOO_MUCH_MEMORY = "Tệp quá lớn để đọc; hãy tách thành nhiều tệp nhỏ hơn, mỗi lớp một tệp."


def read() -> None:
    """Read one workbook and answer in JSON. Exit status 0 whenever there is an answer."""
    _limit()
    data = sys.stdin.buffer.read(precheck.MAX_FILE_BYTES + 1)
    sys.stdout.buffer.write(msgspec.json.encode(_parse(data)))


def fill() -> None:
    """Fill one workbook and answer with its bytes; whatever is wrong with it ends the process."""
    _limit()
    sys.stdout.buffer.write(filled(msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Filling)))


def cells() -> None:
    """Read one workbook as it is: what stands in each cell that people see; whatever is wrong ends the process."""
    _limit()
    data = sys.stdin.buffer.read(precheck.MAX_FILE_BYTES + 1)
    shown = [
        [[grid.shown(cell) for cell in row] for row in one.rows] for one in grid.load(data) if not one.hidden
    ]
    sys.stdout.buffer.write(msgspec.json.encode(shown))


def filled(filling: Filling) -> bytes:
    """The workbook with what belongs into it."""
    return writer.fill(filling.data, places.edits(grid.load(filling.data), filling.wanted))


def _parse(data: bytes) -> ParsedFile:
    try:
        return oneroster.read(data) if oneroster.is_package(data) else detect.read(grid.load(data))
    except MemoryError:
        return UnreadableFile.because(TOO_MUCH_MEMORY)
    except Exception:
        # openpyxl has no common error for broken files: KeyError, ParseError, TypeError … all mean this.
        return UnreadableFile.because(precheck.BROKEN)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Codecs of zip directories are modules of their own, loaded on first use.
    for name in ("cp437", "ascii", "latin-1", "utf-8-sig"):
        codecs.lookup(name)
    # All modules are loaded: from here on no file and no socket can be opened.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
