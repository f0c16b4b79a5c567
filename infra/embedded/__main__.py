"""`python -m infra.embedded`: the three servers without the product.

up             run them in the foreground until Ctrl-C; the product's variables are in run/hocba.env
run CMD…       run them, and the command CMD with the product's variables, until CMD ends
stop           stop whatever runs on the data folder
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from infra.embedded.errors import StartRefused
from infra.embedded.instance import stop_other
from infra.embedded.interrupt import first_of, until_interrupted
from infra.embedded.layout import DataDir
from infra.embedded.stack import PID_FILE, EmbeddedStack, print_line


def main() -> int:
    """Exit code for the shell; 1 with one sentence on standard error where the stack cannot start."""
    parser = argparse.ArgumentParser(prog="python -m infra.embedded", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".hocba"), help="data folder (default: .hocba)")
    parser.add_argument("action", choices=("up", "run", "stop"))
    parser.add_argument("command", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    try:
        if chosen.action == "stop":
            return _stop(chosen.data)
        return asyncio.run(_hold(chosen.data, [word for word in chosen.command if word != "--"]))
    except StartRefused as refusal:
        print_line(str(refusal))
        return 1


async def _hold(folder: Path, command: list[str]) -> int:
    with until_interrupted():
        async with EmbeddedStack(folder) as stack:
            if command:
                return await _run(stack, command)
            path = stack.write_environment()
            print_line(f"PostgreSQL, Valkey và S3 đang chạy; biến môi trường ở {path}. Nhấn Ctrl-C để dừng.")
            await stack.supervisor.failure()
    return 0


async def _run(stack: EmbeddedStack, command: list[str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | stack.environment())
    try:
        await first_of(process.wait(), stack.supervisor.failure())
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return process.returncode or 0


def _stop(folder: Path) -> int:
    if not stop_other(DataDir.open(folder).run / PID_FILE):
        print_line("Hocba không chạy.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
