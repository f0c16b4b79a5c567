"""`make sabotage`: break the fences one by one and count what the tests notice.

First the named tests must pass on an unbroken copy; then each breakage must make one of them fail. Exit status 0 when
all were caught, 1 when one was missed, does not fit any more, or left it unclear.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from infra.embedded.interrupt import until_interrupted
from infra.embedded.stack import EmbeddedStack
from infra.sabotage.breakages import PROJECT, Breakage, load
from infra.sabotage.verdict import Verdict
from infra.sabotage.workshop import Workshop


async def run(breakages: Sequence[Breakage], at_once: int) -> int:
    """Attempt them all, those of the whole cluster last and alone; the exit status."""
    started = time.monotonic()
    (PROJECT / ".hocba").mkdir(exist_ok=True)
    with until_interrupted(), tempfile.TemporaryDirectory(dir=PROJECT / ".hocba", prefix="sabotage-") as name:
        async with EmbeddedStack(Path(name) / "stack", durable=False, configured={}) as stack:
            workshop = Workshop(stack, Path(name))
            await workshop.prepare()
            if not await _is_green(workshop, breakages):
                return 1
            turns = asyncio.Semaphore(at_once)
            shared = [one for one in breakages if not one.undo]
            verdicts = await asyncio.gather(*(_attempt(workshop, one, turns) for one in shared))
            verdicts += [await _attempt(workshop, one, turns) for one in breakages if one.undo]
    caught = verdicts.count(Verdict.CAUGHT)
    print(
        f"\n{caught} / {len(verdicts)} cách phá hàng rào bị phát hiện, {time.monotonic() - started:.0f} giây"
    )
    return 0 if caught == len(verdicts) else 1


async def _is_green(workshop: Workshop, breakages: Sequence[Breakage]) -> bool:
    tests = list(dict.fromkeys(test for one in breakages for test in one.caught_by))
    verdict, said = await workshop.attempt(None, tests)
    green = verdict is Verdict.MISSED
    print(f"{'đạt' if green else 'HỎNG':13} bản chưa phá: {len(tests)} bài kiểm thử", flush=True)
    if not green:
        print(said)
    return green


async def _attempt(workshop: Workshop, breakage: Breakage, turns: asyncio.Semaphore) -> Verdict:
    async with turns:
        verdict, said = await workshop.attempt(breakage, breakage.caught_by)
    print(f"{verdict.value:13} {breakage.name}", flush=True)
    if verdict is not Verdict.CAUGHT:
        print(said, flush=True)
    return verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen breakages."""
    parser = argparse.ArgumentParser(
        prog="make sabotage", description="Phá từng hàng rào và đếm số bị phát hiện."
    )
    parser.add_argument("--only", default="", metavar="CHỮ", help="chỉ những cách phá có chữ này trong tên")
    parser.add_argument(
        "--at-once", type=int, default=os.cpu_count() or 1, metavar="SỐ", help="số bản sao cùng lúc"
    )
    chosen = parser.parse_args(arguments)
    breakages = [one for one in load() if chosen.only in one.name]
    if not breakages:
        parser.error(f"không có cách phá nào có chữ “{chosen.only}” trong tên")
    return asyncio.run(run(breakages, chosen.at_once))


if __name__ == "__main__":
    sys.exit(main())
