"""The keys of endpoints: Ed25519 (RFC 8032), written as Standard Webhooks writes them."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def new_key() -> bytes:
    """A private key, 32 bytes."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key(private: bytes) -> str:
    """What the other system checks signatures with: whpk_ and base64."""
    public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return f"whpk_{base64.b64encode(public).decode()}"


def signature(private: bytes, content: bytes) -> str:
    """v1a, and base64 of 64 bytes."""
    made = Ed25519PrivateKey.from_private_bytes(private).sign(content)
    return f"v1a,{base64.b64encode(made).decode()}"
