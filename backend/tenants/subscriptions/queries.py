"""SQL of subscriptions."""

import msgspec
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession
from backend.tenants.subscriptions.models import SubscriptionRow
from backend.tenants.subscriptions.schemas import Plan, Subscription


async def find(session: TenantSession, *, lock: bool = False) -> Subscription | None:
    """The school's subscription; with `lock` nobody else reads it so until this transaction ends."""
    query = select(SubscriptionRow).where(SubscriptionRow.tenant_id == session.tenant_id)
    row = await session.scalar(
        query.with_for_update().execution_options(populate_existing=True) if lock else query
    )
    if row is None:
        return None
    return Subscription(plan=Plan(row.plan), seats=row.seats, seat_price=row.seat_price, since=row.since)


async def add(session: TenantSession, subscription: Subscription) -> None:
    """Write the first subscription of a school; nothing happens when it has one."""
    values = {"tenant_id": session.tenant_id, **msgspec.structs.asdict(subscription)}
    await session.execute(insert(SubscriptionRow).values(values).on_conflict_do_nothing())


async def change(session: TenantSession, subscription: Subscription) -> None:
    """Replace the school's subscription."""
    mine = SubscriptionRow.tenant_id == session.tenant_id
    values = msgspec.structs.asdict(subscription)
    await session.execute(update(SubscriptionRow).where(mine).values(values))
