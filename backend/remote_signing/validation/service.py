"""Whether the signatures of a document hold: for whoever asks, under the trust anchors of this installation."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

from backend.core import clock, settings
from backend.core.crypto import sha256_hex
from backend.core.errors import Unavailable
from backend.remote_signing.formats import evidence, limited, validation, xades
from backend.remote_signing.formats.additions import only_signed
from backend.remote_signing.formats.contents import Contents, read_contents
from backend.remote_signing.formats.kinds import file_format
from backend.remote_signing.formats.schemas import EvidenceFile, EvidenceManifest, Opened, Report
from backend.remote_signing.formats.trust import TrustStore
from backend.remote_signing.formats.xades_check import validate_xml

#: For so long a report is given again for the same bytes under the same anchors; and so many are kept.
REMEMBERED = timedelta(minutes=5)
MOST_REMEMBERED = 500

_Found = TypeVar("_Found")
#: SHA-256 of the document, fingerprint of the anchors, expected fields.
_Key = tuple[str, str, tuple[str, ...]]
_reports: dict[_Key, tuple[datetime, Report]] = {}
#: One at a time: validation is all Python, two at once take twice as long, and the second of the same bytes need not run.
_validator = ThreadPoolExecutor(1, thread_name_prefix="validation")
#: Strangers' files at the same time, and together with those that wait for their turn.
AT_ONCE, MOST_WAITING = 2, 8
#: Threads of their own: those that everybody shares, for the store and for passwords, stay free.
_foreign = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="foreign")
_under_way = 0


def contents_of(document: bytes) -> Contents:
    """Text and attachments of a document. Raises Unreadable (formats.schemas) when it is no PDF of that size."""
    return read_contents(document)


def shows_only(document: bytes, original: bytes) -> bool:
    """Whether a document is `original`, which may have been signed since, and shows nothing else."""
    return only_signed(original, document)


def evidence_pack(manifest: EvidenceManifest, files: Mapping[str, bytes]) -> bytes:
    """A pack of these files, and of the certificates and answers in its newest PDF. Raises Unreadable without a PDF."""
    newest = files.get(EvidenceFile.ARCHIVED, files[EvidenceFile.PDF])
    return evidence.build(manifest, {**files, **evidence.material_files(newest)})


def log_proof_name(event: str) -> str:
    """What a pack calls the proof that an event of its document stands in the public log."""
    return evidence.log_proof_name(event)


def unsigned_xml(xml: bytes) -> bytes:
    """An XML document as it was before anybody signed it."""
    return xades.unsigned(xml)


async def check_own(document: bytes, fields: Sequence[str]) -> Report:
    """A PDF or XML that we stored, validated like anybody's; `fields` are the signatures that it must have, in order.

    The report speaks of the bytes alone. Whether the document is in force is not in it and is never remembered.
    """
    key = (sha256_hex(document), _trust().fingerprint, tuple(fields))
    known = _remembered(key)
    if known is None:
        known = await asyncio.get_running_loop().run_in_executor(_validator, _validated, key, document)
    return known


def remembered(sha256: str, fields: Sequence[str]) -> Report | None:
    """What `check_own` said of the bytes of that digest a short while ago; None: they must be read."""
    return _remembered((sha256, _trust().fingerprint, tuple(fields)))


async def check_foreign(document: bytes, fields: Sequence[str]) -> Report:
    """A stranger's file, in a process of its own with hard limits; the first in a while takes a second.

    Raises Unreadable (formats.schemas) when it is no signed PDF, or needs too much time or memory; Unavailable while
    MOST_WAITING others are being checked.
    """
    return await _in_turn(
        partial(limited.validate_in_child, document, _trust_dir(), None, expected_fields=fields)
    )


async def open_foreign(document: bytes, fields: Sequence[str], most_attached: int) -> Opened:
    """`check_foreign`, and what is attached to the file, of at most `most_attached` bytes. Raises the same."""
    return await _in_turn(
        partial(
            limited.open_in_child,
            document,
            _trust_dir(),
            expected_fields=fields,
            most_attached=most_attached,
        )
    )


async def _in_turn(check: Callable[[], _Found]) -> _Found:
    global _under_way
    if _under_way >= MOST_WAITING:
        raise Unavailable("Đang có nhiều người kiểm tra tệp cùng lúc; xin thử lại sau ít phút.")
    _under_way += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_foreign, check)
    finally:
        _under_way -= 1


def _validated(key: _Key, document: bytes) -> Report:
    report = _remembered(key)
    if report is None:
        judge = validate_xml if file_format(document) == "xml" else validation.validate_pdf
        report = judge(document, _trust(), None, key[2])
        if len(_reports) >= MOST_REMEMBERED:
            del _reports[next(iter(_reports))]
        _reports[key] = (clock.now(), report)
    return report


def _remembered(key: _Key) -> Report | None:
    """The report of these bytes, unless it is old; after the clock was set back, too, it is made anew."""
    made_at, report = _reports.get(key, (None, None))
    fresh = made_at is not None and timedelta() <= clock.now() - made_at < REMEMBERED
    return report if fresh else None


def _trust_dir() -> Path:
    return Path(settings.get().trust_dir)


def _trust() -> TrustStore:
    return _read(_trust_dir())


@lru_cache(maxsize=1)
def _read(folder: Path) -> TrustStore:
    return TrustStore.from_folder(folder)
