"""SQL of signing requests and their steps: whose turn it is, and what waits for whom. Batches: `batches.py`."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Uuid,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.remote_signing.credentials.models import Credential
from backend.remote_signing.requests.models import (
    SigningBatch,
    SigningItem,
    SigningRequest,
    SigningStep,
)
from backend.remote_signing.requests.rules import OPEN_REQUESTS, OPEN_STEPS, RequestState, StepState

#: Any constant: the class of advisory locks that order the moments of a school's tray.
_TRAY_LOCK = 7_474_002

#: How the rows of one signature hang together.
REQUEST_OF_STEP = and_(
    SigningRequest.tenant_id == SigningStep.tenant_id, SigningRequest.id == SigningStep.request_id
)
BATCH_OF_STEP = and_(SigningBatch.tenant_id == SigningStep.tenant_id, SigningBatch.id == SigningStep.batch_id)
CREDENTIAL_OF_BATCH = and_(
    Credential.tenant_id == SigningBatch.tenant_id, Credential.id == SigningBatch.credential_id
)


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


async def hold_requests(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """request → its state, held until the transaction ends: nobody cancels it while a signature comes into it."""
    query = select(SigningRequest.id, SigningRequest.state).where(
        SigningRequest.tenant_id == session.tenant_id, SigningRequest.id.in_(request_ids)
    )
    held = await session.execute(query.order_by(SigningRequest.id).with_for_update())
    return {row.id: row.state for row in held}


async def cancel_requests(session: TenantSession, subject_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Requests of these subjects that are not completed, and what is left of their turns, are cancelled; returns them."""
    request = update(SigningRequest).where(
        SigningRequest.tenant_id == session.tenant_id,
        SigningRequest.subject_id.in_(subject_ids),
        SigningRequest.state.in_(OPEN_REQUESTS),
    )
    request = request.values(state=RequestState.CANCELLED)
    found = await session.execute(
        request.returning(SigningRequest.id, SigningRequest.subject_id, SigningRequest.label)
    )
    cancelled = found.all()
    steps = update(SigningStep).where(
        SigningStep.tenant_id == session.tenant_id,
        SigningStep.request_id.in_([row.id for row in cancelled]),
        SigningStep.state.in_(OPEN_STEPS),
    )
    await session.execute(steps.values(state=StepState.CANCELLED))
    return cancelled


async def complete_requests(
    session: TenantSession, documents: dict[uuid.UUID, tuple[str, str | None]], completed_at: datetime
) -> None:
    """Each request's final PDF, and XML where that is signed."""
    query = (
        update(SigningRequest)
        .where(SigningRequest.tenant_id == session.tenant_id, SigningRequest.id == bindparam("request"))
        .values(
            state=RequestState.COMPLETED,
            current_sha256=bindparam("document"),
            signed_xml_sha256=bindparam("xml"),
            completed_at=completed_at,
        )
    )
    values = [
        {"request": request_id, "document": pdf, "xml": xml} for request_id, (pdf, xml) in documents.items()
    ]
    if values:
        await (await session.connection()).execute(query, values)


async def close_steps(session: TenantSession, request_id: uuid.UUID) -> None:
    """Nobody's turn in a request is to come any more."""
    await session.execute(
        update(SigningStep)
        .where(SigningStep.tenant_id == session.tenant_id, SigningStep.request_id == request_id)
        .values(state=StepState.SIGNED)
    )


def _turn_of(staff_id: StaffId, *, seal: bool) -> ColumnElement[bool]:
    mine = SigningStep.signer_id == staff_id
    return or_(mine, SigningStep.signer_id.is_(None)) if seal else mine


async def tray_groups(session: TenantSession, staff_id: StaffId, *, seal: bool) -> Sequence[Any]:
    """What is ready for a signer, by role and group."""
    query = (
        select(
            SigningStep.role,
            SigningRequest.group_label,
            SigningStep.part_label,
            SigningRequest.noun,
            func.count().label("number"),
        )
        .join(SigningRequest, REQUEST_OF_STEP)
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.state == StepState.READY,
            _turn_of(staff_id, seal=seal),
        )
        .group_by(SigningStep.role, SigningRequest.group_label, SigningStep.part_label, SigningRequest.noun)
        .order_by(SigningStep.role, func.min(SigningRequest.sort_key), SigningStep.part_label)
    )
    return (await session.execute(query)).all()


async def ready_turns(session: TenantSession) -> Sequence[Any]:
    """Every step that is ready, with the subject of its document."""
    query = (
        select(SigningRequest.subject_id, SigningStep.signer_id, SigningStep.signer_name)
        .join(SigningRequest, REQUEST_OF_STEP)
        .where(SigningStep.tenant_id == session.tenant_id, SigningStep.state == StepState.READY)
    )
    return (await session.execute(query)).all()


async def signed_by_role(session: TenantSession, groups: Mapping[uuid.UUID, int]) -> Sequence[Any]:
    """Per group and role, how many signatures of the documents about these subjects (subject → group) are wanted
    (`total`), and how many are there (`signed`)."""
    asked = select(
        func.unnest(cast(list(groups), ARRAY(Uuid))).label("subject_id"),
        func.unnest(cast(list(groups.values()), ARRAY(Integer))).label("number"),
    ).subquery()
    query = (
        select(
            asked.c.number.label("group"),
            SigningStep.role,
            func.count().label("total"),
            func.count().filter(SigningStep.state == StepState.SIGNED).label("signed"),
            func.min(SigningStep.position).label("position"),
        )
        .join(SigningRequest, REQUEST_OF_STEP)
        .join(asked, asked.c.subject_id == SigningRequest.subject_id)
        .where(SigningStep.tenant_id == session.tenant_id, SigningRequest.state != RequestState.CANCELLED)
        .group_by(asked.c.number, SigningStep.role)
        .order_by("position")
    )
    return (await session.execute(query)).all()


async def tray_items(
    session: TenantSession,
    staff_id: StaffId,
    *,
    seal: bool,
    role: str,
    group: str | None,
    part: str | None,
    until: datetime,
    hold: bool = False,
) -> Sequence[Any]:
    """Steps of a signer in one role that were ready at `until`, with the document to be signed: of one group or all
    groups, of one part of the documents or all parts."""
    query = (
        select(
            SigningStep.id.label("step_id"),
            SigningStep.request_id,
            SigningRequest.subject_id,
            SigningStep.role,
            SigningRequest.group_label,
            SigningRequest.label,
            SigningStep.part_label,
            SigningRequest.current_sha256,
            SigningRequest.xml_sha256,
            SigningRequest.address,
            SigningRequest.noun,
            SigningRequest.note,
            SigningStep.declined_reason,
            SigningStep.signs_pdf,
            SigningStep.xml_targets,
        )
        .join(SigningRequest, REQUEST_OF_STEP)
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.state == StepState.READY,
            SigningStep.role == role,
            SigningStep.ready_at <= until,
            _turn_of(staff_id, seal=seal),
        )
        .order_by(SigningRequest.sort_key, SigningStep.part_label, SigningStep.id)
    )
    if group is not None:
        query = query.where(SigningRequest.group_label == group)
    if part is not None:
        query = query.where(SigningStep.part_label == part)
    if hold:
        query = query.with_for_update(of=SigningStep)
    return (await session.execute(query)).all()


async def turn(session: TenantSession, step_id: uuid.UUID, *, hold: bool = False) -> Any:
    """One step with its document; None where the school has none of that id."""
    query = (
        select(SigningStep, SigningRequest)
        .join(SigningRequest, REQUEST_OF_STEP)
        .where(SigningStep.tenant_id == session.tenant_id, SigningStep.id == step_id)
    )
    return (await session.execute(query.with_for_update(of=SigningStep) if hold else query)).first()


async def declined(session: TenantSession, staff_id: StaffId | None = None) -> Sequence[Any]:
    """Declined steps with their documents, the newest first; with `staff_id` those of documents that the person signs."""
    query = (
        select(SigningStep, SigningRequest)
        .join(SigningRequest, REQUEST_OF_STEP)
        .where(SigningStep.tenant_id == session.tenant_id, SigningStep.state == StepState.DECLINED)
        .order_by(SigningStep.declined_at.desc(), SigningRequest.sort_key)
    )
    if staff_id is not None:
        own = aliased(SigningStep)
        query = query.where(
            select(own.id)
            .where(
                own.tenant_id == SigningStep.tenant_id,
                own.request_id == SigningStep.request_id,
                own.signer_id == staff_id,
            )
            .exists()
        )
    return (await session.execute(query)).all()


async def update_steps(session: TenantSession, step_ids: Sequence[uuid.UUID], values: dict[str, Any]) -> None:
    await session.execute(
        update(SigningStep)
        .where(SigningStep.tenant_id == session.tenant_id, SigningStep.id.in_(step_ids))
        .values(values)
    )


async def advance_requests(session: TenantSession, revisions: dict[uuid.UUID, str]) -> None:
    """Set the newest revision of many requests."""
    query = (
        update(SigningRequest)
        .where(SigningRequest.tenant_id == session.tenant_id, SigningRequest.id == bindparam("request"))
        .values(current_sha256=bindparam("revision"))
    )
    values = [{"request": request_id, "revision": sha256} for request_id, sha256 in revisions.items()]
    if values:
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
    """The steps of a call that ended without signatures are ready for their signer again, unless they are cancelled."""
    ready_at = await enter_tray(session)
    steps = select(SigningItem.step_id).where(
        SigningItem.tenant_id == session.tenant_id, SigningItem.call_id == call_id
    )
    given = await session.scalars(
        update(SigningStep)
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.id.in_(steps),
            SigningStep.state == StepState.AUTHORIZING,
        )
        .values(state=StepState.READY, ready_at=ready_at, batch_id=None)
        .returning(SigningStep.id)
    )
    await session.execute(
        delete(SigningItem).where(
            SigningItem.tenant_id == session.tenant_id, SigningItem.step_id.in_(given.all())
        )
    )


async def steps_of(session: TenantSession, subject_id: uuid.UUID) -> Sequence[Any]:
    """Turns of the document of a subject, in order, with the certificate that signed."""
    query = (
        select(
            SigningStep.id,
            SigningStep.position,
            SigningStep.role,
            SigningStep.part_label.label("part"),
            SigningStep.signer_id,
            SigningStep.signer_name,
            SigningStep.state,
            SigningStep.signed_at,
            SigningStep.declined_at,
            SigningStep.declined_reason,
            Credential.subject_name.label("certificate_subject"),
            Credential.serial.label("certificate_serial"),
        )
        .join(SigningRequest, REQUEST_OF_STEP)
        .outerjoin(SigningBatch, BATCH_OF_STEP)
        .outerjoin(Credential, CREDENTIAL_OF_BATCH)
        .where(SigningStep.tenant_id == session.tenant_id, SigningRequest.subject_id == subject_id)
        .order_by(SigningStep.position, SigningStep.part_label)
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
            SigningStep.state.in_(OPEN_STEPS),
        )
        .group_by(SigningRequest.group_label)
        .order_by(SigningRequest.group_label)
    )
    return (await session.execute(query)).all()


async def certificates_of(session: TenantSession, request_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Role, certificate and chain of everyone who has signed these requests, in signing order."""
    query = (
        select(
            SigningStep.request_id,
            SigningStep.role,
            SigningStep.signs_pdf,
            Credential.certificate,
            Credential.chain,
        )
        .join(SigningBatch, BATCH_OF_STEP)
        .join(Credential, CREDENTIAL_OF_BATCH)
        .where(
            SigningStep.tenant_id == session.tenant_id,
            SigningStep.request_id.in_(request_ids),
            SigningStep.state == StepState.SIGNED,
        )
        .order_by(SigningStep.request_id, SigningStep.position)
    )
    return (await session.execute(query)).all()
