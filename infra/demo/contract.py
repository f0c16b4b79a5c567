"""What the demo's schools have agreed with us, and the owner who has them both: something to show to owners."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from backend.core import database
from backend.core.actor import Actor, Browser, machine
from backend.core.database import TenantId, TenantSession
from backend.core.ids import new_id
from backend.tenants.access import service as access
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.subscriptions import service as subscriptions
from backend.tenants.subscriptions.schemas import Invoice, InvoiceId, Plan

#: Seats beyond those that are taken at the start.
SPARE_SEATS: Final = 6
SEAT_PRICE: Final = Decimal(360_000)
CHAIN_LOGIN: Final = "chutich@chuoi.hocba.test"
_CHAIN_OWNER: Final = "Quách Minh Chuỗi"
#: From where the demo itself signs in.
_BROWSER: Final = Browser(host="127.0.0.1", network="127.0.0.0/24")


async def agree(session: TenantSession, operator: Actor, key: str) -> None:
    """A plan with a few seats more than people, last year's invoice paid and this year's open."""
    taken = (await people.hold_seats(session)).taken
    await subscriptions.change(session, operator, Plan.STANDARD, taken + SPARE_SEATS, SEAT_PRICE, taken)
    for year, paid_on in ((2025, date(2025, 9, 12)), (2026, None)):
        await subscriptions.add_invoice(session, _invoice(key, year, taken + SPARE_SEATS, paid_on))


async def own_all(tenant_ids: Sequence[TenantId], password: str) -> None:
    """One account that owns every school, and works in one at a time. What is there already stays."""
    for tenant_id in tenant_ids:
        async with database.tenant_session(tenant_id) as session:
            if any(staff.email == CHAIN_LOGIN for staff in await people.list_staff(session)):
                continue
            staff_id = await people.add_staff(
                session, machine(tenant_id), _CHAIN_OWNER, CHAIN_LOGIN, "Chủ tịch chuỗi trường", [Role.OWNER]
            )
            if tenant_id == tenant_ids[0]:
                await access.create_account(session, staff_id, CHAIN_LOGIN, password)
            else:
                await access.join(session, await access.prove(CHAIN_LOGIN, password, _BROWSER), staff_id)


def _invoice(key: str, year: int, seats: int, paid_on: date | None) -> Invoice:
    return Invoice(
        id=InvoiceId(new_id()),
        number=f"{key.upper()}-{year}",
        issued_on=date(year, 9, 1),
        due_on=date(year, 9, 30),
        period_from=date(year, 9, 1),
        period_to=date(year + 1, 8, 31),
        seats=seats,
        seat_price=SEAT_PRICE,
        vat_percent=8,
        paid_on=paid_on,
    )
