"""Small secrets at rest, sealed with AES-256-GCM under a key that derives from the product's secret.

A sealed value names the key that closed it and is bound to its purpose, so it opens neither elsewhere nor, by mistake,
under another key. After a change of the secret, values closed before open with `HOCBA_OLD_SECRET_KEY`.
"""

import os
from functools import lru_cache
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.core import settings

T = TypeVar("T")

_NONCE, _NAME = 12, 8


class Unsealable(Exception):
    """The value was closed with a key that is gone, for another purpose, or has been changed."""


def seal(plain: bytes, purpose: str) -> bytes:
    """Close a secret for one purpose, which names its owner, too: `totp <account>`."""
    name, key = _key(settings.get().secret_key)
    nonce = os.urandom(_NONCE)
    return name + nonce + AESGCM(key).encrypt(nonce, plain, purpose.encode())


def unseal(sealed: bytes, purpose: str) -> bytes:
    """The secret that was closed for this purpose. Raises Unsealable."""
    nonce, closed = sealed[_NAME : _NAME + _NONCE], sealed[_NAME + _NONCE :]
    try:
        return AESGCM(_known_keys()[sealed[:_NAME]]).decrypt(nonce, closed, purpose.encode())
    except (KeyError, ValueError, InvalidTag):
        raise Unsealable(purpose) from None


def new_data_key(purpose: str) -> bytes:
    """A fresh key for somebody's secrets, closed under the product's: whoever holds it alone can open nothing."""
    return seal(os.urandom(32), purpose)


def seal_under(data_key: bytes, key_purpose: str, plain: bytes, purpose: str) -> bytes:
    """Close a secret for one purpose under a key of `new_data_key`. Raises Unsealable for a key that does not open."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(unseal(data_key, key_purpose)).encrypt(nonce, plain, purpose.encode())


def unseal_under(data_key: bytes, key_purpose: str, sealed: bytes, purpose: str) -> bytes:
    """What `seal_under` closed for this purpose. Raises Unsealable."""
    key = AESGCM(unseal(data_key, key_purpose))
    try:
        return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
    except (ValueError, InvalidTag):
        raise Unsealable(purpose) from None


def seal_struct(content: msgspec.Struct, purpose: str) -> bytes:
    """Close a struct for a browser to keep: it can neither read nor change it."""
    return seal(msgspec.json.encode(content), purpose)


def unseal_struct(sealed: bytes, purpose: str, kind: type[T]) -> T | None:
    """What a browser has kept; None for what we did not give it for this purpose."""
    try:
        return msgspec.json.decode(unseal(sealed, purpose), type=kind)
    except (Unsealable, msgspec.MsgspecError):
        return None


def _known_keys() -> dict[bytes, bytes]:
    config = settings.get()
    return dict(_key(secret) for secret in (config.old_secret_key, config.secret_key) if secret)


@lru_cache(maxsize=4)
def _key(secret: str) -> tuple[bytes, bytes]:
    """The name of the key in sealed values, and the key."""
    derived = HKDF(SHA256(), _NAME + 32, salt=None, info=b"hocba vault").derive(secret.encode())
    return derived[:_NAME], derived[_NAME:]
