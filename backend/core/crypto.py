"""Small cryptographic words used across the house: digests, keyed digests, Merkle roots."""

import hashlib
import hmac
from collections.abc import Sequence


def sha256_hex(data: bytes) -> str:
    """SHA-256 as 64 lower-case hex characters."""
    return hashlib.sha256(data).hexdigest()


def text_digest(text: str) -> str:
    """SHA-256 of a text, as hex: what is kept of a token."""
    return sha256_hex(text.encode())


def keyed_digest(key: str, purpose: str, value: str) -> str:
    """HMAC-SHA-256 of `value`, separated by purpose, as hex."""
    return hmac.digest(key.encode(), f"{purpose}\x00{value}".encode(), "sha256").hex()


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def merkle_proofs(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """For each leaf the nodes beside its way up to the root, the lowest first (RFC 9162 section 2.1.3)."""
    return _proven(leaves)[1]


def _proven(leaves: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    if len(leaves) <= 1:
        return merkle_root(leaves), [[] for _ in leaves]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, lefts = _proven(leaves[:split])
    right, rights = _proven(leaves[split:])
    proofs = [*([*proof, right] for proof in lefts), *([*proof, left] for proof in rights)]
    return hashlib.sha256(b"\x01" + left + right).digest(), proofs


def root_by_proof(leaf: bytes, index: int, count: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a leaf at `index` of `count` has by its proof; None for a proof of another length."""
    sides: list[bool] = []
    while count > 1:
        split = 1 << (count - 1).bit_length() - 1
        sides.append(index >= split)
        index, count = (index - split, count - split) if index >= split else (index, split)
    if len(sides) != len(proof) or index != 0:
        return None
    node = hashlib.sha256(b"\x00" + leaf).digest()
    for is_right, other in zip(reversed(sides), proof, strict=True):
        node = hashlib.sha256(b"\x01" + (other + node if is_right else node + other)).digest()
    return node


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root of the Merkle tree over `leaves` (RFC 9162 section 2.1.1): leaf prefix 0x00, node prefix 0x01."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()
