"""Faults that twist an answer after the true values were recorded: repeating the call gives the truth."""

from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from infra.simulators.faults import FaultBox

_Twist = Callable[[list[bytes], list[bytes]], list[bytes]]


def twist(values: list[bytes], digests: list[bytes], faults: FaultBox, path: str) -> list[bytes]:
    """The values as the faults that are on let them out."""
    for kind, change in TWISTS.items():
        if faults.take(kind, path):
            values = change(values, digests)
    return values


def _garbage(values: list[bytes], digests: list[bytes]) -> list[bytes]:
    return [bytes(byte ^ 0x5A for byte in values[0]), *values[1:]]


def _foreign(values: list[bytes], digests: list[bytes]) -> list[bytes]:
    return [_stranger().sign(digests[0], padding.PKCS1v15(), Prehashed(hashes.SHA256())), *values[1:]]


def _half(values: list[bytes], digests: list[bytes]) -> list[bytes]:
    return values[: len(values) // 2]


def _reversed(values: list[bytes], digests: list[bytes]) -> list[bytes]:
    return values[::-1]


def _duplicate(values: list[bytes], digests: list[bytes]) -> list[bytes]:
    return [values[0], *values]


@cache
def _stranger() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


TWISTS: dict[str, _Twist] = {
    "garbage_signature": _garbage,
    "foreign_signature": _foreign,
    "half_batch": _half,
    "wrong_order": _reversed,
    "duplicate": _duplicate,
}
