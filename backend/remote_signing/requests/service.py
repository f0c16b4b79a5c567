"""What people do with signing: a document asks for signatures, a signer looks into the tray and consents.

Knows nothing of transcripts: a subject is an opaque id, a document is bytes. What the machine does after a consent is
in `flow.py`.
"""

import itertools
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from backend.core import audit, audit_reads, clock, jobs, outbox, parked_jobs, storage
from backend.core.actor import Actor, StaffId, machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CredentialView
from backend.remote_signing.formats import pades
from backend.remote_signing.providers import gateway
from backend.remote_signing.requests import batches, queries
from backend.remote_signing.requests.events import SigningConsented
from backend.remote_signing.requests.flow import COMPLETE as COMPLETE
from backend.remote_signing.requests.flow import close_signed as close_signed
from backend.remote_signing.requests.local_agents import calls_waiting_for as calls_waiting_for
from backend.remote_signing.requests.local_agents import decline_call as decline_call
from backend.remote_signing.requests.local_agents import take_values as take_values
from backend.remote_signing.requests.notices import wake as wake
from backend.remote_signing.requests.rules import (
    BatchState,
    CallState,
    RequestState,
    StepState,
    consent_root,
    consent_statement,
    noted,
    parts_of,
    prove,
    split,
    target_of,
)
from backend.remote_signing.requests.schemas import (
    Basis,
    BatchId,
    BatchProgress,
    CallId,
    ConsentOffer,
    ConsentProof,
    HeldCall,
    NewRequest,
    ProvenLeaf,
    ReadyTurn,
    RequestId,
    StandingBatch,
    StepId,
    StepView,
    TrayGroup,
    TrayItem,
)
from backend.remote_signing.requests.turns import history_of_turn as history_of_turn
from backend.tenants.access.schemas import PROOF_LASTS, Verified
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

#: The role whose steps belong to the holder of the school's seal.
SEAL_ROLE = "school_seal"
TRAY_LENGTH = 20
#: For so long a list that was shown may be consented to.
OFFER_LASTS = timedelta(hours=12)


def with_fields(pdf: bytes, roles: Sequence[str]) -> bytes:
    """The PDF with one empty signature field per role, in signing order. Deterministic."""
    return pades.place_fields(pdf, [str(role) for role in roles])


async def open_requests(session: TenantSession, requests: Sequence[NewRequest]) -> list[RequestId]:
    """Ask for signatures on documents that the school has stored; the first signers' turns begin at once.

    Raises NotFound for a document that is not the school's, ValueError for a place without a person that is not the
    seal's (it would stand in the tray of whoever keeps the seal), and for a turn in which nothing is signed.
    """
    for request, signer in ((one, signer) for one in requests for signer in one.signers):
        if signer.staff_id is None and signer.role != SEAL_ROLE:
            raise ValueError(f"nobody signs as {signer.role}")
        if (not signer.signs_pdf and not signer.xml) or (signer.xml and request.xml_sha256 is None):
            raise ValueError(f"there is nothing that {signer.role} signs")
    shown = [digest for one in requests for digest in (one.document_sha256, one.xml_sha256) if digest]
    await storage.require_owned(session, shown)
    opened_at = await queries.enter_tray(session)
    request_ids = [RequestId(new_id()) for _ in requests]
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": request_id,
            "subject_id": request.subject_id,
            "label": request.label,
            "group_label": request.group,
            "noun": request.noun,
            "note": request.note,
            "sort_key": request.sort_key,
            "state": RequestState.SIGNING,
            "document_sha256": request.document_sha256,
            "current_sha256": request.document_sha256,
            "xml_sha256": request.xml_sha256,
            "address": request.address,
            "opened_at": opened_at,
        }
        for request_id, request in zip(request_ids, requests, strict=True)
    ]
    steps = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "request_id": request_id,
            "position": position,
            "role": signer.role,
            "part_label": signer.part,
            "signs_pdf": signer.signs_pdf,
            "xml_targets": msgspec.to_builtins(signer.xml),
            "signer_id": signer.staff_id,
            "signer_name": signer.name,
            "state": StepState.WAITING if position else StepState.READY,
            "ready_at": None if position else opened_at,
        }
        for request_id, request in zip(request_ids, requests, strict=True)
        for position, (_, beside) in enumerate(itertools.groupby(request.signers, lambda one: one.role))
        for signer in beside
    ]
    await queries.insert_requests(session, rows, steps)
    deeds = [
        audit.Deed(request.subject_id, request.label, {"sha256": request.document_sha256})
        for request in requests
    ]
    await audit.record_many(session, machine(session.tenant_id), Action.SIGNING_REQUESTED, deeds)
    return request_ids


async def cancel(session: TenantSession, actor: Actor, subject_ids: Sequence[uuid.UUID]) -> None:
    """These documents are not to be signed any more: their turns end, whatever is under way comes into none of them.

    Consents that covered them stay as they were given. Documents that are completed, or have no request, stay.
    """
    cancelled = await queries.cancel_requests(session, subject_ids)
    deeds = [audit.Deed(row.subject_id, row.label) for row in cancelled]
    await audit.record_many(session, actor, Action.SIGNING_CANCELLED, deeds)


async def ready_turns(session: TenantSession) -> list[ReadyTurn]:
    """Whose turn it is now, document by document, in the whole school."""
    return [ReadyTurn(**row._asdict()) for row in await queries.ready_turns(session)]


async def signed_by_role(
    session: TenantSession, groups: Mapping[uuid.UUID, int]
) -> dict[tuple[int, str], tuple[int, int]]:
    """(group, role) → signatures that are there and that are wanted, of documents about subjects (subject → group), in
    the order of signing. One query, however many there are."""
    found = await queries.signed_by_role(session, groups) if groups else []
    return {(row.group, row.role): (row.signed, row.total) for row in found}


async def tray(session: TenantSession, actor: Actor) -> list[TrayGroup]:
    """What waits for this signer, by role and group."""
    if actor.staff_id is None:
        return []
    rows = await queries.tray_groups(session, actor.staff_id, seal=actor.may(Permission.SEAL))
    return [
        TrayGroup(role=row.role, group=row.group_label, part=row.part_label, noun=row.noun, count=row.number)
        for row in rows
    ]


async def offer(
    session: TenantSession, actor: Actor, role: str, group: str | None, part: str | None = None
) -> ConsentOffer:
    """The exact documents that a consent would cover. Raises Conflict when nothing waits or no certificate is usable."""
    as_of = await queries.settle_tray(session)
    items = await _ready(session, actor, role, group, part, as_of, hold=False)
    if not items:
        raise Conflict("Không còn hồ sơ nào chờ bạn ký ở mục này.")
    credential = await _credential(session, actor, role)
    shown = (item.subject_id for item in items)
    audit_reads.record_read(session, actor, Action.SIGNING_LIST_READ, None, group or "", shown, role=role)
    root = _root(items)
    return ConsentOffer(
        role=role,
        statement=consent_statement(role, group, part, root, len(items)),
        as_of=as_of,
        items=tuple(items),
        merkle_root=root,
        certificate_subject=credential.subject_name,
        certificate_serial=credential.serial,
    )


async def consent(
    session: TenantSession,
    actor: Actor,
    role: str,
    group: str | None,
    merkle_root: str,
    as_of: datetime,
    verified: Verified,
    part: str | None = None,
) -> BatchId:
    """Agree to sign exactly the documents that were shown: `merkle_root` and `as_of` are those of the offer.

    `verified` is the signer's proof for that offer's statement. A second click finds the batch of the first. Raises
    Conflict when the documents have changed since, or when somebody else has begun to sign them; Forbidden for a proof
    of another list or of long ago.
    """
    if abs(clock.now() - as_of) > OFFER_LASTS:
        raise Conflict("Danh sách hồ sơ này được mở đã quá lâu; hãy xem lại danh sách rồi ký.")
    items = await _ready(session, actor, role, group, part, as_of, hold=True)
    if _root(items) != merkle_root:
        begun = await batch_over(session, actor, merkle_root)
        if begun is None:
            raise Conflict(
                "Danh sách hồ sơ chờ ký vừa thay đổi so với lúc bạn xem; hãy xem lại danh sách rồi ký."
            )
        return begun
    _require_proof(verified, consent_statement(role, group, part, merkle_root, len(items)))
    basis = Basis(proved_by=verified.factor, proved_at=verified.at, evidence=verified.evidence)
    return await agree(session, actor, role, items, basis)


async def agree(
    session: TenantSession, actor: Actor, role: str, items: Sequence[TrayItem], basis: Basis
) -> BatchId:
    """Have exactly these documents signed, which the transaction holds; `basis` is what the consent rests on."""
    credential = await _credential(session, actor, role)
    batch_id, merkle_root = BatchId(new_id()), _root(items)
    calls = await _open_batch(session, actor, batch_id, credential, items, merkle_root, basis)
    await audit.record(
        session,
        machine(session.tenant_id) if basis.mandate_id else actor,
        Action.SIGNING_CONSENTED,
        batch_id,
        role,
        count=len(items),
        merkle_root=merkle_root,
        serial=credential.serial,
        factor=basis.proved_by,
    )
    await outbox.emit_all(session, [SigningConsented(call_id) for call_id in calls])
    return batch_id


async def is_batch(session: TenantSession, batch_id: uuid.UUID) -> bool:
    """Whether that is a batch of the school."""
    return await batches.batch(session, batch_id) is not None


async def complete_but_for_seal(session: TenantSession, keeper: Actor, most: int) -> list[TrayItem]:
    """Documents that all others have signed and nobody has remarked on, at most so many; the transaction holds them."""
    as_of = await queries.settle_tray(session)
    items = await _ready(session, keeper, SEAL_ROLE, None, None, as_of, hold=True)
    signed = await batches.signed_by_others(session, [item.step_id for item in items])
    return [item for item in items if item.step_id in signed and not item.note][:most]


async def batches_under_mandates(session: TenantSession) -> list[StandingBatch]:
    """What was sealed without a person for each batch, newest first."""
    return [
        StandingBatch(
            consented_at=row.consented_at,
            count=row.count,
            short_code=_short(row.merkle_root),
            state=row.state,
            problem=row.problem or "",
        )
        for row in await batches.under_mandates(session)
        if row.mandate_id is not None
    ]


async def _open_batch(
    session: TenantSession,
    actor: Actor,
    batch_id: BatchId,
    credential: CredentialView,
    items: Sequence[TrayItem],
    merkle_root: str,
    basis: Basis,
) -> list[uuid.UUID]:
    """Batch, provider calls and items in rows; returns the calls. Each call takes what the provider allows."""
    most = gateway.provider(credential.provider).capabilities.max_hashes
    weights = [len(item.parts) for item in items]
    if max(weights) > most:
        raise Conflict(
            f"Dịch vụ ký số nhận mỗi lần nhiều nhất {most} mã băm, mà một hồ sơ cần {max(weights)}; hãy dùng chứng thư "
            "của nhà cung cấp khác."
        )
    runs = split(weights, most)
    starts = list(itertools.accumulate(weights, initial=0))
    proofs = prove(leaf for item in items for leaf in _leaves(item))
    call_ids = [new_id() for _ in runs]
    batch = {
        "tenant_id": session.tenant_id,
        "id": batch_id,
        "role": items[0].role,
        "credential_id": credential.id,
        "consented_by": actor.staff_id,
        "consented_at": clock.now(),
        "merkle_root": merkle_root,
        "count": len(items),
        "proved_by": basis.proved_by,
        "proved_at": basis.proved_at,
        "evidence": basis.evidence,
        "mandate_id": basis.mandate_id,
        "state": BatchState.RUNNING,
    }
    calls = [
        {
            "tenant_id": session.tenant_id,
            "id": call_id,
            "batch_id": batch_id,
            "number": number,
            "state": CallState.PREPARING,
        }
        for number, call_id in enumerate(call_ids, 1)
    ]
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "step_id": items[position].step_id,
            "call_id": call_id,
            "part": part.number,
            "position": starts[position] + offset,
            "base_sha256": part.sha256,
            **msgspec.structs.asdict(proofs[starts[position] + offset]),
        }
        for call_id, run in zip(call_ids, runs, strict=True)
        for position in run
        for offset, part in enumerate(items[position].parts)
    ]
    await batches.insert_batch(session, batch, calls, rows)
    values = {"state": StepState.AUTHORIZING, "batch_id": batch_id}
    await queries.update_steps(session, [item.step_id for item in items], values)
    return call_ids


async def batch_over(session: TenantSession, actor: Actor, merkle_root: str) -> BatchId | None:
    """This signer's batch over exactly the documents of that root, unless some of them came back unsigned."""
    found = await batches.batch_over(session, actor.staff_id, merkle_root)
    return BatchId(found) if found else None


async def list_batches(session: TenantSession, actor: Actor) -> list[BatchProgress]:
    """This signer's newest batches."""
    if actor.staff_id is None:
        return []
    return [_progress(row) for row in await batches.newest(session, actor.staff_id, TRAY_LENGTH)]


async def batch_under_way(session: TenantSession, actor: Actor) -> BatchProgress | None:
    """This signer's newest batch that has not ended."""
    return next((one for one in await list_batches(session, actor) if one.state == BatchState.RUNNING), None)


async def held_calls(session: TenantSession) -> list[HeldCall]:
    """What the signing service answered in a way that cannot be relied on, oldest first: a person must decide."""
    names = await people.names(session)
    return [
        HeldCall(
            id=CallId(row.id),
            state=row.state,
            transaction_id=row.id.hex,
            signer_id=row.consented_by,
            signer_name=names[row.consented_by],
            provider=row.provider,
            provider_reference=row.provider_reference,
            has_values=row.has_values,
            held_at=row.held_at,
            role=row.role,
            short_code=_short(row.merkle_root),
            labels=tuple(dict.fromkeys(row.labels)),
            subject_ids=tuple(dict.fromkeys(row.subject_ids)),
            problem=row.problem or "",
            since=row.since,
        )
        for row in await batches.held_calls(session)
    ]


async def fully_signed(session: TenantSession, subject_ids: Sequence[uuid.UUID]) -> dict[RequestId, bool]:
    """Requests of these subjects that everybody has signed → whether what proves it later is in the document."""
    ended = {RequestState.SIGNED: False, RequestState.COMPLETED: True}
    found = await queries.requests_of(session, subject_ids)
    return {RequestId(one.id): ended[RequestState(one.state)] for one in found if one.state in ended}


async def complete_again(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> int:
    """Have completed what everybody has signed, where that stopped or never began; counts those that go."""
    begun, fresh = await parked_jobs.begin_again(session, COMPLETE, request_ids)
    await jobs.enqueue(session, COMPLETE, *fresh)
    return begun + len(fresh)


async def declined_subjects(session: TenantSession) -> set[uuid.UUID]:
    """Documents that somebody would not sign."""
    return {row.SigningRequest.subject_id for row in await queries.declined(session)}


async def count_held(session: TenantSession) -> int:
    """How many calls wait for a person."""
    return await batches.count_held(session)


async def count_declined(session: TenantSession, actor: Actor) -> int:
    """How many documents somebody would not sign: of the school for its management, for others of those they sign."""
    sees_all = actor.may(Permission.TRANSCRIPT_WITHDRAW)
    return len(await queries.declined(session, None if sees_all else actor.staff_id))


async def batch_progress(session: TenantSession, actor: Actor, batch_id: uuid.UUID) -> BatchProgress:
    """How far one of this signer's batches has come. Raises NotFound for anybody else's."""
    row = await batches.batch_progress(session, batch_id)
    if row is None or row.SigningBatch.consented_by != actor.staff_id:
        raise NotFound("Không tìm thấy lô ký này.")
    return _progress(row)


async def steps_of(session: TenantSession, subject_id: uuid.UUID) -> list[StepView]:
    """Whose turns a document has and how far they are; empty before its request is opened."""
    return [StepView(**row._mapping) for row in await queries.steps_of(session, subject_id)]


async def open_steps_of(session: TenantSession, staff_id: StaffId) -> dict[str, int]:
    """Group → documents that wait for the person's signature, now or after somebody else's."""
    return {row.group_label: row.count for row in await queries.open_steps_of(session, staff_id)}


async def signed_documents(session: TenantSession, subject_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """subject → SHA-256 of the newest revision of its document. Raises NotFound when one has none."""
    requests = await queries.requests_of(session, subject_ids)
    if len(requests) < len(set(subject_ids)):
        raise NotFound("Hồ sơ này chưa có yêu cầu ký.")
    return {request.subject_id: request.current_sha256 for request in requests}


async def consents_of(session: TenantSession, subject_id: uuid.UUID) -> list[ConsentProof]:
    """What was consented to for each turn of a document that is signed, in order, with the proof of its inclusion."""
    found: dict[uuid.UUID, ConsentProof] = {}
    for row in await batches.consents_of(session, subject_id):
        target = target_of(row.xml_targets, row.part)
        leaf = ProvenLeaf(
            request_id=row.request_id,
            sha256=row.base_sha256,
            part=target.signature_id if target else "",
            index=row.leaf_index,
            count=row.leaf_count,
            proof=row.proof.hex() if row.proof is not None else None,
        )
        batch = row.SigningBatch
        known = found.get(row.step_id)
        found[row.step_id] = ConsentProof(
            step_id=row.step_id,
            batch_id=batch.id,
            role=row.role,
            signed_at=row.signed_at,
            consented_at=batch.consented_at,
            merkle_root=batch.merkle_root,
            proved_by=batch.proved_by,
            proved_at=batch.proved_at,
            evidence=batch.evidence,
            leaves=(*(known.leaves if known else ()), leaf),
        )
    return list(found.values())


async def signed_xml(session: TenantSession, subject_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str | None]:
    """subject → SHA-256 of its XML with everybody's signatures; None where that is not signed."""
    requests = await queries.requests_of(session, subject_ids)
    return {request.subject_id: request.signed_xml_sha256 for request in requests}


async def request_ids_of(
    session: TenantSession, subject_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, RequestId]:
    """subject → its request, of those that have one."""
    requests = await queries.requests_of(session, subject_ids)
    return {request.subject_id: RequestId(request.id) for request in requests}


async def labelled(
    session: TenantSession, request_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[uuid.UUID, str]]:
    """request → its subject and what it is called."""
    found = await queries.requests(session, request_ids)
    return {request.id: (request.subject_id, request.label) for request in found}


async def subjects_of(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """What these requests were opened for. Raises NotFound when one is missing."""
    requests = await queries.requests(session, request_ids)
    if len(requests) < len(set(request_ids)):
        raise NotFound("Không tìm thấy yêu cầu ký này.")
    return [request.subject_id for request in requests]


async def _ready(
    session: TenantSession,
    actor: Actor,
    role: str,
    group: str | None,
    part: str | None,
    as_of: datetime,
    *,
    hold: bool,
) -> list[TrayItem]:
    seal = role == SEAL_ROLE
    if actor.staff_id is None or not actor.may(Permission.SEAL if seal else Permission.SIGN):
        raise Forbidden("Bạn không có quyền ký ở vai trò này.")
    rows = await queries.tray_items(
        session, actor.staff_id, seal=seal, role=role, group=group, part=part, until=as_of, hold=hold
    )
    return [
        TrayItem(
            step_id=StepId(row.step_id),
            request_id=RequestId(row.request_id),
            subject_id=row.subject_id,
            role=row.role,
            group=row.group_label,
            label=row.label,
            part=row.part_label,
            document_sha256=row.current_sha256,
            address=row.address,
            noun=row.noun,
            note=noted(row.note, row.declined_reason),
            parts=parts_of(row.signs_pdf, row.xml_targets, row.current_sha256, row.xml_sha256),
        )
        for row in rows
    ]


async def _credential(session: TenantSession, actor: Actor, role: str) -> CredentialView:
    found = await credentials.usable(session, None if role == SEAL_ROLE else actor.staff_id)
    await accounts.require_access(session, found.provider, found.account, found.staff_id)
    return found


def _require_proof(verified: Verified, statement: str) -> None:
    if verified.statement != statement or clock.now() - verified.at > PROOF_LASTS:
        raise Forbidden(
            "Lần xác minh này không dành cho danh sách vừa gửi; hãy xem lại danh sách rồi xác nhận."
        )


def _leaves(item: TrayItem) -> list[tuple[uuid.UUID, str, str]]:
    return [
        (item.request_id, part.sha256, part.target.signature_id if part.target else "") for part in item.parts
    ]


def _root(items: Sequence[TrayItem]) -> str:
    return consent_root(leaf for item in items for leaf in _leaves(item))


def _progress(row: object) -> BatchProgress:
    batch = row.SigningBatch  # type: ignore[attr-defined]
    return BatchProgress(
        id=BatchId(batch.id),
        role=batch.role,
        state=batch.state,
        count=batch.count,
        signed=row.signed,  # type: ignore[attr-defined]
        held=row.held,  # type: ignore[attr-defined]
        consented_at=batch.consented_at,
        ended_at=batch.ended_at,
        problem=row.problem,  # type: ignore[attr-defined]
        short_code=_short(batch.merkle_root),
    )


def _short(merkle_root: str) -> str:
    """What people call a batch."""
    return merkle_root[:8].upper()
