"""The check itself: every entry hashed, every tile held against that, the root against what was signed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.transparency_check.notes import Checkpoint
from infra.transparency_check.sources import Fetch
from infra.transparency_check.trees import Root, leaf

WIDTH = 256


class Wrong(Exception):
    """The log is not what was signed. The message says where, in Vietnamese."""


@dataclass
class Whole:
    """A log read from its first entry to its last. `seen` are checkpoints of before: it must begin with each."""

    checkpoint: Checkpoint
    fetch: Fetch
    seen: list[Checkpoint] = field(default_factory=list)

    def check(self) -> int:
        """Read everything; counts the entries. Raises Wrong, Missing."""
        for before in self.seen:
            if before.size > self.checkpoint.size:
                raise Wrong(
                    f"nhật ký từng có {before.size} mục đã ký, nay chỉ còn {self.checkpoint.size}: đuôi đã bị cắt"
                )
        known: dict[int, set[bytes]] = {}
        for before in [*self.seen, self.checkpoint]:
            known.setdefault(before.size, set()).add(before.root)
        self._compare(known, root := Root())
        level: Iterator[bytes] = self._leaves(root, known)
        number = 0
        while (above := self._tiles(number, level)) is not None:
            level, number = iter(above), number + 1
        return root.size

    def _compare(self, known: dict[int, set[bytes]], root: Root) -> None:
        if root.size in known and known[root.size] != {root.value()}:
            raise Wrong(f"gốc của {root.size} mục đầu không phải gốc đã ký: có mục đã bị sửa, xóa hoặc chèn")

    def _leaves(self, root: Root, known: dict[int, set[bytes]]) -> Iterator[bytes]:
        for number in range(-(-self.checkpoint.size // WIDTH)):
            width = min(WIDTH, self.checkpoint.size - number * WIDTH)
            entries = _entries(self.fetch(path("entries", number, width)), number)
            if len(entries) != width:
                raise Wrong(f"gói mục số {number} có {len(entries)} mục, đúng ra {width}")
            for entry in entries:
                node = leaf(entry)
                root.add(node)
                self._compare(known, root)
                yield node

    def _tiles(self, level: int, hashes: Iterator[bytes]) -> list[bytes] | None:
        """Hold the tiles of a level against the hashes below it; the hashes of the next, None where there is none."""
        above: list[bytes] = []
        count, part = 0, bytearray()
        for node in hashes:
            part += node
            count += 1
            if len(part) == WIDTH * 32:
                above.append(self._tile(level, count // WIDTH - 1, bytes(part)))
                part.clear()
        if part:
            self._tile(level, count // WIDTH, bytes(part))
        return above or None

    def _tile(self, level: int, number: int, expected: bytes) -> bytes:
        if self.fetch(path(str(level), number, len(expected) // 32)) != expected:
            raise Wrong(f"phần cây băm mức {level} số {number} khác với các mục của nó")
        root = Root()
        for at in range(0, len(expected), 32):
            root.add(expected[at : at + 32])
        return root.value()


def path(level: str, number: int, width: int) -> str:
    """Where a tile or a bundle lies."""
    digits = str(number).zfill(-(-len(str(number)) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{name}" + (f".p/{width}" if width < WIDTH else "")


def _entries(content: bytes, number: int) -> list[bytes]:
    found = []
    while content:
        length = 2 + int.from_bytes(content[:2], "big")
        if len(content) < length:
            raise Wrong(f"gói mục số {number} bị cắt cụt")
        found.append(content[2:length])
        content = content[length:]
    return found


def statement_entry(salt: bytes, statement: str) -> bytes:
    """The entry that a statement about a document has."""
    return hashlib.sha256(b"hocba transparency 1\n" + salt + statement.encode()).digest()
