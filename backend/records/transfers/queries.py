"""All SQL of transfers. What lies between two schools is asked of the directory, in functions (decision 0011)."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, insert, or_, select, text, update

from backend.core.database import TenantSession
from backend.records.roster.models import Student
from backend.records.transfers.models import ReceivedPackage, Transfer
from backend.records.transfers.schemas import OfferState, ReceivedState, TransferState


async def insert_transfer(session: TenantSession, row: dict[str, Any]) -> None:
    await session.execute(insert(Transfer).values(tenant_id=session.tenant_id, **row))


async def transfer(session: TenantSession, transfer_id: uuid.UUID, *, hold: bool = False) -> Transfer | None:
    """One package; held against change until the transaction ends."""
    query = select(Transfer).where(_this(session, Transfer, transfer_id))
    return await session.scalar(query.with_for_update() if hold else query)


async def transfers_of(session: TenantSession, student_id: uuid.UUID) -> Sequence[Transfer]:
    """All packages of a pupil that go out, the newest first."""
    query = select(Transfer).where(Transfer.tenant_id == session.tenant_id, Transfer.student_id == student_id)
    return (await session.scalars(query.order_by(Transfer.drafted_at.desc(), Transfer.id))).all()


async def known(session: TenantSession, ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Which of these are packages of this school."""
    query = select(Transfer.id).where(Transfer.tenant_id == session.tenant_id, Transfer.id.in_(ids))
    return (await session.scalars(query.order_by(Transfer.id))).all()


async def update_transfer(session: TenantSession, transfer_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(update(Transfer).where(_this(session, Transfer, transfer_id)).values(values))


async def handed_over(session: TenantSession, student_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Of these pupils, those who left with their học bạ on the day that their record still says."""
    query = (
        select(Transfer.student_id)
        .join(Student, (Student.tenant_id == Transfer.tenant_id) & (Student.id == Transfer.student_id))
        .where(
            Transfer.tenant_id == session.tenant_id,
            Transfer.student_id.in_(student_ids),
            Transfer.state == TransferState.HANDED_OVER,
            Student.status == "transferred_out",
            Student.status_on.is_not_distinct_from(Transfer.left_on),
        )
        .distinct()
    )
    return (await session.scalars(query)).all()


async def insert_received(session: TenantSession, row: dict[str, Any]) -> None:
    await session.execute(insert(ReceivedPackage).values(tenant_id=session.tenant_id, **row))


async def received(
    session: TenantSession, student_id: uuid.UUID, received_id: uuid.UUID, *, hold: bool = False
) -> ReceivedPackage | None:
    """A package that came in for a pupil."""
    query = select(ReceivedPackage).where(
        _this(session, ReceivedPackage, received_id), ReceivedPackage.student_id == student_id
    )
    return await session.scalar(query.with_for_update() if hold else query)


async def received_of(session: TenantSession, student_id: uuid.UUID) -> Sequence[ReceivedPackage]:
    """All that came in for a pupil, the newest first."""
    query = select(ReceivedPackage).where(
        ReceivedPackage.tenant_id == session.tenant_id, ReceivedPackage.student_id == student_id
    )
    return (
        await session.scalars(query.order_by(ReceivedPackage.received_at.desc(), ReceivedPackage.id))
    ).all()


async def is_accepted(session: TenantSession, sha256: str) -> bool:
    """Whether a package was taken over before."""
    query = select(ReceivedPackage.id).where(
        ReceivedPackage.tenant_id == session.tenant_id,
        ReceivedPackage.sha256 == sha256,
        ReceivedPackage.state == ReceivedState.ACCEPTED,
    )
    return await session.scalar(query.limit(1)) is not None


async def update_received(session: TenantSession, received_id: uuid.UUID, values: dict[str, Any]) -> None:
    query = update(ReceivedPackage).where(_this(session, ReceivedPackage, received_id))
    await session.execute(query.values(values))


async def pupils_with(
    session: TenantSession, personal_id: str | None, student_code: str
) -> Sequence[uuid.UUID]:
    """Pupils whose records bear the personal number or the code."""
    same = [Student.student_code == student_code]
    if personal_id is not None:
        same.append(Student.personal_id == personal_id)
    query = select(Student.id).where(
        Student.tenant_id == session.tenant_id, or_(*same), Student.merged_into_id.is_(None)
    )
    return (await session.scalars(query.order_by(Student.id))).all()


async def receiver_of(session: TenantSession, code: str) -> uuid.UUID | None:
    """The school of the platform that the operator opened under a Ministry code; not this one."""
    found: uuid.UUID | None = await session.scalar(
        text("select directory.receiver_of(:code)"), {"code": code}
    )
    return found


async def offer(session: TenantSession, transfer_id: uuid.UUID, code: str, sha256: str) -> bool:
    """Offer a package to the school with that code; a repetition changes nothing. False where there is no such school."""
    query = text("select directory.offer_transfer(:transfer, :code, :sha256)")
    return bool(await session.scalar(query, {"transfer": transfer_id, "code": code, "sha256": sha256}))


async def offers(session: TenantSession) -> Sequence[Any]:
    """What other schools offer, or have offered, to this one."""
    return (await session.execute(text("select * from directory.offers_here()"))).all()


async def answer_to(session: TenantSession, transfer_id: uuid.UUID) -> Any:
    """State, reason and time of an offer of this school; None where there is none."""
    query = text("select * from directory.answer_to_transfer(:transfer)")
    return (await session.execute(query, {"transfer": transfer_id})).one_or_none()


async def answer(session: TenantSession, transfer_id: uuid.UUID, state: OfferState, why: str | None) -> bool:
    """Answer an offer to this school, once. False where it was answered or withdrawn before."""
    query = text("select directory.answer_transfer(:transfer, :state, :why)")
    return bool(await session.scalar(query, {"transfer": transfer_id, "state": state.value, "why": why}))


async def withdraw(session: TenantSession, transfer_id: uuid.UUID) -> bool:
    """Take an offer of this school back. False where it was answered before."""
    query = text("select directory.withdraw_transfer(:transfer)")
    return bool(await session.scalar(query, {"transfer": transfer_id}))


def _this(session: TenantSession, table: Any, row_id: uuid.UUID) -> ColumnElement[bool]:
    found: ColumnElement[bool] = (table.tenant_id == session.tenant_id) & (table.id == row_id)
    return found
