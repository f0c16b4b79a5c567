"""Texts signed with Ed25519 so that other programs check them too (c2sp.org/signed-note), and what a log signs with them:
its size and its root (c2sp.org/tlog-checkpoint). The same text and key give the same bytes.
"""

import base64
import hashlib
from functools import cached_property

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_SIGNED = "— "


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint says: whose log, how many entries, the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class NoteKey:
    """A key that signs under a name; `seed` are its 32 bytes."""

    def __init__(self, name: str, seed: bytes) -> None:
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @cached_property
    def verifier(self) -> str:
        """What others check with: name+id+key."""
        public = self._key.public_key().public_bytes_raw()
        return f"{self.name}+{_id(self.name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"

    def signed(self, text: str) -> str:
        """A text that ends with a line, and its signature."""
        public = self._key.public_key().public_bytes_raw()
        signature = _id(self.name, public) + self._key.sign(text.encode())
        return f"{text}\n{_SIGNED}{self.name} {base64.b64encode(signature).decode()}\n"


def opened(note: str, verifier: str) -> str:
    """The text of a note that the key of `verifier` has signed. Raises ValueError for any other."""
    name, key_id, encoded = verifier.split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    text, blank, lines = note.rpartition("\n\n")
    wanted = f"{_SIGNED}{name} "
    for line in lines.splitlines():
        if blank and line.startswith(wanted):
            signature = base64.b64decode(line.removeprefix(wanted), validate=True)
            if signature[:4].hex() == key_id and _holds(key[1:], signature[4:], f"{text}\n"):
                return f"{text}\n"
    raise ValueError("the note is not signed by that key")


def read_head(text: str) -> Head:
    """What the text of a checkpoint says. Raises ValueError."""
    origin, size, root, *_ = text.splitlines()
    if not size.isdecimal() or str(int(size)) != size:
        raise ValueError("no size")
    return Head(origin=origin, size=int(size), root=base64.b64decode(root, validate=True))


def _id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + _ED25519 + public).digest()[:4]


def _holds(public: bytes, signature: bytes, text: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
