"""What is said between the product and a process that holds a PKCS#11 session."""

import socket
import struct

import msgspec

#: How many bytes of message follow.
_LENGTH = struct.Struct(">I")
_MOST_BYTES = 16 * 1024 * 1024

#: DER of DigestInfo for SHA-256 up to the digest (RFC 8017, 9.2): what CKM_RSA_PKCS signs.
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class Opening(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first message: which token of which module, and its PIN. Never on a command line, never in the environment."""

    module: str
    token: str
    pin: str

    def __repr__(self) -> str:
        return f"Opening(module={self.module!r}, token={self.token!r})"


class SignMany(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Sign each of these SHA-256 digests with the key whose CKA_ID is `key_id`."""

    key_id: bytes
    digests: tuple[bytes, ...]


class ListKeys(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What certificates the token has under a label, and which of them have their key there."""

    label: str


class ListPublic(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Which keys that sign the token has under a label, with or without a certificate."""

    label: str


class PutCertificates(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Put a key's certificate and those of its issuers (DER, the own one first) beside it."""

    key_id: bytes
    chain: tuple[bytes, ...]


class Values(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Signature values in the order of the digests: PKCS#1 v1.5, or Ecdsa-Sig-Value in DER."""

    values: tuple[bytes, ...]


class TokenKey(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate (DER) in the token, with the chain that was put beside it, issuer first."""

    key_id: bytes
    certificate: bytes
    chain: tuple[bytes, ...]
    has_key: bool


class Keys(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to `ListKeys`."""

    keys: tuple[TokenKey, ...]


class PublicKeys(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to `ListPublic`: CKA_ID → public key (DER: SubjectPublicKeyInfo, or of RSA its PKCS#1 form)."""

    keys: dict[bytes, bytes]


class Put(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The certificates are there."""


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The session is open, the user is logged in."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """No answer. `kind` says what to do; `detail` is the module's own word, without secrets.

    absent: no module or token there; pin: the PIN is refused, never try it again; key: the token has no such key; data:
    the request is wrong; device: anything else, and the process has ended itself.
    """

    kind: str
    detail: str


Request = SignMany | ListKeys | ListPublic | PutCertificates
Answer = Values | Keys | PublicKeys | Put | Opened | Fault


def send(to: socket.socket, message: msgspec.Struct) -> None:
    """One message, whole. Raises OSError."""
    body = msgspec.msgpack.encode(message)
    to.sendall(_LENGTH.pack(len(body)) + body)


def receive(source: socket.socket) -> bytes:
    """One message, whole. Raises EOFError when the other side has gone, OSError also for one that takes too long."""
    (size,) = _LENGTH.unpack(_exactly(source, _LENGTH.size))
    if size > _MOST_BYTES:
        raise EOFError("not a message")
    return _exactly(source, size)


def _exactly(source: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        part = source.recv(size - len(found))
        if not part:
            raise EOFError("the other side has gone")
        found += part
    return bytes(found)
