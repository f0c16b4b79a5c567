"""All SQL of deliveries."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.core.database import TenantSession
from backend.integrations.deliveries.models import Delivery, DeliveryAttempt


async def open_delivery(session: TenantSession, values: dict[str, Any]) -> uuid.UUID | None:
    """Add a delivery; None when this version has one to this Authority already."""
    return await session.scalar(
        upsert(Delivery).values(values).on_conflict_do_nothing().returning(Delivery.id)
    )


async def delivery(session: TenantSession, delivery_id: uuid.UUID, *, hold: bool = False) -> Delivery | None:
    query = select(Delivery).where(Delivery.tenant_id == session.tenant_id, Delivery.id == delivery_id)
    return await session.scalar(query.with_for_update() if hold else query)


async def update_delivery(session: TenantSession, delivery_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(Delivery)
        .where(Delivery.tenant_id == session.tenant_id, Delivery.id == delivery_id)
        .values(values)
    )


async def begin_attempt(session: TenantSession, values: dict[str, Any]) -> int:
    """Add the next attempt of a delivery; its number."""
    last = await session.scalar(
        select(func.max(DeliveryAttempt.number)).where(
            DeliveryAttempt.tenant_id == session.tenant_id,
            DeliveryAttempt.delivery_id == values["delivery_id"],
        )
    )
    number = (last or 0) + 1
    await session.execute(insert(DeliveryAttempt).values(values | {"number": number}))
    return number


async def first_attempt_at(session: TenantSession, delivery_id: uuid.UUID) -> datetime | None:
    """When a delivery was first tried."""
    return await session.scalar(
        select(func.min(DeliveryAttempt.started_at)).where(
            DeliveryAttempt.tenant_id == session.tenant_id, DeliveryAttempt.delivery_id == delivery_id
        )
    )


async def end_attempt(session: TenantSession, attempt_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(DeliveryAttempt)
        .where(DeliveryAttempt.tenant_id == session.tenant_id, DeliveryAttempt.id == attempt_id)
        .values(values)
    )


async def attempts_of(session: TenantSession, delivery_id: uuid.UUID) -> Sequence[DeliveryAttempt]:
    found = await session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.tenant_id == session.tenant_id, DeliveryAttempt.delivery_id == delivery_id)
        .order_by(DeliveryAttempt.number)
    )
    return found.all()


async def counts(session: TenantSession) -> Sequence[Any]:
    """Number of deliveries per state."""
    query = (
        select(Delivery.state, func.count().label("number"))
        .where(Delivery.tenant_id == session.tenant_id)
        .group_by(Delivery.state)
    )
    return (await session.execute(query)).all()


async def list_deliveries(
    session: TenantSession, state: str | None, limit: int, offset: int
) -> Sequence[Delivery]:
    query = select(Delivery).where(Delivery.tenant_id == session.tenant_id)
    if state:
        query = query.where(Delivery.state == state)
    found = await session.scalars(
        query.order_by(Delivery.queued_at.desc(), Delivery.id).limit(limit).offset(offset)
    )
    return found.all()


async def of_version(session: TenantSession, version_id: uuid.UUID) -> Sequence[Delivery]:
    found = await session.scalars(
        select(Delivery).where(Delivery.tenant_id == session.tenant_id, Delivery.version_id == version_id)
    )
    return found.all()
