"""`python -m infra.dependency_audit`: 0 nothing found, 1 something found, or not looked at where that is a failure.

`AUDIT_OSV` is the address of an advisory database that speaks OSV's language. Without it, or where it does not answer,
known holes are told as "chưa kiểm" and nothing fails, unless `AUDIT=required`, as in the checks before a release.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from infra.dependency_audit.advisories import NotAnswered, known_holes
from infra.dependency_audit.locks import packages

PROJECT = Path(__file__).parents[2]


def main(project: Path, environment: Mapping[str, str], out: TextIO) -> int:
    """Look at the locks of a project and tell what was found, one sentence each; returns the exit status."""
    locked, loose = packages(project)
    for sentence in loose:
        print(sentence, file=out)
    try:
        address = environment.get("AUDIT_OSV", "")
        if not address:
            raise NotAnswered("AUDIT_OSV chưa nêu địa chỉ cơ sở dữ liệu cảnh báo")
        holes = known_holes(address, locked)
    except NotAnswered as problem:
        print(f"Chưa kiểm lỗ hổng đã biết của {len(locked)} gói: {problem}.", file=out)
        return int(bool(loose) or environment.get("AUDIT") == "required")
    for package, ids in holes.items():
        print(f"{package} có lỗ hổng đã biết: {', '.join(ids)}.", file=out)
    print(f"Đã kiểm {len(locked)} gói đã khóa: {len(holes)} gói có lỗ hổng đã biết.", file=out)
    return int(bool(loose or holes))


if __name__ == "__main__":
    sys.exit(main(PROJECT, os.environ, sys.stderr))
