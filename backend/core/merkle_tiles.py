"""A Merkle tree that only grows (RFC 6962, section 2.1), kept as tiles of 256 hashes (c2sp.org/tlog-tiles): pure.

A tile of level L holds, one after the other, the roots of full subtrees of 256^L entries; all but the last of a level
are full. From the tiles of a tree follow its root, the way from an entry to the root, and that from an older tree.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

WIDTH = 256
_BITS = 8
HASH = 32

#: The hashes of a tile, by level and number, as far as the tree has them. Raises whatever the store raises.
Tiles = Callable[[int, int], bytes]


class Tile(NamedTuple):
    """One tile: `content` are its hashes, or of a bundle the entries, as they are stored."""

    path: str
    content: bytes


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def path_of(level: int | None, number: int, width: int = WIDTH) -> str:
    """Where a tile lies: level 0, number 1234067 → `tile/0/x001/x234/067`; level None is a bundle of entries."""
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{'entries' if level is None else level}/{'/'.join(parts)}{partial}"


def width_of(level: int, number: int, size: int) -> int:
    """How many hashes a tile has in a tree of so many entries; 0 where there is none."""
    return max(0, min(WIDTH, (size >> (_BITS * level)) - number * WIDTH))


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as they are stored: each after its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def entries_of(content: bytes) -> list[bytes]:
    """The entries of a bundle. Raises ValueError where it is cut."""
    found, at = [], 0
    while at < len(content):
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        if end > len(content):
            raise ValueError("the bundle is cut")
        found.append(content[at + 2 : end])
        at = end
    return found


class Edge:
    """The right edge of a tree while it grows: of each level the hashes of its last tile."""

    def __init__(self) -> None:
        self.size = 0
        self._levels: list[list[bytes]] = [[]]
        self._entries: list[bytes] = []

    def add(self, entry: bytes) -> list[Tile]:
        """The next entry; returns the tiles that it has filled, with their bundle."""
        self.size += 1
        self._entries.append(entry)
        self._levels[0].append(leaf_hash(entry))
        full: list[Tile] = []
        level = 0
        while len(self._levels[level]) == WIDTH:
            number = (self.size >> (_BITS * (level + 1))) - 1
            full.append(Tile(path_of(level, number), b"".join(self._levels[level])))
            if level == 0:
                full.append(Tile(path_of(None, number), bundle(self._entries)))
                self._entries = []
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(_perfect(self._levels[level]))
            self._levels[level] = []
            level += 1
        return full

    def partial(self) -> Iterator[Tile]:
        """The last tile of each level that is not full, and the last bundle."""
        for level, hashes in enumerate(self._levels):
            if hashes:
                number = self.size >> (_BITS * (level + 1))
                yield Tile(path_of(level, number, len(hashes)), b"".join(hashes))
        if self._entries:
            number = self.size >> _BITS
            yield Tile(path_of(None, number, len(self._entries)), bundle(self._entries))

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        roots = [root for hashes in reversed(self._levels) for root in _perfect_parts(hashes)]
        if not roots:
            return hashlib.sha256(b"").digest()
        root = roots.pop()
        while roots:
            root = node_hash(roots.pop(), root)
        return root


def _perfect(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def _perfect_parts(hashes: Sequence[bytes]) -> Iterator[bytes]:
    """The roots of the largest full subtrees that hashes of one level make, from the left."""
    at = 0
    while at < len(hashes):
        width = 1 << ((len(hashes) - at).bit_length() - 1)
        yield _perfect(hashes[at : at + width])
        at += width


def inclusion(index: int, size: int, tiles: Tiles) -> list[bytes]:
    """The hashes beside the way from an entry up to the root, the lowest first (RFC 6962, 2.1.1)."""
    return _way(index, 0, size, tiles)


def consistency(old: int, size: int, tiles: Tiles) -> list[bytes]:
    """What shows that a tree of `size` begins with that of `old` entries (RFC 6962, 2.1.2); 0 < old <= size."""
    return [] if old == size else _between(old, 0, size, tiles, is_whole=True)


def _split(count: int) -> int:
    """The largest power of two below a number."""
    return 1 << ((count - 1).bit_length() - 1)


def _root(start: int, end: int, tiles: Tiles) -> bytes:
    count = end - start
    if count & (count - 1):
        middle = start + _split(count)
        return node_hash(_root(start, middle, tiles), _root(middle, end, tiles))
    height = count.bit_length() - 1
    level, height = divmod(height, _BITS)
    first = start >> (_BITS * level)
    number, place = divmod(first, WIDTH)
    content = tiles(level, number)
    hashes = [content[HASH * n : HASH * (n + 1)] for n in range(place, place + (1 << height))]
    return _perfect(hashes)


def _way(index: int, start: int, end: int, tiles: Tiles) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_way(index, start, middle, tiles), _root(middle, end, tiles)]
    return [*_way(index, middle, end, tiles), _root(start, middle, tiles)]


def _between(old: int, start: int, end: int, tiles: Tiles, *, is_whole: bool) -> list[bytes]:
    if old == end:
        return [] if is_whole else [_root(start, end, tiles)]
    middle = start + _split(end - start)
    if old <= middle:
        return [
            *_between(old, start, middle, tiles, is_whole=is_whole),
            _root(middle, end, tiles),
        ]
    return [*_between(old, middle, end, tiles, is_whole=False), _root(start, middle, tiles)]
