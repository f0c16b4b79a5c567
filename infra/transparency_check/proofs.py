"""A proof that something is in the log (c2sp.org/tlog-proof), checked without the log."""

import base64
import binascii
import json
from dataclasses import dataclass

from infra.transparency_check.check import Wrong, statement_entry
from infra.transparency_check.notes import BadNote, Checkpoint, Verifier, read_checkpoint
from infra.transparency_check.trees import is_continued, leaf, root_by_inclusion

_FIRST = "c2sp.org/tlog-proof@v1"
_GROWTH = "hocba log growth 1"


@dataclass(frozen=True)
class Proof:
    """What a proof shows: this statement is entry `index` of the log that was signed so."""

    index: int
    statement: dict[str, object]
    checkpoint: Checkpoint


def read_proof(content: bytes, verifier: Verifier) -> Proof:
    """Check a proof file of a document. Raises Wrong, BadNote."""
    try:
        head, _, note = content.decode("utf-8").partition("\n\n")
        first, extra, index, *hashes = head.split("\n")
        if first != _FIRST or not extra.startswith("extra ") or not index.startswith("index "):
            raise ValueError
        told = json.loads(base64.b64decode(extra.removeprefix("extra "), validate=True))
        salt, statement = bytes.fromhex(told["salt"]), str(told["statement"])
        number = int(index.removeprefix("index "))
        way = [base64.b64decode(one, validate=True) for one in hashes]
        said = json.loads(statement)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise BadNote("tệp chứng minh không đọc được") from None
    checkpoint = read_checkpoint(note.encode(), verifier)
    entry = statement_entry(salt, statement)
    if root_by_inclusion(leaf(entry), number, checkpoint.size, way) != checkpoint.root:
        raise Wrong("mục này không có trong nhật ký đã ký")
    return Proof(number, said, checkpoint)


def read_growth(content: bytes, before: Checkpoint, verifier: Verifier) -> Checkpoint:
    """Check that a log has only grown since a checkpoint; returns the newer one. Raises Wrong, BadNote."""
    try:
        head, _, note = content.decode("utf-8").partition("\n\n")
        first, old, *hashes = head.split("\n")
        way = [base64.b64decode(one, validate=True) for one in hashes]
        if first != _GROWTH or old != f"old {before.size}":
            raise ValueError
    except (ValueError, binascii.Error):
        raise BadNote(f"tệp chứng minh không phải là từ {before.size} mục") from None
    now = read_checkpoint(note.encode(), verifier)
    if not is_continued((before.size, before.root), (now.size, now.root), way):
        raise Wrong(
            f"nhật ký {now.size} mục không nối tiếp điểm kiểm {before.size} mục: có mục đã bị sửa, xóa hoặc chèn"
        )
    return now
