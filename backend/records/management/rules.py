"""How the certificates of a school stand."""

from collections.abc import Sequence
from datetime import date, datetime

from backend.core.errors import Invalid
from backend.records.management.schemas import Certificate, CertificateState
from backend.remote_signing.credentials.schemas import CredentialStatus, CredentialView
from backend.tenants.delegations.schemas import Delegation
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Role

#: Whose signature stands on a transcript. A deputy's does for the days of a delegation.
SIGNING_ROLES = frozenset({Role.PRINCIPAL, Role.HOMEROOM_TEACHER})
_WARNINGS = (
    (7, CertificateState.IN_7_DAYS),
    (30, CertificateState.IN_30_DAYS),
    (60, CertificateState.IN_60_DAYS),
)


def certificates(
    staff: Sequence[Staff],
    credentials: Sequence[CredentialView],
    delegations: Sequence[Delegation],
    now: datetime,
    today: date,
) -> list[Certificate]:
    """One line for the seal and for each signer, what is most urgent first.

    A deputy is a signer who signs in the principal's place now or later, or has a certificate.
    """
    deputies = {one.staff_id for one in delegations if one.last_day >= max(today, one.starts_on)}
    lines = [_line("Con dấu số của trường", "", "", [c for c in credentials if c.staff_id is None], now)]
    for one in staff:
        own = [c for c in credentials if c.staff_id == one.id]
        is_deputy = Role.DEPUTY_PRINCIPAL in one.roles and (one.id in deputies or own)
        if one.roles & SIGNING_ROLES or is_deputy:
            lines.append(_line(one.full_name, one.role_label, str(one.id), own, now))
    order = list(CertificateState)
    return sorted(lines, key=lambda line: -order.index(line.state))


def whole_number(typed: str, field: str) -> int:
    """A number as people type it. Raises Invalid that names the field."""
    digits = typed.strip().replace(".", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 6):
        raise Invalid(f"{field} phải là một số nguyên; xin nhập lại (đang nhập “{typed[:20]}”).")
    return int(digits)


def state_of(credential: CredentialView, now: datetime) -> CertificateState:
    """How one certificate stands at that moment."""
    if credential.not_after < now:
        return CertificateState.EXPIRED
    if credential.status is not CredentialStatus.ACTIVE:
        return CertificateState.SUSPENDED
    left = (credential.not_after - now).days
    return next((state for days, state in _WARNINGS if left < days), CertificateState.VALID)


def _line(
    holder: str, role_label: str, staff_id: str, own: Sequence[CredentialView], now: datetime
) -> Certificate:
    order = list(CertificateState)
    best = min(own, key=lambda c: (order.index(state_of(c, now)), -c.not_after.timestamp()), default=None)
    return Certificate(
        holder=holder,
        role_label=role_label,
        staff_id=staff_id,
        valid_until=best.not_after.date() if best else None,
        days_left=(best.not_after - now).days if best else None,
        state=state_of(best, now) if best else CertificateState.MISSING,
    )
