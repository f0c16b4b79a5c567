"""Which certificate fits whom, what may become of it, and how those of a school stand. No I/O."""

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from backend.core.errors import Conflict, Invalid
from backend.core.text import check_text
from backend.remote_signing.credentials.schemas import (
    CertificateState,
    CredentialStatus,
    CredentialView,
    Holder,
    HolderState,
)
from backend.remote_signing.formats.schemas import CertificateFacts
from backend.tenants.delegations.schemas import Delegation
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Role

#: Whose signature stands on documents. A deputy's does for the days of a delegation.
SIGNING_ROLES = frozenset({Role.PRINCIPAL, Role.HOMEROOM_TEACHER})
SEAL_NAME = "Con dấu số của trường"
#: Longest reason, and longest account at a provider, in characters.
MAX_REASON, MAX_ACCOUNT = 500, 120
_WARNINGS = (
    (7, CertificateState.IN_7_DAYS),
    (30, CertificateState.IN_30_DAYS),
    (60, CertificateState.IN_60_DAYS),
)
#: What its holder, and whoever manages certificates, read on their home page.
WARNED = frozenset(CertificateState) - {CertificateState.VALID, CertificateState.MISSING}
#: The tone marks of Vietnamese: grave, acute, tilde, hook above, dot below.
_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")


class Change(StrEnum):
    """What may be done to a certificate that the school has taken over. The machine retires it."""

    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"
    RETIRE = "retire"


#: These sign what was consented to with them.
SIGNING = frozenset({CredentialStatus.ACTIVE, CredentialStatus.RETIRING})
#: From which status each change leads where. Replaced and revoked are ends: neither signs again.
_CHANGES: dict[Change, tuple[frozenset[CredentialStatus], CredentialStatus]] = {
    Change.SUSPEND: (SIGNING, CredentialStatus.SUSPENDED),
    Change.RETIRE: (frozenset({CredentialStatus.RETIRING}), CredentialStatus.REPLACED),
    Change.RESUME: (frozenset({CredentialStatus.SUSPENDED}), CredentialStatus.ACTIVE),
    Change.REVOKE: (frozenset(CredentialStatus) - {CredentialStatus.REVOKED}, CredentialStatus.REVOKED),
}
STATUS_NAMES = {
    CredentialStatus.ACTIVE: "đang dùng",
    CredentialStatus.RETIRING: "đang ký nốt các lô đã xác nhận",
    CredentialStatus.SUSPENDED: "đang tạm dừng",
    CredentialStatus.REPLACED: "đã được thay",
    CredentialStatus.REVOKED: "đã bị thu hồi",
}


def names_fit(in_certificate: str, at_school: str) -> bool:
    """Whether a certificate names this holder: the same words in the same order.

    Capitals, spaces, and on which vowel of a word its tone stands do not matter (HÒA, Hoà); letters and tones do.
    """
    return _spoken(in_certificate) == _spoken(at_school)


def _spoken(name: str) -> list[tuple[str, str]]:
    words = unicodedata.normalize("NFD", name.casefold()).split()
    return [
        ("".join(c for c in word if c not in _TONES), "".join(sorted(c for c in word if c in _TONES)))
        for word in words
    ]


def problems_of(holder: Holder, facts: CertificateFacts, now: datetime, *, usable: bool) -> tuple[str, ...]:
    """Why a certificate cannot sign for the holder, in sentences; none means that what stands in it fits.

    A seal's certificate names the school by its name and its tax code: other schools have the same name. `usable` is
    what the provider says.
    """
    found = []
    if not names_fit(facts.subject_name, holder.name):
        found.append(f"Tên trên chứng thư không phải “{holder.name}”.")
    elif holder.staff_id is None and not (holder.tax_code and holder.tax_code in facts.tax_codes):
        found.append("Chứng thư không ghi mã số thuế của trường; xin xem lại mã số thuế trong hồ sơ trường.")
    if not facts.not_before <= now <= facts.not_after:
        first, last = facts.not_before, facts.not_after
        found.append(f"Chứng thư chỉ có hiệu lực từ {first:%d/%m/%Y} đến {last:%d/%m/%Y}.")
    if not facts.signs:
        found.append("Chứng thư không được cấp để ký văn bản (mục đích sử dụng khóa).")
    if not facts.is_strong:
        found.append("Khóa của chứng thư ngắn hơn mức tối thiểu: RSA 2048 bit hoặc ECDSA 256 bit.")
    if not usable:
        found.append("Nhà cung cấp đang không cho dùng chứng thư này.")
    return tuple(found)


def checked_reason(typed: str) -> str:
    """Why a certificate is suspended, as whoever reads the history understands it. Raises Invalid without a reason."""
    reason = check_text(typed, field="Lý do", person="chứng thư số", limit=MAX_REASON)
    if not reason:
        raise Invalid("Mục “Lý do” đang trống; xin ghi một câu để người khác hiểu vì sao.")
    return reason


def after(credential: CredentialView, change: Change) -> CredentialStatus:
    """The status after a change. Raises Conflict for one that cannot be made any more."""
    allowed, becomes = _CHANGES[change]
    if credential.status not in allowed:
        raise Conflict(
            f"Chứng thư số {credential.serial} của {credential.subject_name} {STATUS_NAMES[credential.status]} "
            "nên không làm được việc vừa chọn; xin tải lại trang."
        )
    return becomes


def require_signing(credential: CredentialView, now: datetime) -> None:
    """Raises Conflict for a certificate that signs nothing at this moment, even what was agreed to before."""
    whose = f"Chứng thư số {credential.serial} của {credential.subject_name}"
    if credential.status not in SIGNING:
        raise Conflict(
            f"{whose} {STATUS_NAMES[credential.status]} nên lô ký dừng lại; các hồ sơ chưa ký quay về khay ký."
        )
    if credential.not_after < now:
        raise Conflict(f"{whose} đã hết hạn nên lô ký dừng lại; các hồ sơ chưa ký quay về khay ký.")


def holders(
    staff: Sequence[Staff],
    credentials: Sequence[CredentialView],
    delegations: Sequence[Delegation],
    now: datetime,
    today: date,
) -> list[HolderState]:
    """One line for the seal and for each signer, what is most urgent first.

    A deputy is a signer who signs in the principal's place now or later. Of all others, whoever has a certificate is one.
    """
    deputies = {one.staff_id for one in delegations if one.last_day >= max(today, one.starts_on)}
    lines = [_line(SEAL_NAME, None, [c for c in credentials if c.staff_id is None], now)]
    for one in staff:
        own = [c for c in credentials if c.staff_id == one.id]
        is_deputy = Role.DEPUTY_PRINCIPAL in one.roles and one.id in deputies
        if one.roles & SIGNING_ROLES or is_deputy or own:
            lines.append(_line(one.full_name, one, own, now))
    order = list(CertificateState)
    return sorted(lines, key=lambda line: -order.index(line.state))


def state_of(credential: CredentialView, now: datetime) -> CertificateState:
    """How one certificate stands at that moment, that was neither replaced nor revoked."""
    if credential.not_after < now:
        return CertificateState.EXPIRED
    if credential.status is not CredentialStatus.ACTIVE:
        return CertificateState.SUSPENDED
    left = (credential.not_after - now).days
    return next((state for days, state in _WARNINGS if left < days), CertificateState.VALID)


def warning(line: HolderState, last_day: date) -> str:
    """What is to be done about a certificate that is in one of `WARNED`, in a sentence."""
    match line.state:
        case CertificateState.EXPIRED:
            return (
                f"{line.holder}: chứng thư số đã hết hạn ngày {last_day:%d/%m/%Y}; hãy đăng ký chứng thư mới."
            )
        case CertificateState.SUSPENDED:
            return f"{line.holder}: chứng thư số đang tạm dừng; hãy dùng lại hoặc đăng ký chứng thư mới."
    return (
        f"{line.holder}: chứng thư số hết hạn ngày {last_day:%d/%m/%Y}, còn {line.days_left} ngày; hãy gia hạn trước "
        "ngày đó."
    )


def _line(holder: str, staff: Staff | None, own: Sequence[CredentialView], now: datetime) -> HolderState:
    order = list(CertificateState)
    living = [c for c in own if c.status in (CredentialStatus.ACTIVE, CredentialStatus.SUSPENDED)]
    best = min(living, key=lambda c: (order.index(state_of(c, now)), -c.not_after.timestamp()), default=None)
    return HolderState(
        holder=holder,
        role_label=staff.role_label if staff else "",
        staff_id=staff.id if staff else None,
        credential=best,
        days_left=(best.not_after - now).days if best else None,
        state=state_of(best, now) if best else CertificateState.MISSING,
    )


def described(facts: CertificateFacts | CredentialView, account: str, provider: str) -> str:
    """A certificate as whoever approves something about it reads it: nothing else can be meant."""
    return (
        f"chứng thư số {facts.serial} của {facts.subject_name}, do {facts.issuer_name} cấp, tài khoản {account} tại "
        f"{provider}, mã băm SHA-256 {facts.fingerprint}"
    )
