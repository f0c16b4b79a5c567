"""States of the signing flow and the root that binds a consent to its documents. No I/O."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from backend.core.crypto import merkle_proofs, merkle_root, root_by_proof, sha256_hex
from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.remote_signing.formats.schemas import XmlTarget
from backend.remote_signing.providers.port import Capabilities, Repeat
from backend.remote_signing.requests.schemas import Part


class RequestState(StrEnum):
    """signing → signed (everybody has) → completed (long-term validation material added); cancelled until then."""

    SIGNING = "signing"
    SIGNED = "signed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class StepState(StrEnum):
    """waiting for those before → ready for its signer → authorizing → signed; a refusal makes it ready again.

    Declined by its signer, with a reason: nobody signs after it until it is offered again, or the document withdrawn.
    Cancelled with its request: what comes back for it then is put into no document.
    """

    WAITING = "waiting"
    READY = "ready"
    AUTHORIZING = "authorizing"
    SIGNED = "signed"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class CallState(StrEnum):
    """prepare → submit (our id committed, not yet sent) → wait (the person confirms) → embed → done, or an end.

    A provider that wants something of the person on our page: submit → challenged → answering (committed before it is
    handed on) → wait or embed, or challenged again.
    """

    PREPARING = "preparing"
    SUBMITTING = "submitting"
    CHALLENGED = "challenged"
    ANSWERING = "answering"
    WAITING = "waiting"
    EMBEDDING = "embedding"
    DONE = "done"
    DECLINED = "declined"
    EXPIRED = "expired"
    FAILED = "failed"
    UNKNOWN = "unknown"
    QUARANTINED = "quarantined"


class BatchState(StrEnum):
    """running until every call has ended; completed when all signed, partial otherwise."""

    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"


#: A document still needs what of its turns is in one of these.
OPEN_STEPS = frozenset({StepState.WAITING, StepState.READY, StepState.AUTHORIZING, StepState.DECLINED})
#: A request that may be cancelled: its document is not final.
OPEN_REQUESTS = frozenset({RequestState.SIGNING, RequestState.SIGNED})

#: Calls that ended without signatures: their documents go back to the signer's tray.
GIVEN_BACK = frozenset({CallState.DECLINED, CallState.EXPIRED, CallState.FAILED})
#: Calls of which it cannot be told what was signed: their documents go nowhere until a person decides.
HELD = frozenset({CallState.UNKNOWN, CallState.QUARANTINED})
#: Calls that nothing happens to any more without a person.
ENDED = GIVEN_BACK | HELD | {CallState.DONE}

#: What a held call is called, and what to make of it.
HELD_NAMES = {
    CallState.UNKNOWN: "Chưa biết đã ký hay chưa",
    CallState.QUARANTINED: "Chữ ký nhận về chưa dùng được",
}

#: What calls are called in the history of a turn.
CALL_NAMES = HELD_NAMES | {
    CallState.PREPARING: "Đang chuẩn bị hồ sơ",
    CallState.SUBMITTING: "Đang gửi tới dịch vụ ký số",
    CallState.CHALLENGED: "Chờ người ký trả lời dịch vụ ký số",
    CallState.ANSWERING: "Đang chuyển câu trả lời của người ký",
    CallState.WAITING: "Chờ người ký xác nhận",
    CallState.EMBEDDING: "Đang ghép chữ ký vào hồ sơ",
    CallState.DONE: "Đã ký",
    CallState.DECLINED: "Người ký từ chối ở dịch vụ ký số",
    CallState.EXPIRED: "Hết hạn chờ xác nhận",
    CallState.FAILED: "Không ký được",
}

#: Longest reason, in characters.
MAX_REASON = 300

#: What becomes of a call whose work is given up. Only what the provider cannot have signed is given back.
GIVEN_UP = {
    CallState.PREPARING: CallState.FAILED,
    CallState.SUBMITTING: CallState.UNKNOWN,
    CallState.CHALLENGED: CallState.EXPIRED,
    CallState.ANSWERING: CallState.UNKNOWN,
    CallState.WAITING: CallState.UNKNOWN,
    CallState.EMBEDDING: CallState.QUARANTINED,
}


def consent_leaf(request_id: uuid.UUID, sha256: str, part: str) -> bytes:
    """What a consent says about one hash: request, SHA-256 of the shown bytes, and which part of them ("" is all)."""
    return request_id.bytes + bytes.fromhex(sha256) + part.encode()


def consent_root(leaves: Iterable[tuple[uuid.UUID, str, str]]) -> str:
    """Merkle root (hex) over the leaves of a consent; the order of the documents does not matter."""
    return merkle_root(sorted(consent_leaf(*leaf) for leaf in leaves)).hex()


def parts_of(
    signs_pdf: bool, xml_targets: Sequence[Any], pdf_sha256: str, xml_sha256: str | None
) -> tuple[Part, ...]:
    """What is signed in a turn: the PDF, and each part of the XML."""
    targets = msgspec.convert(xml_targets, list[XmlTarget])
    pdf = [Part(number=0, sha256=pdf_sha256)] if signs_pdf else []
    xml = [
        Part(number=number, sha256=xml_sha256 or "", target=target)
        for number, target in enumerate(targets, 1)
    ]
    return (*pdf, *xml)


def target_of(xml_targets: Sequence[Any], part: int) -> XmlTarget | None:
    """Which element of the XML a part signs; None for part 0, the PDF."""
    return msgspec.convert(xml_targets[part - 1], XmlTarget) if part else None


class Proof(msgspec.Struct, frozen=True):
    """Where a leaf stands in the tree of its consent, and the digests beside its way to the root, joined."""

    leaf_index: int
    leaf_count: int
    proof: bytes


def prove(leaves: Iterable[tuple[uuid.UUID, str, str]]) -> list[Proof]:
    """A proof for each leaf, in the order in which they are given."""
    given = [consent_leaf(*leaf) for leaf in leaves]
    ordered = sorted(given)
    proofs = dict(zip(ordered, enumerate(merkle_proofs(ordered)), strict=True))
    found = [proofs[leaf] for leaf in given]
    return [Proof(index, len(given), b"".join(nodes)) for index, nodes in found]


def proves(proof: Proof, leaf: tuple[uuid.UUID, str, str], merkle_root: str) -> bool:
    """Whether a leaf is in the consent with that root."""
    nodes = [proof.proof[start : start + 32] for start in range(0, len(proof.proof), 32)]
    root = root_by_proof(consent_leaf(*leaf), proof.leaf_index, proof.leaf_count, nodes)
    return root is not None and root.hex() == merkle_root


def consent_statement(role: str, group: str | None, part: str | None, merkle_root: str, count: int) -> str:
    """SHA-256 (hex) of what a signer agrees to: this list, of so many, in this role. Their passkey signs it."""
    said = ["hocba consent 1", role, group or "", merkle_root, count, *([part] if part else [])]
    return sha256_hex(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode())


def told(counts: Mapping[str, int]) -> str:
    """How many of what, as people read it: “1.200 học bạ và 1 phiếu chuyển học bạ”."""
    return " và ".join(f"{number:,}".replace(",", ".") + f" {noun}" for noun, number in counts.items())


def called(noun: str, part: str | None) -> str:
    """What people call what is signed in a turn: a document, or a part of one."""
    return f"phần {noun}" if part else noun


def noted(note: str | None, declined_reason: str | None) -> str | None:
    """What a signer should know of a document before they sign it."""
    refused = f"từng bị từ chối ký: {declined_reason}" if declined_reason else None
    return "; ".join(one for one in (note, refused) if one) or None


def batch_state(calls: Iterable[str]) -> BatchState:
    """State of a batch from the states of its calls."""
    states = {CallState(state) for state in calls}
    if not states <= ENDED:
        return BatchState.RUNNING
    return BatchState.COMPLETED if states <= {CallState.DONE} else BatchState.PARTIAL


def split(weights: Sequence[int], largest: int) -> list[range]:
    """Positions of the weights in runs that weigh at most `largest`; what weighs more stands alone."""
    runs: list[range] = []
    start = weight = 0
    for position, one in enumerate(weights):
        if position > start and weight + one > largest:
            runs.append(range(start, position))
            start, weight = position, 0
        weight += one
    return [*runs, range(start, len(weights))] if weights else []


class Resumption(StrEnum):
    """How a held call goes on: with the values that are here, or by asking about the transaction that exists."""

    EMBED = "embed"
    POLL = "poll"
    SUBMIT = "submit"
    FIND = "find"


def resumption(*, has_values: bool, reference: str | None, repeat: Repeat) -> Resumption | None:
    """How a held call may go on without a second question on anybody's telephone; None where the service cannot say."""
    if has_values:
        return Resumption.EMBED
    if reference is not None:
        return Resumption.POLL
    return {Repeat.IDEMPOTENT: Resumption.SUBMIT, Repeat.QUERYABLE: Resumption.FIND}.get(repeat)


def may_give_back_at(state: str, held_at: datetime | None, service: Capabilities) -> datetime | None:
    """From when on the documents of a held call may go back to the tray; None for at once.

    While it is not known whether the service has the request, its question may still be on the signer's telephone.
    """
    if held_at is None or state != CallState.UNKNOWN:
        return None
    return held_at + timedelta(seconds=service.authorization_ttl + service.settle)


def checked_reason(typed: str) -> str:
    """Why somebody decides about documents to be signed. Raises Invalid without a word."""
    reason = check_text(typed, field="Lý do", person="yêu cầu ký", limit=MAX_REASON)
    if not reason:
        raise Invalid("Mục “Lý do” đang trống; xin ghi một câu để người khác hiểu vì sao.")
    return reason
