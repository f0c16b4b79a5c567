"""All SQL of signing requests."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.remote_signing.credentials.models import Credential
from backend.remote_signing.requests.models import (
    ProviderCall,
    SigningBatch,
    SigningItem,
    SigningRequest,
    SigningStep,
)
from backend.remote_signing.requests.rules import BatchState, RequestState, StepState

#: Any constant: the class of advisory locks that order the moments of a school's tray.
_TRAY_LOCK = 7_474_002


async def enter_tray(session: TenantSession) -> datetime:
    """The moment at which steps become ready in this transaction. `settle_tray` waits until it has ended."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(_TRAY_LOCK, _tray(session))))
    return clock.now()


async def settle_tray(session: TenantSession) -> datetime:
    """A moment such that every step that was ready by then can be seen now, and none will appear later."""
    await session.execute(select(func.pg_advisory_xact_lock(_TRAY_LOCK, _tray(session))))
    return clock.now()


def _tray(session: TenantSession) -> int:
    return int.from_bytes(session.tenant_id.bytes[-4:], "big", signed=True)


async def insert_requests(
    session: TenantSession, requests: list[dict[str, Any]], steps: list[dict[str, Any]]
) -> None:
    await session.execute(insert(SigningRequest), requests)
    await session.execute(insert(SigningStep), steps)


async def requests_of(session: TenantSession, subject_ids: Sequence[uuid.UUID]) -> Sequence[SigningRequest]:
    """The requests that were opened for these subjects."""
    found = await session.scalars(
        select(SigningRequest).where(
            SigningRequest.tenant_id == session.tenant_id, SigningRequest.subject_id.in_(subject_ids)
        )
    )
    return found.all()


async def requests(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> Sequence[SigningRequest]:
    found = await session.scalars(
        select(SigningRequest).where(
            SigningRequest.tenant_id == session.tenant_id, SigningRequest.id.in_(request_ids)
        )
    )
    return found.all()


async def complete_requests(
    session: TenantSession, documents: dict[uuid.UUID, str], completed_at: datetime
) -> None:
    """Each request's final document."""
    query = (
        update(SigningRequest)
        .where(SigningRequest.tenant_id == session.tenant_id, SigningRequest.id == bindparam("request"))
        .values(state=RequestState.COMPLETED, current_sha256=bindparam("document"), completed_at=completed_at)
    )
    values = [{"request": request_id, "document": sha256} for request_id, sha256 in documents.items()]
    if values:
        await (await session.connection()).execute(query, values)


def _turn_of(staff_id: StaffId, *, seal: bool) -> ColumnElement[bool]:
    mine = SigningStep.signer_id == staff_id
    return or_(mine, SigningStep.signer_id.is_(None)) if seal else mine


async def tray_groups(session: TenantSession, staff_id: StaffId, *, seal: bool) -> Sequence[Any]:
    """What is ready for a signer, by role and group."""
    query = (
        select(SigningStep.role, SigningRequest.group_label, func.count().label("number"))
        .join(
            SigningRequest,
            and_(
                SigningRequest.tenant_id == SigningStep.tenant_id, SigningRequest.id == SigningStep.request_id
            ),
        )
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.state == StepState.READY,
            _turn_of(staff_id, seal=seal),
        )
        .group_by(SigningStep.role, SigningRequest.group_label)
        .order_by(SigningStep.role, func.min(SigningRequest.sort_key))
    )
    return (await session.execute(query)).all()


async def tray_items(
    session: TenantSession,
    staff_id: StaffId,
    *,
    seal: bool,
    role: str,
    group: str | None,
    until: datetime,
    hold: bool = False,
) -> Sequence[Any]:
    """Steps of a signer in one role that were ready at `until`, of one group or all, with the document to be signed."""
    query = (
        select(
            SigningStep.id.label("step_id"),
            SigningStep.request_id,
            SigningRequest.subject_id,
            SigningStep.role,
            SigningRequest.group_label,
            SigningRequest.label,
            SigningRequest.current_sha256,
        )
        .join(
            SigningRequest,
            and_(
                SigningRequest.tenant_id == SigningStep.tenant_id, SigningRequest.id == SigningStep.request_id
            ),
        )
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.state == StepState.READY,
            SigningStep.role == role,
            SigningStep.ready_at <= until,
            _turn_of(staff_id, seal=seal),
        )
        .order_by(SigningRequest.sort_key, SigningStep.id)
    )
    if group is not None:
        query = query.where(SigningRequest.group_label == group)
    if hold:
        query = query.with_for_update(of=SigningStep)
    return (await session.execute(query)).all()


async def insert_batch(
    session: TenantSession, batch: dict[str, Any], calls: list[dict[str, Any]], items: list[dict[str, Any]]
) -> None:
    await session.execute(insert(SigningBatch).values(batch))
    await session.execute(insert(ProviderCall), calls)
    await session.execute(insert(SigningItem), items)


async def update_steps(session: TenantSession, step_ids: Sequence[uuid.UUID], values: dict[str, Any]) -> None:
    await session.execute(
        update(SigningStep)
        .where(SigningStep.tenant_id == session.tenant_id, SigningStep.id.in_(step_ids))
        .values(values)
    )


async def call(session: TenantSession, call_id: uuid.UUID, *, hold: bool = False) -> ProviderCall | None:
    query = select(ProviderCall).where(
        ProviderCall.tenant_id == session.tenant_id, ProviderCall.id == call_id
    )
    return await session.scalar(query.with_for_update() if hold else query)


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


async def consented_documents(session: TenantSession, batch_id: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    """(request, SHA-256 of the bytes that were shown) of every item of a batch."""
    query = (
        select(SigningStep.request_id, SigningItem.base_sha256)
        .join(
            SigningItem,
            and_(SigningItem.tenant_id == SigningStep.tenant_id, SigningItem.step_id == SigningStep.id),
        )
        .where(SigningStep.tenant_id == session.tenant_id, SigningStep.batch_id == batch_id)
    )
    return [(row.request_id, row.base_sha256) for row in await session.execute(query)]


async def items_of(session: TenantSession, call_id: uuid.UUID) -> Sequence[Any]:
    """Items of a call in the order of their hashes, with step, number of steps of the request and current document.

    Without the prepared bytes, which weigh more than all the rest: `prepared_updates`.
    """
    others = aliased(SigningStep)
    last_position = (
        select(func.max(others.position))
        .where(others.tenant_id == SigningStep.tenant_id, others.request_id == SigningStep.request_id)
        .scalar_subquery()
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
            last_position.label("last_position"),
            SigningRequest.current_sha256,
            SigningRequest.label,
            SigningRequest.subject_id,
        )
        .join(
            SigningStep,
            and_(SigningStep.tenant_id == SigningItem.tenant_id, SigningStep.id == SigningItem.step_id),
        )
        .join(
            SigningRequest,
            and_(
                SigningRequest.tenant_id == SigningStep.tenant_id, SigningRequest.id == SigningStep.request_id
            ),
        )
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


async def advance_requests(session: TenantSession, revisions: dict[uuid.UUID, str]) -> None:
    """Set the newest revision of many requests."""
    query = (
        update(SigningRequest)
        .where(SigningRequest.tenant_id == session.tenant_id, SigningRequest.id == bindparam("request"))
        .values(current_sha256=bindparam("revision"))
    )
    values = [{"request": request_id, "revision": sha256} for request_id, sha256 in revisions.items()]
    await (await session.connection()).execute(query, values)


async def open_next_steps(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> None:
    """In each request, the first step that waits becomes ready, if nobody else's turn is running."""
    ready_at = await enter_tray(session)
    following = (
        select(SigningStep.request_id, func.min(SigningStep.position).label("position"))
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.request_id.in_(request_ids),
            SigningStep.state != StepState.SIGNED,
        )
        .group_by(SigningStep.request_id)
        .subquery()
    )
    await session.execute(
        update(SigningStep)
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.request_id == following.c.request_id,
            SigningStep.position == following.c.position,
            SigningStep.state == StepState.WAITING,
        )
        .values(state=StepState.READY, ready_at=ready_at)
    )


async def finish_requests(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Requests in which everybody has signed go to `signed`; returns them."""
    unsigned = select(SigningStep.id).where(
        SigningStep.tenant_id == SigningRequest.tenant_id,
        SigningStep.request_id == SigningRequest.id,
        SigningStep.state != StepState.SIGNED,
    )
    done = await session.scalars(
        update(SigningRequest)
        .where(
            SigningRequest.tenant_id == session.tenant_id,
            SigningRequest.id.in_(request_ids),
            SigningRequest.state == RequestState.SIGNING,
            ~unsigned.exists(),
        )
        .values(state=RequestState.SIGNED)
        .returning(SigningRequest.id)
    )
    return done.all()


async def give_back(session: TenantSession, call_id: uuid.UUID) -> None:
    """The steps of a call that ended without signatures are ready for their signer again."""
    ready_at = await enter_tray(session)
    steps = select(SigningItem.step_id).where(
        SigningItem.tenant_id == session.tenant_id, SigningItem.call_id == call_id
    )
    await session.execute(
        update(SigningStep)
        .where(SigningStep.tenant_id == session.tenant_id, SigningStep.id.in_(steps))
        .values(state=StepState.READY, ready_at=ready_at, batch_id=None)
    )
    await session.execute(
        delete(SigningItem).where(SigningItem.tenant_id == session.tenant_id, SigningItem.call_id == call_id)
    )


async def batches(session: TenantSession, staff_id: StaffId, limit: int) -> Sequence[Any]:
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
    trouble = (
        select(func.max(ProviderCall.problem))
        .where(ProviderCall.tenant_id == SigningBatch.tenant_id, ProviderCall.batch_id == SigningBatch.id)
        .scalar_subquery()
    )
    return (
        select(
            SigningBatch,
            signed.label("signed"),
            func.coalesce(SigningBatch.problem, trouble).label("problem"),
        )
        .where(SigningBatch.tenant_id == session.tenant_id)
        .order_by(SigningBatch.consented_at.desc())
    )


async def steps_of(session: TenantSession, subject_id: uuid.UUID) -> Sequence[Any]:
    """Turns of the document of a subject, in order, with the certificate that signed."""
    query = (
        select(
            SigningStep.position,
            SigningStep.role,
            SigningStep.signer_name,
            SigningStep.state,
            SigningStep.signed_at,
            Credential.subject_name.label("certificate_subject"),
            Credential.serial.label("certificate_serial"),
        )
        .join(
            SigningRequest,
            and_(
                SigningRequest.tenant_id == SigningStep.tenant_id, SigningRequest.id == SigningStep.request_id
            ),
        )
        .outerjoin(
            SigningBatch,
            and_(SigningBatch.tenant_id == SigningStep.tenant_id, SigningBatch.id == SigningStep.batch_id),
        )
        .outerjoin(
            Credential,
            and_(Credential.tenant_id == SigningBatch.tenant_id, Credential.id == SigningBatch.credential_id),
        )
        .where(SigningStep.tenant_id == session.tenant_id, SigningRequest.subject_id == subject_id)
        .order_by(SigningStep.position)
    )
    return (await session.execute(query)).all()


async def open_steps_of(session: TenantSession, staff_id: StaffId) -> Sequence[Any]:
    """Group and count of the documents in which a person's turn is not over."""
    query = (
        select(SigningRequest.group_label, func.count().label("count"))
        .join(
            SigningStep,
            and_(
                SigningStep.tenant_id == SigningRequest.tenant_id, SigningStep.request_id == SigningRequest.id
            ),
        )
        .where(
            SigningRequest.tenant_id == session.tenant_id,
            SigningStep.signer_id == staff_id,
            SigningStep.state != StepState.SIGNED,
        )
        .group_by(SigningRequest.group_label)
        .order_by(SigningRequest.group_label)
    )
    return (await session.execute(query)).all()


async def certificates_of(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Role, certificate and chain of everyone who has signed these requests, in signing order."""
    query = (
        select(SigningStep.request_id, SigningStep.role, Credential.certificate, Credential.chain)
        .join(
            SigningBatch,
            and_(SigningBatch.tenant_id == SigningStep.tenant_id, SigningBatch.id == SigningStep.batch_id),
        )
        .join(
            Credential,
            and_(Credential.tenant_id == SigningBatch.tenant_id, Credential.id == SigningBatch.credential_id),
        )
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.request_id.in_(request_ids),
            SigningStep.state == StepState.SIGNED,
        )
        .order_by(SigningStep.request_id, SigningStep.position)
    )
    return (await session.execute(query)).all()
