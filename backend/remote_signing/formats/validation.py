"""Is a signed PDF intact, by whom, and is the chain to be believed? Our own reading of the bytes, pyHanko's of chains.

A verdict is `valid` only when every expected signature is there in order, nothing was changed but what its
signers allowed, each chain ends at an anchor, and revocation at the trusted time is shown by the file's own
material (ETSI EN 319 102-1, narrowed). What cannot be established is `indeterminate`, never valid.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from backend.core import clock
from backend.remote_signing.formats import judging, revisions, structure
from backend.remote_signing.formats.revisions import History
from backend.remote_signing.formats.schemas import Damaged, Report, SignatureReport, Unreadable
from backend.remote_signing.formats.self_check import SelfCheckFailed, quick_check
from backend.remote_signing.formats.signature_check import Findings, SignatureJudge, describe
from backend.remote_signing.formats.structure import Bones
from backend.remote_signing.formats.trust import Material, MaterialSpoiled, TrustStore

__all__ = ["Report", "SelfCheckFailed", "SignatureReport", "Unreadable", "quick_check", "validate_pdf"]

_ABNORMAL = "Tệp PDF bị hỏng hoặc có cấu trúc bất thường, không kiểm tra được."


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
        with structure.open_pdf(pdf) as reader:
            bones = structure.read_bones(reader)
            history = revisions.read_history(pdf, reader, bones.slots)
        return _judge(pdf, bones, history, trust, at, expected_fields, names)
    except Damaged as error:
        return _broken(pdf, error)
    except Unreadable:
        raise
    except (MemoryError, RecursionError) as error:
        raise Unreadable(_ABNORMAL) from error
    except Exception:
        return _broken(pdf, Unreadable(_ABNORMAL))


def _judge(
    pdf: bytes,
    bones: Bones,
    history: History,
    trust: TrustStore,
    at: datetime | None,
    expected: Sequence[str],
    labels: Mapping[str, str],
) -> Report:
    problems = [*structure.missing(bones, expected, labels), *structure.problems(bones, expected)]
    material, spoiled = _material(history, trust)
    changes = [*dict.fromkeys(change.problem for change in history.changes), *spoiled]
    judge = SignatureJudge(
        pdf,
        bones.slots,
        trust,
        at,
        material=material,
        changed_after=[change.start for change in history.changes],
    )
    findings = asyncio.run(_findings(judge, bones))
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


def _material(history: History, trust: TrustStore) -> tuple[Material, list[str]]:
    """What the file brings for its own validation, and a sentence where something of it is spoiled."""
    try:
        history.store.material.check(trust.anchors)
        return history.store.material, []
    except MaterialSpoiled:
        return Material(), [revisions.SPOILED]


async def _findings(judge: SignatureJudge, bones: Bones) -> list[Findings]:
    # Newest first: a document time stamp lends its time to what it covers.
    found = [await judge.check(slot) for slot in reversed(bones.slots)]
    return found[::-1]


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
