"""Roots and proofs of Merkle trees (RFC 6962, section 2.1; RFC 9162, 2.1.3.2 and 2.1.4.2), from the hashes alone."""

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256(b"").digest()


def leaf(entry: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def parent(left: bytes, right: bytes) -> bytes:
    """The hash over two."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Root:
    """The root of a tree while its leaves are read one after the other; it remembers one hash per height."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, node: bytes) -> None:
        """The hash of the next leaf."""
        self.size += 1
        height = 0
        while self._peaks and self._peaks[-1][0] == height:
            node = parent(self._peaks.pop()[1], node)
            height += 1
        self._peaks.append((height, node))

    def value(self) -> bytes:
        """The root over all leaves so far."""
        if not self._peaks:
            return EMPTY
        node = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            node = parent(peak, node)
        return node


def root_by_inclusion(node: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a leaf has by its proof (RFC 9162, 2.1.3.2); None where the proof does not fit."""
    if not 0 <= index < size:
        return None
    place, last = index, size - 1
    for other in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            node = parent(other, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = parent(node, other)
        place, last = place >> 1, last >> 1
    return node if last == 0 else None


def is_continued(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether a tree (size, root) begins with an older one, by its proof (RFC 9162, 2.1.4.2)."""
    (first, old_root), (second, new_root) = old, new
    if first == second:
        return old_root == new_root and not proof
    way = [old_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not 0 < first < second or not way:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = way[0]
    for other in way[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = parent(other, before), parent(other, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = parent(after, other)
        place, last = place >> 1, last >> 1
    return last == 0 and (before, after) == (old_root, new_root)
