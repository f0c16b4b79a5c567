"""SQL of subscriptions."""

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession
from backend.tenants.subscriptions.models import InvoiceRow, SubscriptionRow
from backend.tenants.subscriptions.schemas import Invoice, Plan, Subscription


async def find(session: TenantSession) -> Subscription | None:
    """The school's subscription."""
    query = select(SubscriptionRow).where(SubscriptionRow.tenant_id == session.tenant_id)
    row = await session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        return None
    return Subscription(plan=Plan(row.plan), seats=row.seats, seat_price=row.seat_price, since=row.since)


async def save(session: TenantSession, subscription: Subscription) -> None:
    """Write the school's subscription in place of the one that it has."""
    values = msgspec.structs.asdict(subscription)
    query = insert(SubscriptionRow).values(tenant_id=session.tenant_id, **values)
    await session.execute(query.on_conflict_do_update(index_elements=["tenant_id"], set_=values))


async def insert_invoice(session: TenantSession, invoice: Invoice) -> None:
    """Add one."""
    values = msgspec.structs.asdict(invoice)
    await session.execute(insert(InvoiceRow).values(tenant_id=session.tenant_id, **values))


async def invoices(session: TenantSession) -> list[Invoice]:
    """All, the newest first."""
    query = (
        select(InvoiceRow)
        .where(InvoiceRow.tenant_id == session.tenant_id)
        .order_by(InvoiceRow.issued_on.desc(), InvoiceRow.number.desc())
    )
    names = Invoice.__struct_fields__
    return [Invoice(**{name: getattr(row, name) for name in names}) for row in await session.scalars(query)]
