"""`python -m tests.fakes.lying_computer LIE WORDS…`: the program of a school's computer that somebody has tampered with.

It is paired, holds the computer's key and the token, and makes real signatures; only what it hands in is another thing.
`dies` goes away after the token has signed and before anything is handed in.
"""

import os
import sys
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from backend import cli
from backend.remote_signing.token_helpers import program
from backend.remote_signing.token_helpers.schemas import HandIn, WorkList

#: As many bytes as a value of RSA-2048 has.
_GARBAGE = b"\x17" * 256
_honest = program._asked
_hashes: dict[object, tuple[bytes, ...]] = {}


def altered(lie: str, values: tuple[bytes, ...], hashes: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """What is handed in instead."""
    first, *others = values
    match lie:
        case "garbage_signature":
            return _GARBAGE, *others
        case "foreign_signature":
            stranger = rsa.generate_private_key(65537, 2048)
            return stranger.sign(hashes[0], padding.PKCS1v15(), Prehashed(SHA256())), *others
        case "half_batch":
            return values[: len(values) // 2]
        case "wrong_order":
            return tuple(reversed(values))
        case "duplicate":
            return *values, first
    raise ValueError(lie)


async def _lying(memory: Any, what: str, sent: msgspec.Struct, kind: Any) -> Any:
    if isinstance(sent, HandIn):
        if sys.argv[1] == "dies":
            os._exit(9)
        sent = HandIn(call=sent.call, values=altered(sys.argv[1], sent.values, _hashes[sent.call]))
    said = await _honest(memory, what, sent, kind)
    if isinstance(said, WorkList):
        _hashes.update({work.call: work.hashes for work in said.work})
    return said


if __name__ == "__main__":
    program._asked = _lying
    sys.exit(cli.main(["token-helper", *sys.argv[2:]]))
