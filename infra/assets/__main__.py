"""``python -m infra.assets``: build the web assets and say in one line what happened."""

import sys
import time

from infra.assets.build import Place, build
from infra.assets.node import NodeMissing


def main() -> int:
    """0 when `dist` is up to date, 1 with one sentence on stderr when it could not be built."""
    started = time.perf_counter()
    try:
        written = build()
    except (NodeMissing, FileNotFoundError) as problem:
        print(f"Không dựng được giao diện: {problem}", file=sys.stderr)
        return 1
    said = "đã dựng xong" if written else "không có gì thay đổi"
    print(f"Giao diện: {said} ({time.perf_counter() - started:.1f} giây) → {Place().dist}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
