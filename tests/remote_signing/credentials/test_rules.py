"""Which certificate fits whom, what may become of it, and how those of a school stand."""

import unicodedata
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from backend.core.actor import StaffId
from backend.core.errors import Conflict
from backend.remote_signing.credentials import rules
from backend.remote_signing.credentials.rules import Change
from backend.remote_signing.credentials.schemas import (
    CertificateState,
    CredentialId,
    CredentialStatus,
    CredentialView,
    Holder,
    Purpose,
)
from backend.remote_signing.formats.schemas import CertificateFacts
from backend.tenants.delegations.schemas import Delegation, DelegationId
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Role

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
        provider_name="Dịch vụ ký số thử nghiệm",
        account="a",
        reference="r",
        subject_name="s",
        issuer_name="i",
        serial="1",
        certificate=b"",
        chain=(),
        not_before=NOW - timedelta(days=300),
        not_after=NOW + timedelta(days=days),
        status=status,
        fingerprint="",
        revision=0,
        enrolled_at=NOW,
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
    found = rules.holders([principal, teacher, it], held, [], NOW, NOW.date())
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
    found = rules.holders([deputy], [seal], made, NOW, NOW.date())
    assert [one.state.value for one in found if one.staff_id] == expected
    found = rules.holders([deputy], [seal, certificate(deputy.id, 3)], made, NOW, NOW.date())
    assert [one.state.value for one in found if one.staff_id] == ["in_7_days"]


def test_what_was_replaced_or_revoked_counts_for_nobody() -> None:
    ended = [
        certificate(None, 400, CredentialStatus.REPLACED),
        certificate(None, 400, CredentialStatus.REVOKED),
    ]
    [seal] = rules.holders([], ended, [], NOW, NOW.date())
    assert seal.state is CertificateState.MISSING


@pytest.mark.parametrize(
    ("in_certificate", "fits"),
    [
        ("Nguyễn Thị Hòa", True),
        ("NGUYỄN THỊ HOÀ", True),
        ("  Nguyễn  Thị Hòa ", True),
        (unicodedata.normalize("NFD", "Nguyễn Thị Hòa"), True),
        ("Nguyễn Thị Hoa", False),
        ("Nguyễn Thị Hóa", False),
        ("Nguyen Thi Hoa", False),
        ("Thị Hòa Nguyễn", False),
        ("Nguyễn Thị Hòa Bình", False),
        ("Nguyễn Thị", False),
        ("", False),
    ],
)
def test_a_name_fits_by_its_letters_and_tones(in_certificate: str, fits: bool) -> None:
    assert rules.names_fit(in_certificate, "Nguyễn Thị Hòa") is fits


def facts(**others: Any) -> CertificateFacts:
    """A certificate that fits the school below."""
    fitting = CertificateFacts(
        subject_name="TRƯỜNG HOA BAN",
        tax_codes=("0100000000",),
        issuer_name="CA",
        serial="1",
        not_before=NOW - timedelta(days=1),
        not_after=NOW + timedelta(days=1),
        fingerprint="",
        signs=True,
        is_strong=True,
    )
    return msgspec.structs.replace(fitting, **others)


@pytest.mark.parametrize(
    ("changed", "usable", "told"),
    [
        ({}, True, ""),
        ({"subject_name": "Trường Hoa Sen"}, True, "không phải “Trường Hoa Ban”"),
        ({"tax_codes": ()}, True, "mã số thuế"),
        ({"tax_codes": ("0199999999",)}, True, "mã số thuế"),
        ({"not_after": NOW - timedelta(seconds=1)}, True, "chỉ có hiệu lực"),
        ({"not_before": NOW + timedelta(seconds=1)}, True, "chỉ có hiệu lực"),
        ({"signs": False}, True, "mục đích sử dụng khóa"),
        ({"is_strong": False}, True, "ngắn hơn mức tối thiểu"),
        ({}, False, "Nhà cung cấp đang không cho dùng"),
    ],
)
def test_what_speaks_against_a_seal(changed: dict[str, Any], usable: bool, told: str) -> None:
    school = Holder(staff_id=None, name="Trường Hoa Ban", tax_code="0100000000")
    found = rules.problems_of(school, facts(**changed), NOW, usable=usable)
    assert len(found) == bool(told)
    assert told in " ".join(found)


def test_a_school_without_a_tax_code_has_no_seal_and_a_person_needs_none() -> None:
    nameless = Holder(staff_id=None, name="Trường Hoa Ban")
    assert rules.problems_of(nameless, facts(tax_codes=()), NOW, usable=True)
    assert rules.problems_of(nameless, facts(tax_codes=("",)), NOW, usable=True)
    person_ = Holder(staff_id=StaffId(uuid.uuid4()), name="Trường Hoa Ban")
    assert rules.problems_of(person_, facts(tax_codes=()), NOW, usable=True) == ()


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (CredentialStatus.ACTIVE, {Change.SUSPEND, Change.REVOKE}),
        (CredentialStatus.RETIRING, {Change.SUSPEND, Change.RETIRE, Change.REVOKE}),
        (CredentialStatus.SUSPENDED, {Change.RESUME, Change.REVOKE}),
        (CredentialStatus.REPLACED, {Change.REVOKE}),
        (CredentialStatus.REVOKED, set()),
    ],
)
def test_what_may_become_of_one(status: CredentialStatus, allowed: set[Change]) -> None:
    for change in Change:
        one = certificate(None, 9, status)
        if change in allowed:
            assert rules.after(one, change) is not status
        else:
            with pytest.raises(Conflict, match=rules.STATUS_NAMES[status]):
                rules.after(one, change)


@pytest.mark.parametrize(
    ("status", "days", "stops"),
    [
        (CredentialStatus.ACTIVE, 1, False),
        (CredentialStatus.RETIRING, 1, False),
        (CredentialStatus.RETIRING, -1, True),
        (CredentialStatus.REPLACED, 1, True),
        (CredentialStatus.SUSPENDED, 1, True),
        (CredentialStatus.REVOKED, 1, True),
        (CredentialStatus.ACTIVE, -1, True),
    ],
)
def test_what_was_agreed_to_before_goes_on_or_stops(status: CredentialStatus, days: int, stops: bool) -> None:
    with pytest.raises(Conflict, match="khay ký") if stops else nullcontext():
        rules.require_signing(certificate(None, days, status), NOW)
