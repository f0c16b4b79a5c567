"""The owner's page: certificates at a glance, invoices as data."""

import uuid
from datetime import date
from decimal import Decimal

from litestar import Litestar

from backend.core.database import tenant_session
from backend.core.ids import new_id
from backend.tenants.permissions import Role
from backend.tenants.subscriptions import service as subscriptions
from backend.tenants.subscriptions.schemas import Invoice, InvoiceId
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in


async def test_the_owners_page(site: Litestar) -> None:
    place = await open_test_school("Trường Của Chủ Trường")
    invoice = Invoice(
        id=InvoiceId(new_id()),
        number="HB-2026-0001",
        issued_on=date(2026, 6, 1),
        due_on=date(2026, 6, 30),
        period_from=date(2026, 7, 1),
        period_to=date(2027, 6, 30),
        seats=33,
        seat_price=Decimal(360_000),
        vat_percent=8,
        paid_on=None,
    )
    assert (invoice.net, invoice.vat, invoice.total) == (
        Decimal(11_880_000),
        Decimal(950_400),
        Decimal(12_830_400),
    )
    async with tenant_session(place.tenant_id) as session:
        await subscriptions.add_invoice(session, invoice)
    owner = await signed_in(site, place, Role.OWNER)
    shown = (await owner.get("/chu-truong")).text
    assert "3 chứng thư số cần xử lý" in shown
    assert "Độ phủ chứng thư số cá nhân" in shown
    assert "HB-2026-0001" in shown
    assert "12.830.400" in shown
    assert "360.000 đồng" in (await owner.get(f"/chu-truong/hoa-don/{invoice.id}")).text
    assert "12.830.400" in (await owner.get(f"/chu-truong/hoa-don/{invoice.id}")).text
    table = await owner.get("/chu-truong/hoa-don.csv")
    assert table.content.startswith("\ufeffSố hóa đơn;".encode())
    assert "HB-2026-0001;01/06/2026;30/06/2026;01/07/2026;30/06/2027;33;360000;11880000;950400;12830400;" in (
        table.text
    )
    clerk = await signed_in(site, place, Role.CLERK)
    for path in ("/chu-truong", f"/chu-truong/hoa-don/{invoice.id}", "/chu-truong/hoa-don.csv"):
        assert (await clerk.get(path)).status_code == 403


async def test_invoices_of_another_school_are_not_there(site: Litestar, school: TestSchool) -> None:
    owner = await signed_in(site, school, Role.OWNER)
    assert (await owner.get(f"/chu-truong/hoa-don/{uuid.uuid4()}")).status_code == 404
