"""Signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), read and believed only when signed."""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_MOST = 100_000


class BadNote(Exception):
    """Not a checkpoint that the key has signed. The message says why, in Vietnamese."""


@dataclass(frozen=True)
class Verifier:
    """The public half of the log's key, with the name that it signs under."""

    name: str
    id: bytes
    key: bytes


@dataclass(frozen=True)
class Checkpoint:
    """What a log has signed: so many entries have this root."""

    origin: str
    size: int
    root: bytes


def read_verifier(text: str) -> Verifier:
    """A key as it is handed out: name+id+base64. Raises BadNote."""
    try:
        name, key_id, encoded = text.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        expected = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    except (ValueError, binascii.Error):
        raise BadNote("khóa kiểm tra không đúng dạng tên+mã+khóa") from None
    if len(raw) != 33 or raw[0] != 1 or expected.hex() != key_id:
        raise BadNote("khóa kiểm tra không phải khóa Ed25519, hoặc mã của khóa không đúng")
    return Verifier(name, expected, raw[1:])


def read_checkpoint(note: bytes, verifier: Verifier) -> Checkpoint:
    """What a note says, once its signature holds. Raises BadNote."""
    if len(note) > _MOST:
        raise BadNote("điểm kiểm quá dài")
    try:
        text = note.decode("utf-8")
    except UnicodeDecodeError:
        raise BadNote("điểm kiểm không phải văn bản") from None
    cut = text.rfind("\n\n")
    if cut < 0 or any(ord(letter) < 32 and letter != "\n" for letter in text):
        raise BadNote("điểm kiểm không đúng dạng")
    signed = text[: cut + 1]
    _require_signed(signed.encode(), text[cut + 2 :], verifier)
    lines = signed.split("\n")
    try:
        origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    except (IndexError, ValueError, binascii.Error):
        raise BadNote("điểm kiểm không có số mục và gốc") from None
    if str(size) != lines[1] or size < 0 or len(root) != 32:
        raise BadNote("số mục hoặc gốc trong điểm kiểm không đúng dạng")
    if origin != verifier.name:
        raise BadNote(f"điểm kiểm là của nhật ký khác ({origin})")
    return Checkpoint(origin, size, root)


def _require_signed(text: bytes, signatures: str, verifier: Verifier) -> None:
    found = False
    for line in signatures.split("\n"):
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if mark != "—" or name != verifier.name:
            continue
        try:
            raw = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
        if raw[:4] != verifier.id:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(verifier.key).verify(raw[4:], text)
        except InvalidSignature:
            raise BadNote("chữ ký của điểm kiểm không đúng") from None
        found = True
    if not found:
        raise BadNote("điểm kiểm không do khóa này ký")
