"""The history of one turn to sign: each attempt, its transaction at the provider, and what came of it."""

import uuid
from typing import Any

from backend.core import audit_reads
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.remote_signing.providers import gateway
from backend.remote_signing.requests import batches, queries
from backend.remote_signing.requests.rules import CALL_NAMES, CallState, target_of
from backend.remote_signing.requests.schemas import (
    Attempt,
    BatchId,
    BatchTurn,
    SignedPart,
    StepId,
    TurnHistory,
)
from backend.tenants.permissions import Permission


async def history_of_turn(session: TenantSession, actor: Actor, step_id: uuid.UUID) -> TurnHistory:
    """For whoever signs in that turn, and whoever reads the school's audit. Raises NotFound for anybody else."""
    found = await queries.turn(session, step_id)
    if found is None or not _may_read(actor, found.SigningStep):
        raise NotFound("Không tìm thấy lượt ký này.")
    step, request = found.SigningStep, found.SigningRequest
    audit_reads.record_read(
        session, actor, Action.SIGNING_DOCUMENT_READ, request.subject_id, request.label, role=step.role
    )
    return TurnHistory(
        step_id=StepId(step.id),
        request_id=request.id,
        subject_id=request.subject_id,
        label=request.label,
        group=request.group_label,
        noun=request.noun,
        part=step.part_label,
        role=step.role,
        signer_name=step.signer_name,
        state=step.state,
        address=request.address,
        opened_at=request.opened_at,
        ready_at=step.ready_at,
        signed_at=step.signed_at,
        declined_at=step.declined_at,
        declined_reason=step.declined_reason,
        completed_at=request.completed_at,
        attempts=tuple(_attempt(row) for row in await batches.attempts_of(session, step_id)),
        parts=tuple(_part(row, step.xml_targets) for row in await batches.parts_of_turn(session, step_id)),
    )


async def of_batch(session: TenantSession, batch_id: BatchId, limit: int) -> list[BatchTurn]:
    """The first turns of a batch, also those that it did not sign."""
    return [BatchTurn(**row._mapping) for row in await batches.turns_of(session, batch_id, limit)]


def _may_read(actor: Actor, step: Any) -> bool:
    own = actor.may(Permission.SEAL) if step.signer_id is None else step.signer_id == actor.staff_id
    return own or actor.may(Permission.AUDIT_READ)


def _attempt(row: Any) -> Attempt:
    call, batch = row.ProviderCall, row.SigningBatch
    return Attempt(
        batch_id=BatchId(batch.id),
        short_code=batch.merkle_root[:8].upper(),
        consented_at=batch.consented_at,
        proved_by=batch.proved_by,
        count=batch.count,
        provider_name=gateway.label(row.provider),
        certificate_subject=row.subject_name,
        certificate_serial=row.serial,
        transaction_id=call.id.hex,
        provider_reference=call.provider_reference,
        submitted_at=call.submitted_at,
        state=call.state,
        state_name=CALL_NAMES[CallState(call.state)],
        problem=call.problem,
    )


def _part(row: Any, xml_targets: list[Any]) -> SignedPart:
    target = target_of(xml_targets, row.part)
    return SignedPart(
        target=target.id if target else None,
        shown_sha256=row.base_sha256,
        digest=row.digest.hex() if row.digest else None,
        signed_sha256=row.signed_sha256,
        signature=row.signature,
    )
