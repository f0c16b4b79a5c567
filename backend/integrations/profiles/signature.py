"""Publishing: the platform signs the bytes of a profile and of the files beside it (Ed25519). Signed, they never change.

The key of the sandbox is no secret: everybody can make it from the words below; it is believed outside production only.
"""

import base64
import binascii
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from backend.core.crypto import sha256_hex

SANDBOX = "sandbox"
_SANDBOX_SEED = bytes.fromhex(
    sha256_hex(b"hocba: profiles of the sandbox, signed with a key that is no secret")
)


def digest_of(files: Mapping[str, bytes]) -> str:
    """What a signature covers: each file with its name."""
    return sha256_hex(msgspec.json.encode({name: sha256_hex(files[name]) for name in sorted(files)}))


def sandbox_key() -> bytes:
    """The private key of the sandbox, 32 bytes."""
    return _SANDBOX_SEED


def public_of(private: bytes) -> str:
    """The public key of a private one, base64."""
    return _plain(Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw())


def sign(digest: str, key_name: str, private: bytes) -> str:
    """The line that stands in the file of a signature."""
    made = Ed25519PrivateKey.from_private_bytes(private).sign(_said(digest))
    return f"{key_name} {_plain(made)}\n"


def is_signed(digest: str, line: str, trusted: Mapping[str, str]) -> bool:
    """Whether one of the trusted keys (name → public key, base64) signed this digest."""
    name, _, signature = line.strip().partition(" ")
    if name not in trusted:
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(trusted[name], validate=True))
        key.verify(base64.b64decode(signature, validate=True), _said(digest))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _said(digest: str) -> bytes:
    return f"hocba profile {digest}".encode()


def _plain(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
