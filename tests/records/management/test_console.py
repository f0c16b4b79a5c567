"""The owner's page: certificates at a glance, invoices as data."""

import uuid
from datetime import date
from decimal import Decimal

import pytest
from litestar import Litestar

from backend.core.actor import StaffId
from backend.core.database import tenant_session
from backend.core.ids import new_id
from backend.records.departments.schemas import DepartmentId, DepartmentView
from backend.records.management import rules
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


def test_coverage_counts_each_person_once_and_adds_up() -> None:
    """Who has left is in no line, whatever department still lists them."""
    staff = [StaffId(uuid.uuid4()) for _ in range(6)]
    gone = StaffId(uuid.uuid4())
    maths, empty = (
        DepartmentView(id=DepartmentId(uuid.uuid4()), name=name, head_id=None, head=None, members=members)
        for name, members in (("Tổ Toán", (*staff[:3], gone)), ("Tổ cũ", (gone,)))
    )
    found = rules.coverage([maths, empty], staff, {staff[0], staff[4], gone})
    assert [(one.name, one.total, one.having, one.lacking) for one in (*found.lines, found.total)] == [
        ("Tổ Toán", 3, 1, 2),
        ("Chưa thuộc tổ nào", 3, 1, 2),
        ("Toàn trường", 6, 2, 4),
    ]
    assert found.total.percent == pytest.approx(100 / 3)
    assert rules.coverage([], [], []).total.percent is None
