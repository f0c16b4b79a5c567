"""`hocba transparency check`: 0 the log is what was signed, 1 it is not, 2 it cannot be told."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from infra.transparency_check.check import Whole, Wrong
from infra.transparency_check.notes import BadNote, read_checkpoint, read_verifier
from infra.transparency_check.proofs import Proof, read_growth, read_proof
from infra.transparency_check.sources import Missing, copying, source

OK, FORGED, UNCERTAIN = 0, 1, 2


def check(place: str, key: str, seen: Sequence[Path], mirror: Path | None, out: TextIO) -> int:
    """Read a whole log and say what was found; `mirror` keeps a copy, `seen` are checkpoints of before."""
    try:
        verifier = read_verifier(key)
        fetch = source(place) if mirror is None else copying(source(place), mirror)
        note = fetch("checkpoint")
        before = [read_checkpoint(_read(path), verifier) for path in seen]
        count = Whole(read_checkpoint(note, verifier), fetch, before).check()
    except Wrong as error:
        print(f"NHẬT KÝ SAI: {error}.", file=out)
        return FORGED
    except BadNote as error:
        print(f"NHẬT KÝ SAI: {error}.", file=out)
        return FORGED
    except (Missing, OSError) as error:
        print(f"Không kiểm được: {error}.", file=out)
        return UNCERTAIN
    after = f", nối tiếp đúng {len(before)} điểm kiểm đã ghi lại" if before else ""
    print(f"Đã kiểm {count} mục: đúng với điểm kiểm đã ký{after}.", file=out)
    return OK


def prove(path: Path, key: str, document: Path | None, out: TextIO) -> int:
    """Check one proof, and that it is about a document where one is given."""
    try:
        proof = read_proof(_read(path), read_verifier(key))
        if document is not None:
            _require_about(proof, document)
    except (Wrong, BadNote) as error:
        print(f"CHỨNG MINH SAI: {error}.", file=out)
        return FORGED
    except (Missing, OSError) as error:
        print(f"Không kiểm được: {error}.", file=out)
        return UNCERTAIN
    said = proof.statement
    print(
        f"Đúng: mục số {proof.index} trong {proof.checkpoint.size} mục đã ký ({said.get('event')}, "
        f"phiên bản {said.get('version')}, {said.get('at')}).",
        file=out,
    )
    return OK


def growth(path: Path, key: str, seen: Path, out: TextIO) -> int:
    """Check that the log has only grown since a checkpoint that was noted."""
    try:
        verifier = read_verifier(key)
        before = read_checkpoint(_read(seen), verifier)
        now = read_growth(_read(path), before, verifier)
    except (Wrong, BadNote) as error:
        print(f"NHẬT KÝ SAI: {error}.", file=out)
        return FORGED
    except Missing as error:
        print(f"Không kiểm được: {error}.", file=out)
        return UNCERTAIN
    print(f"Đúng: nhật ký {now.size} mục nối tiếp điểm kiểm {before.size} mục.", file=out)
    return OK


def _require_about(proof: Proof, document: Path) -> None:
    digest = hashlib.sha256(_read(document)).hexdigest()
    if digest not in (proof.statement.get("pdf_sha256"), proof.statement.get("xml_sha256")):
        raise Wrong(f"chứng minh này không phải của tệp {document.name}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise Missing(f"không đọc được tệp “{path}”") from None
