"""Two profiles beside each other, and one beside its golden files."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from backend.integrations.profiles import breaking
from backend.integrations.profiles.catalog import Edition


def differences(first: Edition, second: Edition) -> Iterator[str]:
    """In what two profiles differ: their words, then what they make of each sample; lines of a unified diff."""
    names = first.text.file, second.text.file
    yield from _unified(_words(first), _words(second), *names, around=1)
    for sample in sorted({*breaking.goldens(first.profile)} & {*breaking.goldens(second.profile)}):
        headings = [f"{name} · {sample}" for name in names]
        yield from _unified(_lines(first, sample), _lines(second, sample), *headings, around=0)


def golden_of(file: Path, sample: str) -> Path:
    """The golden file of a sample."""
    return file.parent / "golden" / file.stem / f"{sample}.txt"


def held(edition: Edition, file: Path) -> Iterator[tuple[str, bool]]:
    """Each sample, and whether the profile makes of it what its golden file says."""
    for sample in breaking.goldens(edition.profile):
        golden = golden_of(file, sample)
        yield (
            sample,
            golden.is_file() and golden.read_bytes() == breaking.rendered(edition.profile, sample),
        )


def _words(edition: Edition) -> str:
    return msgspec.json.format(msgspec.json.encode(edition.text.document), indent=1).decode()


def _lines(edition: Edition, sample: str) -> str:
    """What a profile makes of a sample, an element or a field a line."""
    return breaking.rendered(edition.profile, sample).decode().replace(">", ">\n").replace(",", ",\n")


def _unified(one: str, other: str, name: str, other_name: str, *, around: int) -> Iterator[str]:
    found = difflib.unified_diff(
        one.splitlines(), other.splitlines(), name, other_name, n=around, lineterm=""
    )
    yield from (line + "\n" for line in found)
