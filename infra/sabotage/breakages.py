"""What is broken, as data: each breakage of `database.toml` and `source.toml`, and the tests that must notice it."""

import tomllib
from pathlib import Path

import msgspec

PROJECT = Path(__file__).parents[2]
FILES = ("database.toml", "source.toml")


class CannotBreak(Exception):
    """A breakage does not fit the tree or the database any more: it would prove nothing."""


class Breakage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Either `sql`, run as the superuser, or `old` text of a `file` that becomes `new`.

    `caught_by` are the node ids of tests. A breakage of the whole cluster has `undo` and is run alone.
    """

    name: str
    caught_by: tuple[str, ...]
    sql: str = ""
    undo: str = ""
    file: str = ""
    old: str = ""
    new: str = ""

    def patched(self, tree: Path) -> str:
        """The text of the file with the breakage. Raises CannotBreak where `old` does not stand there exactly once."""
        text = (tree / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1 or self.old == self.new:
            raise CannotBreak(
                f"{self.name}: the text to break stands {text.count(self.old)} times in {self.file}"
            )
        return text.replace(self.old, self.new)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    breakage: tuple[Breakage, ...]


def load() -> tuple[Breakage, ...]:
    """Every breakage. Raises ValueError for one that is no whole one, or a name that is used twice."""
    texts = (tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8")) for name in FILES)
    found = tuple(one for text in texts for one in msgspec.convert(text, _File).breakage)
    for one in found:
        if not one.caught_by or bool(one.sql) == bool(one.file) or bool(one.file) != bool(one.old):
            raise ValueError(f"{one.name}: a breakage is SQL, or a file with old text, and names its tests")
    names = [one.name for one in found]
    if len(names) != len(set(names)):
        raise ValueError(f"breakages named alike: {sorted({n for n in names if names.count(n) > 1})}")
    return found
