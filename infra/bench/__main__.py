"""`python -m infra.bench [--only render,sign] [--quick]`: standard output holds JSON lines and nothing else."""

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Final

from infra.bench.harness import Bench, say

#: Group (the first part of its figures' names) → its module, which has `run(bench)`.
GROUPS: Final = {
    "render": "infra.bench.render",
    "freeze": "infra.bench.freeze",
    "sign": "infra.bench.sign",
    "assess": "infra.bench.assess",
    "import": "infra.bench.imports",
    "web": "infra.bench.web",
    "deliver": "infra.bench.deliver",
    "jobs": "infra.bench.jobs",
    "tenants": "infra.bench.tenants",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the chosen groups; exit status 1 when one of them failed, the others having been measured."""
    chosen = _parser().parse_args(arguments)
    bench = Bench(quick=chosen.quick, out=sys.stdout)
    failed = []
    for group in chosen.only or GROUPS:
        started = time.monotonic()
        try:
            # What a library prints must not stand between the figures.
            with redirect_stdout(sys.stderr):
                run: Callable[[Bench], None] = importlib.import_module(GROUPS[group]).run
                run(bench)
        except Exception:
            traceback.print_exc()
            failed.append(group)
        say(f"{group}: {time.monotonic() - started:.0f} s")
    if failed:
        say(f"not measured: {', '.join(failed)}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="Đo tốc độ; mỗi số liệu một dòng JSON.")
    parser.add_argument("--only", type=_groups, metavar="NHÓM,…", help=f"chỉ đo: {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="đo nhỏ, dưới ba phút")
    return parser


def _groups(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in GROUPS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"không có nhóm {', '.join(unknown)}; có: {', '.join(GROUPS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
