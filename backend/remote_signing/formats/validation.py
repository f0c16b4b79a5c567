"""Is a signed PDF intact, by whom, and is the chain to be believed? pyHanko, tightened by our own rules.

A verdict is `valid` only when every expected signature is there in order, nothing was changed but what its
signers allowed, each chain ends at an anchor, and revocation at the trusted time is shown by the file's own
material (ETSI EN 319 102-1, narrowed). What cannot be established is `indeterminate`, never valid.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO

from pyhanko.pdf_utils.decode_limits import (
    DEFAULT_PURPOSE_LIMITS,
    DecodeLimits,
    DocumentDecodeBudget,
    StreamDecodeLimits,
)
from pyhanko.pdf_utils.misc import PdfDecodeLimitError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from backend.core import clock
from backend.remote_signing.formats import judging, revisions, structure
from backend.remote_signing.formats.schemas import Damaged, Report, SignatureReport, Unreadable
from backend.remote_signing.formats.self_check import SelfCheckFailed, quick_check
from backend.remote_signing.formats.signature_check import Findings, SignatureJudge, describe
from backend.remote_signing.formats.structure import Bones
from backend.remote_signing.formats.trust import Material, MaterialSpoiled, TrustStore
from backend.remote_signing.formats.validation_store import SpoiledStore, read_store

__all__ = ["Report", "SelfCheckFailed", "SignatureReport", "Unreadable", "quick_check", "validate_pdf"]

_ABNORMAL = "Tệp PDF bị hỏng hoặc có cấu trúc bất thường, không kiểm tra được."
_MIB = 1024 * 1024
#: A transcript decodes to a few MB; a bomb stops long before it hurts.
LIMITS = DecodeLimits(
    per_stream=StreamDecodeLimits(max_ratio=400, max_output_size=32 * _MIB),
    per_purpose=DEFAULT_PURPOSE_LIMITS,
    document_budget=DocumentDecodeBudget(base_allowance=96 * _MIB, max_ratio=20),
)


def validate_pdf(
    pdf: bytes,
    trust: TrustStore,
    at: datetime | None,
    expected_fields: Sequence[str],
    labels: Mapping[str, str] | None = None,
) -> Report:
    """Judge a signed PDF that may be hostile.

    `at` is the time to judge at (None: the newest time stamp in the file, else now); `labels` names the
    fields in the sentences. Raises Unreadable, and nothing else, when the bytes are no signed PDF; one that has
    been damaged so that no signature can be checked is invalid.
    """
    names = labels or {}
    judging.quiet_libraries()
    try:
        reader = structure.open_pdf(pdf)
        bones = structure.read_bones(reader)
        reader.close()
        return _judge(pdf, bones, trust, at, expected_fields, names)
    except Damaged as error:
        return _broken(pdf, error)
    except Unreadable:
        raise
    except (PdfDecodeLimitError, MemoryError, RecursionError) as error:
        raise Unreadable(_ABNORMAL) from error
    except Exception:
        return _broken(pdf, Unreadable(_ABNORMAL))


def _judge(
    pdf: bytes,
    bones: Bones,
    trust: TrustStore,
    at: datetime | None,
    expected: Sequence[str],
    labels: Mapping[str, str],
) -> Report:
    problems = [*structure.missing(bones, expected, labels), *structure.problems(bones, expected)]
    reader = PdfFileReader(BytesIO(pdf), strict=True, decode_limits=LIMITS)
    embedded = list(reader.embedded_signatures)
    material, spoiled = _material(reader, trust)
    changes = [*_tail_problems(pdf, bones), *revisions.problems(pdf, reader, embedded), *spoiled]
    judge = SignatureJudge(pdf, embedded, trust, at, material=material, clean_updates=not changes)
    findings = asyncio.run(_findings(judge, bones, embedded))
    if [item.slot.object_id for item in findings] != [slot.object_id for slot in bones.slots]:
        problems.append("Hai bộ đọc PDF hiểu các chữ ký trong tệp khác nhau.")
    problems.extend(changes)
    people = [item for item in findings if not item.slot.is_document_timestamp]
    problems.extend(_archive_problems(findings))
    reports = tuple(describe(item) for item in people)
    changed = bool(changes) or any(item.modified for item in findings)
    return Report(
        verdict=judging.verdict(reports, problems),
        format="pdf",
        signatures=reports,
        modified_after_signing=changed,
        problems=tuple(dict.fromkeys(problems)),
        notices=tuple(_notices(reports, people)),
    )


def _tail_problems(pdf: bytes, bones: Bones) -> list[str]:
    is_closed = pdf.rstrip(b"\r\n").endswith(b"%%EOF")
    if is_closed and (bones.slots[-1].end == len(pdf) or bones.has_store):
        return []
    return ["Sau chữ ký cuối cùng, tệp đã được ghi thêm nội dung."]


def _material(reader: PdfFileReader, trust: TrustStore) -> tuple[Material, list[str]]:
    """What the file brings for its own validation, and sentences about what of it is spoiled."""
    try:
        material = read_store(reader.root).material
        material.check(trust.anchors)
        return material, []
    except (SpoiledStore, MaterialSpoiled):
        return Material(), [revisions.SPOILED]


async def _findings(
    judge: SignatureJudge, bones: Bones, embedded: Sequence[EmbeddedPdfSignature]
) -> list[Findings]:
    slots = {slot.object_id: slot for slot in bones.slots}
    found = []
    # Newest first: a document time stamp lends its time to what it covers.
    for item in reversed(embedded):
        reference = item.sig_field.raw_get("/V").reference
        slot = slots.get((reference.idnum, reference.generation))
        if slot is not None:
            found.append(await judge.check(slot, item))
    return list(reversed(found))


def _archive_problems(findings: Sequence[Findings]) -> list[str]:
    broken = [item for item in findings if item.slot.is_document_timestamp and not item.intact]
    return ["Dấu thời gian lưu trữ của tài liệu không còn nguyên vẹn."] if broken else []


def _notices(reports: Sequence[SignatureReport], people: Sequence[Findings]) -> list[str]:
    notices = list(judging.notices(reports))
    ends = [item.authority_expires for item in people if item.authority_expires is not None]
    if ends and min(ends) < clock.now():
        day = min(ends).astimezone(clock.VIETNAM)
        notices.append(
            f"Chứng thư của dấu thời gian đã hết hạn ngày {day:%d/%m/%Y}; nên đối chiếu với bản lưu."
        )
    return notices


def _broken(pdf: bytes, refusal: Unreadable) -> Report:
    """What is not readable any more, and was a signed document: not valid. Raises `refusal` for anything else."""
    if not structure.carries_signature(pdf):
        raise refusal
    return Report(
        verdict="invalid",
        format="pdf",
        signatures=(),
        modified_after_signing=True,
        problems=("Cấu trúc tệp PDF đã bị hỏng hoặc bị sửa nên không xác nhận được chữ ký nào.",),
    )
