"""SQL of batches: what a consent covers, the provider calls that it was cut into, and each hash."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, bindparam, distinct, func, insert, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.remote_signing.credentials.models import Credential
from backend.remote_signing.requests.models import (
    ProviderCall,
    SigningAttempt,
    SigningBatch,
    SigningItem,
    SigningRequest,
    SigningStep,
)
from backend.remote_signing.requests.queries import BATCH_OF_STEP, CREDENTIAL_OF_BATCH, REQUEST_OF_STEP
from backend.remote_signing.requests.rules import ENDED, HELD, BatchState, CallState, StepState

#: Beside those of `queries.py`.
BATCH_OF_CALL = and_(
    SigningBatch.tenant_id == ProviderCall.tenant_id, SigningBatch.id == ProviderCall.batch_id
)
ITEM_OF_STEP = and_(SigningItem.tenant_id == SigningStep.tenant_id, SigningItem.step_id == SigningStep.id)
CALL_OF_ATTEMPT = and_(
    ProviderCall.tenant_id == SigningAttempt.tenant_id, ProviderCall.id == SigningAttempt.call_id
)


async def insert_batch(
    session: TenantSession, batch: dict[str, Any], calls: list[dict[str, Any]], items: list[dict[str, Any]]
) -> None:
    """A consent with its calls and hashes; which turns each call is about is kept beside them."""
    pairs = dict.fromkeys((item["step_id"], item["call_id"]) for item in items)
    attempts = [
        {"tenant_id": session.tenant_id, "id": new_id(), "step_id": step_id, "call_id": call_id}
        for step_id, call_id in pairs
    ]
    await session.execute(insert(SigningBatch).values(batch))
    await session.execute(insert(ProviderCall), calls)
    await session.execute(insert(SigningItem), items)
    await session.execute(insert(SigningAttempt), attempts)


async def call(session: TenantSession, call_id: uuid.UUID, *, hold: bool = False) -> ProviderCall | None:
    query = select(ProviderCall).where(
        ProviderCall.tenant_id == session.tenant_id, ProviderCall.id == call_id
    )
    return await session.scalar(query.with_for_update() if hold else query)


async def calls_of_credential(
    session: TenantSession, credential_id: uuid.UUID, state: CallState | None = None
) -> Sequence[uuid.UUID]:
    """Calls that are, or were, to be signed with this certificate, oldest first."""
    query = (
        select(ProviderCall.id)
        .join(SigningBatch, BATCH_OF_CALL)
        .where(ProviderCall.tenant_id == session.tenant_id, SigningBatch.credential_id == credential_id)
        .order_by(SigningBatch.consented_at, ProviderCall.number)
    )
    return (await session.scalars(query.where(ProviderCall.state == state) if state else query)).all()


async def signed_by_others(session: TenantSession, step_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these turns before which others have signed, all of them."""
    before = aliased(SigningStep)
    found = await session.scalars(
        select(SigningStep.id)
        .join(
            before,
            and_(
                before.tenant_id == SigningStep.tenant_id,
                before.request_id == SigningStep.request_id,
                before.position < SigningStep.position,
            ),
        )
        .where(SigningStep.tenant_id == session.tenant_id, SigningStep.id.in_(step_ids))
        .group_by(SigningStep.id)
        .having(func.bool_and(before.state == StepState.SIGNED))
    )
    return set(found.all())


async def under_mandates(session: TenantSession) -> Sequence[SigningBatch]:
    """Batches that rest on a mandate, newest first."""
    query = select(SigningBatch).where(
        SigningBatch.tenant_id == session.tenant_id, SigningBatch.mandate_id.is_not(None)
    )
    return (await session.scalars(query.order_by(SigningBatch.consented_at.desc()))).all()


async def is_under_way(session: TenantSession, credential_id: uuid.UUID) -> bool:
    """Whether of a call that was consented to with this certificate it is not known yet what came of it."""
    running = (
        select(ProviderCall.id)
        .join(SigningBatch, BATCH_OF_CALL)
        .where(
            ProviderCall.tenant_id == session.tenant_id,
            SigningBatch.credential_id == credential_id,
            ProviderCall.state.not_in(ENDED - HELD),
        )
    )
    return bool(await session.scalar(select(running.exists())))


async def call_named(session: TenantSession, provider: str, reference: str) -> uuid.UUID | None:
    """The call that waits at a provider under the provider's own name of it."""
    return await session.scalar(
        select(ProviderCall.id)
        .join(SigningBatch, BATCH_OF_CALL)
        .join(Credential, CREDENTIAL_OF_BATCH)
        .where(
            ProviderCall.tenant_id == session.tenant_id,
            ProviderCall.provider_reference == reference,
            ProviderCall.state == CallState.WAITING,
            Credential.provider == provider,
        )
        .limit(1)
    )


async def update_call(session: TenantSession, call_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(ProviderCall)
        .where(ProviderCall.tenant_id == session.tenant_id, ProviderCall.id == call_id)
        .values(values)
    )


async def batch(session: TenantSession, batch_id: uuid.UUID, *, hold: bool = False) -> SigningBatch | None:
    query = select(SigningBatch).where(
        SigningBatch.tenant_id == session.tenant_id, SigningBatch.id == batch_id
    )
    return await session.scalar(query.with_for_update() if hold else query)


async def batch_over(session: TenantSession, staff_id: StaffId | None, merkle_root: str) -> uuid.UUID | None:
    """The batch of this signer over exactly these documents, on its way or completed."""
    return await session.scalar(
        select(SigningBatch.id).where(
            SigningBatch.tenant_id == session.tenant_id,
            SigningBatch.consented_by == staff_id,
            SigningBatch.merkle_root == merkle_root,
            SigningBatch.state != BatchState.PARTIAL,
        )
    )


async def update_batch(session: TenantSession, batch_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(SigningBatch)
        .where(SigningBatch.tenant_id == session.tenant_id, SigningBatch.id == batch_id)
        .values(values)
    )


async def call_states(session: TenantSession, batch_id: uuid.UUID) -> Sequence[str]:
    found = await session.scalars(
        select(ProviderCall.state).where(
            ProviderCall.tenant_id == session.tenant_id, ProviderCall.batch_id == batch_id
        )
    )
    return found.all()


async def items_of(session: TenantSession, call_id: uuid.UUID) -> Sequence[Any]:
    """Items of a call in the order of their hashes, with step, first and last step that signs the PDF, current document.

    Without the prepared bytes, which weigh more than all the rest: `prepared_updates`.
    """
    others = aliased(SigningStep)
    with_pdf = (
        others.tenant_id == SigningStep.tenant_id,
        others.request_id == SigningStep.request_id,
        others.signs_pdf,
    )
    query = (
        select(
            SigningItem.id,
            SigningItem.step_id,
            SigningItem.base_sha256,
            SigningItem.region_start,
            SigningItem.region_end,
            SigningItem.signed_attributes,
            SigningItem.digest,
            SigningItem.value,
            SigningStep.request_id,
            SigningStep.role,
            SigningStep.position,
            SigningStep.signer_name,
            SigningStep.part_label,
            SigningStep.xml_targets,
            select(func.min(others.position)).where(*with_pdf).scalar_subquery().label("first_position"),
            select(func.max(others.position)).where(*with_pdf).scalar_subquery().label("last_position"),
            SigningItem.part,
            SigningItem.leaf_index,
            SigningItem.leaf_count,
            SigningItem.proof,
            SigningRequest.current_sha256,
            SigningRequest.xml_sha256,
            SigningRequest.label,
            SigningRequest.noun,
            SigningRequest.subject_id,
            SigningRequest.state.label("request_state"),
        )
        .join(SigningStep, ITEM_OF_STEP)
        .join(SigningRequest, REQUEST_OF_STEP)
        .where(SigningItem.tenant_id == session.tenant_id, SigningItem.call_id == call_id)
        .order_by(SigningItem.position)
    )
    return (await session.execute(query)).all()


async def prepared_updates(session: TenantSession, call_id: uuid.UUID) -> dict[uuid.UUID, bytes]:
    """item → what its signature adds to the document, with the place of the signature empty; once it is prepared."""
    query = select(SigningItem.id, SigningItem.prepared_update).where(
        SigningItem.tenant_id == session.tenant_id,
        SigningItem.call_id == call_id,
        SigningItem.prepared_update.is_not(None),
    )
    return {row.id: row.prepared_update or b"" for row in await session.execute(query)}


async def signatures_of(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Finished signatures over parts of the XML of these requests, with certificate and chain of who signed."""
    query = (
        select(
            SigningStep.request_id,
            SigningStep.xml_targets,
            SigningItem.part,
            SigningItem.signature,
            Credential.certificate,
            Credential.chain,
        )
        .join(SigningItem, ITEM_OF_STEP)
        .join(SigningBatch, BATCH_OF_STEP)
        .join(Credential, CREDENTIAL_OF_BATCH)
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.request_id.in_(request_ids),
            SigningStep.state == StepState.SIGNED,
            SigningItem.part > 0,
        )
        .order_by(SigningStep.request_id, SigningStep.position, SigningStep.part_label, SigningItem.part)
    )
    return (await session.execute(query)).all()


async def consents_of(session: TenantSession, subject_id: uuid.UUID) -> Sequence[Any]:
    """Every signed hash of a document with its turn and its batch, in signing order."""
    query = (
        select(
            SigningStep.request_id,
            SigningStep.id.label("step_id"),
            SigningStep.role,
            SigningStep.signed_at,
            SigningStep.xml_targets,
            SigningItem.part,
            SigningItem.base_sha256,
            SigningItem.leaf_index,
            SigningItem.leaf_count,
            SigningItem.proof,
            SigningBatch,
        )
        .join(SigningRequest, REQUEST_OF_STEP)
        .join(SigningItem, ITEM_OF_STEP)
        .join(SigningBatch, BATCH_OF_STEP)
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningRequest.subject_id == subject_id,
            SigningStep.state == StepState.SIGNED,
        )
        .order_by(SigningStep.position, SigningStep.part_label, SigningItem.part)
    )
    return (await session.execute(query)).all()


async def update_items(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    """Set the given columns of many items; each row carries its `item_id`."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "item_id"]
    query = (
        update(SigningItem)
        .where(SigningItem.tenant_id == session.tenant_id, SigningItem.id == bindparam("item_id"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )
    values = [{"item_id": row["item_id"]} | {f"new_{name}": row[name] for name in names} for row in rows]
    await (await session.connection()).execute(query, values)


async def challenged_calls(session: TenantSession, batch_id: uuid.UUID) -> Sequence[Any]:
    """Calls of a batch that wait for its signer, with provider and number of documents, in order."""
    query = (
        select(ProviderCall, Credential.provider, func.count(distinct(SigningItem.step_id)).label("count"))
        .join(SigningBatch, BATCH_OF_CALL)
        .join(Credential, CREDENTIAL_OF_BATCH)
        .join(SigningItem, _CALL_OF_ITEM)
        .where(
            ProviderCall.tenant_id == session.tenant_id,
            ProviderCall.batch_id == batch_id,
            ProviderCall.state.in_((CallState.CHALLENGED, CallState.ANSWERING)),
        )
        .group_by(ProviderCall.tenant_id, ProviderCall.id, Credential.provider)
        .order_by(ProviderCall.number)
    )
    return (await session.execute(query)).all()


_CALL_OF_ITEM = and_(ProviderCall.tenant_id == SigningItem.tenant_id, ProviderCall.id == SigningItem.call_id)


async def held_calls(session: TenantSession) -> Sequence[Any]:
    """Calls whose documents go nowhere until a person decides, oldest first, with their batch and documents."""
    query = (
        select(
            ProviderCall.id,
            ProviderCall.state,
            ProviderCall.provider_reference,
            ProviderCall.held_at,
            Credential.provider,
            SigningBatch.consented_by,
            SigningBatch.role,
            SigningBatch.merkle_root,
            ProviderCall.problem,
            func.coalesce(ProviderCall.submitted_at, SigningBatch.consented_at).label("since"),
            func.bool_and(SigningItem.value.is_not(None)).label("has_values"),
            func.array_agg(aggregate_order_by(SigningRequest.label, SigningItem.position)).label("labels"),
            func.array_agg(SigningRequest.subject_id).label("subject_ids"),
        )
        .select_from(SigningItem)
        .join(ProviderCall, _CALL_OF_ITEM)
        .join(SigningBatch, BATCH_OF_CALL)
        .join(Credential, CREDENTIAL_OF_BATCH)
        .join(SigningStep, ITEM_OF_STEP)
        .join(SigningRequest, REQUEST_OF_STEP)
        .where(SigningItem.tenant_id == session.tenant_id, ProviderCall.state.in_(HELD))
        .group_by(
            SigningBatch.tenant_id,
            SigningBatch.id,
            ProviderCall.tenant_id,
            ProviderCall.id,
            Credential.tenant_id,
            Credential.id,
        )
        .order_by("since", ProviderCall.id)
    )
    return (await session.execute(query)).all()


async def count_held(session: TenantSession) -> int:
    query = select(func.count()).where(
        ProviderCall.tenant_id == session.tenant_id, ProviderCall.state.in_(HELD)
    )
    return await session.scalar(query) or 0


async def newest(session: TenantSession, staff_id: StaffId, limit: int) -> Sequence[Any]:
    """A signer's newest batches with the number of signed documents."""
    return (
        await session.execute(_progress(session).where(SigningBatch.consented_by == staff_id).limit(limit))
    ).all()


async def batch_progress(session: TenantSession, batch_id: uuid.UUID) -> Any:
    return (await session.execute(_progress(session).where(SigningBatch.id == batch_id))).first()


def _progress(session: TenantSession) -> Any:
    signed = (
        select(func.count())
        .where(
            SigningStep.tenant_id == SigningBatch.tenant_id,
            SigningStep.batch_id == SigningBatch.id,
            SigningStep.state == StepState.SIGNED,
        )
        .scalar_subquery()
    )
    held = (
        select(func.count(distinct(SigningItem.step_id)))
        .join(ProviderCall, _CALL_OF_ITEM)
        .where(
            SigningItem.tenant_id == SigningBatch.tenant_id,
            ProviderCall.batch_id == SigningBatch.id,
            ProviderCall.state.in_(HELD),
        )
        .scalar_subquery()
    )
    trouble = (
        select(func.max(ProviderCall.problem))
        .where(ProviderCall.tenant_id == SigningBatch.tenant_id, ProviderCall.batch_id == SigningBatch.id)
        .scalar_subquery()
    )
    return (
        select(
            SigningBatch,
            signed.label("signed"),
            held.label("held"),
            func.coalesce(SigningBatch.problem, trouble).label("problem"),
        )
        .where(SigningBatch.tenant_id == session.tenant_id)
        .order_by(SigningBatch.consented_at.desc())
    )


async def calls_in(session: TenantSession, batch_id: uuid.UUID, state: CallState) -> Sequence[uuid.UUID]:
    """The calls of a batch that are in that state."""
    found = await session.scalars(
        select(ProviderCall.id)
        .where(
            ProviderCall.tenant_id == session.tenant_id,
            ProviderCall.batch_id == batch_id,
            ProviderCall.state == state,
        )
        .order_by(ProviderCall.number)
    )
    return found.all()


async def end_calls_without_turns(session: TenantSession) -> Sequence[uuid.UUID]:
    """Calls under way in which every turn is over are done; returns their batches."""
    items = select(SigningItem.id).where(
        SigningItem.tenant_id == ProviderCall.tenant_id, SigningItem.call_id == ProviderCall.id
    )
    turns = items.join(SigningStep, ITEM_OF_STEP)
    ended = await session.scalars(
        update(ProviderCall)
        .where(
            ProviderCall.tenant_id == session.tenant_id,
            ProviderCall.state.not_in(ENDED),
            items.exists(),
            ~turns.where(SigningStep.state != StepState.SIGNED).exists(),
        )
        .values(state=CallState.DONE)
        .returning(ProviderCall.batch_id)
        .execution_options(synchronize_session=False)
    )
    return sorted(set(ended.all()))


async def attempts_of(session: TenantSession, step_id: uuid.UUID) -> Sequence[Any]:
    """The calls that were about a turn, oldest first, with consent and certificate."""
    query = (
        select(ProviderCall, SigningBatch, Credential.provider, Credential.subject_name, Credential.serial)
        .join(SigningAttempt, CALL_OF_ATTEMPT)
        .join(SigningBatch, BATCH_OF_CALL)
        .join(Credential, CREDENTIAL_OF_BATCH)
        .where(SigningAttempt.tenant_id == session.tenant_id, SigningAttempt.step_id == step_id)
        .order_by(SigningBatch.consented_at, ProviderCall.number)
    )
    return (await session.execute(query)).all()


async def parts_of_turn(session: TenantSession, step_id: uuid.UUID) -> Sequence[Any]:
    """What of a turn is signed, or on its way."""
    query = (
        select(
            SigningItem.part,
            SigningItem.base_sha256,
            SigningItem.digest,
            SigningItem.signed_sha256,
            SigningItem.signature,
        )
        .where(SigningItem.tenant_id == session.tenant_id, SigningItem.step_id == step_id)
        .order_by(SigningItem.part)
    )
    return (await session.execute(query)).all()


async def turns_of(session: TenantSession, batch_id: uuid.UUID, limit: int) -> Sequence[Any]:
    """The turns that a batch was about, with their documents, as trays are sorted."""
    query = (
        select(
            SigningStep.id.label("step_id"),
            SigningRequest.label,
            SigningRequest.group_label.label("group"),
            SigningStep.part_label.label("part"),
        )
        .join(
            SigningAttempt,
            and_(SigningAttempt.tenant_id == SigningStep.tenant_id, SigningAttempt.step_id == SigningStep.id),
        )
        .join(ProviderCall, CALL_OF_ATTEMPT)
        .join(SigningRequest, REQUEST_OF_STEP)
        .where(SigningStep.tenant_id == session.tenant_id, ProviderCall.batch_id == batch_id)
        .order_by(SigningRequest.sort_key, SigningStep.part_label)
        .limit(limit)
    )
    return (await session.execute(query)).all()
