"""The plan of a school and its seats."""

import uuid
from decimal import Decimal

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.tenants.subscriptions import queries, rules
from backend.tenants.subscriptions.schemas import PLAN_NAMES, TRIAL_SEATS, Invoice, Plan, Subscription


async def get(session: TenantSession) -> Subscription:
    """What the school has agreed; a school that has agreed nothing yet is on trial."""
    return await queries.find(session) or _trial()


async def hold(session: TenantSession) -> Subscription:
    """The same, and nobody else takes a seat, frees one or changes their number until this transaction ends."""
    await session.hold("seats")
    return await get(session)


async def change(
    session: TenantSession, actor: Actor, plan: Plan, seats: int, seat_price: Decimal, taken: int
) -> None:
    """Agree on another plan, price (đồng per seat and year) or number of seats; `taken` is counted after `hold`.

    Raises Invalid for a number out of range, Conflict for one below `taken`.
    """
    rules.check_seats(seats, taken)
    old = await hold(session)
    new = Subscription(plan=plan, seats=seats, seat_price=seat_price, since=clock.today())
    await queries.save(session, new)
    await audit.record(
        session,
        actor,
        Action.SEATS_CHANGED,
        None,
        f"Gói {PLAN_NAMES[plan]}, {seats} chỗ",
        old_plan=old.plan,
        old_seats=old.seats,
        old_price=f"{old.seat_price:f}",
        new_plan=plan,
        new_seats=seats,
        new_price=f"{seat_price:f}",
    )


async def add_invoice(session: TenantSession, invoice: Invoice) -> None:
    """Take an invoice over from whoever writes them; the school sees it from now on."""
    await queries.insert_invoice(session, invoice)


async def list_invoices(session: TenantSession) -> list[Invoice]:
    """All invoices of the school, the newest first."""
    return await queries.invoices(session)


async def get_invoice(session: TenantSession, invoice_id: uuid.UUID) -> Invoice:
    """One invoice. Raises NotFound."""
    found = [one for one in await queries.invoices(session) if one.id == invoice_id]
    if not found:
        raise NotFound("Không tìm thấy hóa đơn này.")
    return found[0]


def _trial() -> Subscription:
    return Subscription(plan=Plan.TRIAL, seats=TRIAL_SEATS, seat_price=Decimal(0), since=clock.today())
