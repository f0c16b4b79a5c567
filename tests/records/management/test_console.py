"""The owner's page: certificates at a glance, invoices as data."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from litestar import Litestar

from backend.core.actor import StaffId
from backend.core.database import tenant_session
from backend.core.ids import new_id
from backend.records.management import rules
from backend.records.management.schemas import CertificateState
from backend.remote_signing.credentials.schemas import (
    CredentialId,
    CredentialStatus,
    CredentialView,
    Purpose,
)
from backend.tenants.delegations.schemas import Delegation, DelegationId
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Role
from backend.tenants.subscriptions import service as subscriptions
from backend.tenants.subscriptions.schemas import Invoice, InvoiceId
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in

NOW = datetime(2026, 5, 20, tzinfo=UTC)


def person(role: Role) -> Staff:
    """Somebody in that role."""
    return Staff(
        id=StaffId(uuid.uuid4()),
        full_name=f"Cô {role}",
        email="a@b.example",
        title="",
        roles=frozenset({role}),
        joined_at=NOW,
    )


def certificate(
    owner: StaffId | None, days: float, status: CredentialStatus = CredentialStatus.ACTIVE
) -> CredentialView:
    """A certificate that ends in so many days."""
    return CredentialView(
        id=CredentialId(uuid.uuid4()),
        purpose=Purpose.SIGNATURE if owner else Purpose.SEAL,
        staff_id=owner,
        provider="sandbox",
        account="a",
        reference="r",
        subject_name="s",
        serial="1",
        certificate=b"",
        chain=(),
        not_before=NOW - timedelta(days=300),
        not_after=NOW + timedelta(days=days),
        status=status,
    )


@pytest.mark.parametrize(
    ("days", "status", "state"),
    [
        (61, CredentialStatus.ACTIVE, CertificateState.VALID),
        (60, CredentialStatus.ACTIVE, CertificateState.VALID),
        (59.9, CredentialStatus.ACTIVE, CertificateState.IN_60_DAYS),
        (29.9, CredentialStatus.ACTIVE, CertificateState.IN_30_DAYS),
        (6.9, CredentialStatus.ACTIVE, CertificateState.IN_7_DAYS),
        (0.1, CredentialStatus.ACTIVE, CertificateState.IN_7_DAYS),
        (-0.1, CredentialStatus.ACTIVE, CertificateState.EXPIRED),
        (200, CredentialStatus.SUSPENDED, CertificateState.SUSPENDED),
    ],
)
def test_how_a_certificate_stands(days: float, status: CredentialStatus, state: CertificateState) -> None:
    assert rules.state_of(certificate(None, days, status), NOW) is state


def test_the_most_urgent_comes_first_and_the_best_counts() -> None:
    principal, teacher, it = person(Role.PRINCIPAL), person(Role.HOMEROOM_TEACHER), person(Role.IT_TEACHER)
    held = [certificate(principal.id, -3), certificate(principal.id, 400), certificate(None, 20)]
    found = rules.certificates([principal, teacher, it], held, [], NOW, NOW.date())
    assert [(one.holder, one.state.value) for one in found] == [
        ("Cô homeroom_teacher", "missing"),
        ("Con dấu số của trường", "in_30_days"),
        ("Cô principal", "valid"),
    ]


def delegation(deputy: Staff, first: int, last: int, ended: int | None = None) -> Delegation:
    """The deputy signs from the first to the last day, counted from NOW; unless it was ended on a day."""
    days = [NOW.date() + timedelta(days=one) for one in (first, last, ended or 0)]
    return Delegation(
        id=DelegationId(uuid.uuid4()),
        staff_id=deputy.id,
        name=deputy.full_name,
        title="",
        starts_on=days[0],
        ends_on=days[1],
        ended_on=days[2] if ended is not None else None,
        decision_number="15/QĐ",
    )


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (None, []),
        ((-9, -1), []),
        ((-9, 9, 0), []),
        ((3, 9, 1), []),
        ((-9, 0), ["missing"]),
        ((3, 9), ["missing"]),
    ],
)
def test_a_deputy_signs_on_the_days_of_a_delegation(
    days: tuple[int, ...] | None, expected: list[str]
) -> None:
    """Without one nobody misses their certificate; with a certificate it is shown how it stands."""
    deputy = person(Role.DEPUTY_PRINCIPAL)
    made = [delegation(deputy, *days)] if days else []
    seal = certificate(None, 400)
    found = rules.certificates([deputy], [seal], made, NOW, NOW.date())
    assert [one.state.value for one in found if one.staff_id] == expected
    found = rules.certificates([deputy], [seal, certificate(deputy.id, 3)], made, NOW, NOW.date())
    assert [one.state.value for one in found if one.staff_id] == ["in_7_days"]


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
    assert "3 chứng thư số cần lo" in shown
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
