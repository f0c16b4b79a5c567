"""Certificates: taken over from a provider's account, held by a person or as the school's seal, and what becomes of them.

What concerns one person is done by whoever manages certificates; the seal, and every revocation, by two people
(`decisions`). Suspending makes nothing happen, so one person is enough for it, and signers may do it for themselves.
"""

import uuid
from collections.abc import Sequence

from backend.core import audit, clock, jobs, outbox, rate_limit
from backend.core.actor import Actor, StaffId, machine
from backend.core.audit import Action, Outcome
from backend.core.audit_words import name_of
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.credentials import inspection, queries, revocation, rules
from backend.remote_signing.credentials.events import CertificateReplaced
from backend.remote_signing.credentials.models import Credential
from backend.remote_signing.credentials.rules import Change
from backend.remote_signing.credentials.schemas import (
    Candidate,
    CredentialFile,
    CredentialId,
    CredentialStatus,
    CredentialView,
    HistoryLine,
    Holder,
    HolderFile,
    HolderState,
    Minutes,
    Purpose,
)
from backend.remote_signing.formats import csr
from backend.remote_signing.formats.trust import Material
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import RemoteCredential
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import ApprovalRequest, Kind
from backend.tenants.delegations import service as delegations
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission, permissions_of
from backend.tenants.schools import service as schools

#: A school asks providers about so many accounts: whoever guesses accounts does not get far.
LOOKS = rate_limit.Limit(name="certificate-look", burst=20, per_seconds=600)
#: Name of the task that asks an authority about one certificate (tasks.py).
CHECK = "signing.check_certificate"
KINDS = (Kind.SEAL_CERTIFICATE, Kind.SEAL_RESUMING, Kind.CERTIFICATE_REVOCATION)
_ACTIONS = {
    CredentialStatus.ACTIVE: Action.CREDENTIAL_RESUMED,
    CredentialStatus.SUSPENDED: Action.CREDENTIAL_SUSPENDED,
    CredentialStatus.RETIRING: Action.CREDENTIAL_REPLACED,
    CredentialStatus.REPLACED: Action.CREDENTIAL_RETIRED,
    CredentialStatus.REVOKED: Action.CREDENTIAL_REVOKED,
}
_NOT_YOURS = "Bạn chỉ xem được chứng thư số của chính mình."
_CHANGED = "Chứng thư số này vừa được người khác thay đổi; xin tải lại trang rồi xem lại."


def providers() -> dict[str, str]:
    """Name → what people call it, of every provider at which a certificate may lie. Raises SettingsError."""
    return gateway.names()


async def overview(session: TenantSession) -> list[HolderState]:
    """The seal and everybody who signs: how their certificates stand, what is most urgent first."""
    return await _holders(session, await list_credentials(session))


async def _holders(session: TenantSession, credentials: Sequence[CredentialView]) -> list[HolderState]:
    return rules.holders(
        await people.list_staff(session),
        credentials,
        await delegations.list_delegations(session),
        clock.now(),
        clock.today(),
    )


async def overview_for(session: TenantSession, actor: Actor) -> list[HolderState]:
    """The part of the overview that this person may open: all of it, or their own and the seal that they keep."""
    return [one for one in await overview(session) if may_see(actor, one.staff_id)]


async def file_of(session: TenantSession, actor: Actor, staff_id: StaffId | None) -> HolderFile:
    """Everything about the certificates of a person, or of the seal (None). Raises NotFound, Forbidden."""
    if not may_see(actor, staff_id):
        raise Forbidden(_NOT_YOURS)
    return HolderFile(
        holder=await holder_of(session, staff_id),
        credentials=tuple(_view(row) for row in await queries.credentials_of(session, staff_id)),
        waiting=await _waiting(session, staff_id),
    )


async def credential_file(session: TenantSession, actor: Actor, credential_id: uuid.UUID) -> CredentialFile:
    """Everything about one certificate. Raises NotFound, Forbidden."""
    credential = await get(session, credential_id)
    if not may_see(actor, credential.staff_id):
        raise Forbidden(_NOT_YOURS)
    events = await audit.history(session, [credential.id])
    return CredentialFile(
        holder=await holder_of(session, credential.staff_id),
        credential=credential,
        history=tuple(
            HistoryLine(
                at=one.at,
                what=name_of(one.action),
                by=one.actor_name,
                reason=one.details.get("reason") or "",
            )
            for one in events
        ),
        waiting=tuple(
            one
            for one in await _waiting(session, credential.staff_id)
            if one.facts.get("credential") == str(credential.id)
        ),
    )


async def minutes(session: TenantSession, actor: Actor, credential_id: uuid.UUID) -> Minutes:
    """Who decided what about a certificate, and when. Raises NotFound, Forbidden."""
    shown = await credential_file(session, actor, credential_id)
    return Minutes(
        holder=shown.holder,
        credential=shown.credential,
        key_sha256=sha256_hex(csr.key_in(shown.credential.certificate)),
        approvals=tuple(await approvals.approved_about(session, "sha256", shown.credential.fingerprint)),
        history=shown.history[::-1],
    )


async def holder_of(session: TenantSession, staff_id: StaffId | None) -> Holder:
    """Who a certificate must name. Raises NotFound."""
    if staff_id is not None:
        return Holder(staff_id=staff_id, name=(await people.get_staff(session, staff_id)).full_name)
    school = await schools.get_school(session)
    return Holder(staff_id=None, name=school.name, tax_code=school.tax_code)


async def fit_for_seal(session: TenantSession, found: RemoteCredential) -> Candidate:
    """A certificate that did not come out of a provider's list, if it may be the seal. Raises Conflict with what speaks
    against it."""
    holder = await holder_of(session, None)
    candidate = await inspection.examined(found, holder, asks=True)
    if candidate.problems:
        raise Conflict(f"Không dùng được chứng thư này làm con dấu: {' '.join(candidate.problems)}")
    return candidate


async def look_up(session: TenantSession, actor: Actor, staff_id: StaffId | None, account: str) -> Holder:
    """Somebody asks a provider what it has for an account, which is recorded; returns who it must be.

    Raises NotFound, Conflict for a person who does not sign or an account that is none, TooManyTries.
    """
    holder = await holder_of(session, staff_id)
    if staff_id is not None:
        await _require_signer(session, staff_id)
    if not 0 < len(account) <= rules.MAX_ACCOUNT:
        raise Conflict(f"Tài khoản tại nhà cung cấp phải có từ 1 đến {rules.MAX_ACCOUNT} ký tự.")
    await rate_limit.take(LOOKS, str(session.tenant_id))
    await audit.record(session, actor, Action.CREDENTIAL_SOUGHT, staff_id, holder.name, account=account)
    return holder


async def refuse(session: TenantSession, actor: Actor, holder: Holder, why: str) -> None:
    """Record that a certificate was not taken over."""
    await audit.record(
        session,
        actor,
        Action.CREDENTIAL_ENROLLED,
        holder.staff_id,
        holder.name,
        outcome=Outcome.REFUSED,
        reason=why,
    )


async def enrol(
    session: TenantSession,
    actor: Actor,
    found: RemoteCredential,
    *,
    provider: str,
    account: str,
    staff_id: StaffId | None,
) -> CredentialId:
    """Take over a certificate that was found fit (`inspection.chosen`), for a person or as the seal (`staff_id` None).

    It signs from now on in place of the holder's active one, which finishes what was consented to with it and then
    retires (`retire`); a suspended one stays suspended. Raises Conflict for one that was taken over before: what was
    replaced or revoked does not come back.
    """
    await session.hold("credentials")
    facts, credential_id = inspection.read(found.certificate), CredentialId(new_id())
    known = await queries.by_fingerprint(session, facts.fingerprint)
    if known is not None:
        raise Conflict(
            f"Chứng thư số {facts.serial} đã được đăng ký ở trường cho {known.subject_name} và "
            f"{rules.STATUS_NAMES[CredentialStatus(known.status)]} nên không đăng ký lại được."
        )
    earlier = await queries.active(session, staff_id)
    if earlier is not None:
        await _write(session, actor, _view(earlier), CredentialStatus.RETIRING)
        await outbox.emit_all(session, [CertificateReplaced(earlier.id)])
    values = {
        "id": credential_id,
        "purpose": Purpose.SIGNATURE if staff_id else Purpose.SEAL,
        "staff_id": staff_id,
        "provider": provider,
        "account": account,
        "reference": found.credential_id,
        "subject_name": facts.subject_name,
        "issuer_name": facts.issuer_name,
        "serial": facts.serial,
        "certificate": found.certificate,
        "chain": list(found.chain),
        "fingerprint": facts.fingerprint,
        "not_before": facts.not_before,
        "not_after": facts.not_after,
        "status": CredentialStatus.ACTIVE,
        "enrolled_at": clock.now(),
        "revision": 0,
    }
    await queries.insert_credential(session, values)
    await audit.record(
        session,
        actor,
        Action.CREDENTIAL_ENROLLED,
        credential_id,
        facts.subject_name,
        about=[staff_id] if staff_id else (),
        serial=facts.serial,
        account=account,
        certificate_sha256=facts.fingerprint,
    )
    return credential_id


async def seal_held_again(
    session: TenantSession, actor: Actor, fingerprint: str, provider: str
) -> CredentialId | None:
    """The seal with exactly this certificate at this provider, whose key is held by other hands now: it seals (again).

    None for a certificate that the school has not as its seal there, and for one that was replaced or revoked. Raises
    Conflict while another seal seals.
    """
    await session.hold("credentials")
    known = await queries.by_fingerprint(session, fingerprint)
    if known is None or known.staff_id is not None or known.provider != provider:
        return None
    credential = _view(known)
    if credential.status is CredentialStatus.SUSPENDED:
        await change(session, actor, credential, credential.revision, Change.RESUME)
    elif credential.status is not CredentialStatus.ACTIVE:
        return None
    return credential.id


async def suspend(
    session: TenantSession, actor: Actor, credential_id: uuid.UUID, revision: int, reason: str
) -> CredentialView:
    """Nothing is signed with a certificate until it is resumed; what waits with it comes back to the tray.

    Raises NotFound, Forbidden for another person's, Invalid without a reason, Conflict when it changed meanwhile.
    """
    await session.hold("credentials")
    credential = await get(session, credential_id)
    if not may_suspend(actor, credential):
        raise Forbidden("Bạn chỉ tạm dừng được chứng thư số của chính mình.")
    await change(session, actor, credential, revision, Change.SUSPEND, rules.checked_reason(reason))
    return credential


async def resume(
    session: TenantSession, actor: Actor, credential_id: uuid.UUID, revision: int
) -> CredentialView:
    """A person's certificate, which was just looked at again (`inspection.chosen`), signs again.

    Raises NotFound, Conflict for the seal, which takes two people, and when it changed meanwhile.
    """
    await session.hold("credentials")
    credential = await get(session, credential_id)
    if credential.staff_id is None:
        raise Conflict("Dùng lại con dấu số cần hai người: xin gửi đề nghị ở trang con dấu.")
    await _require_signer(session, credential.staff_id)
    await change(session, actor, credential, revision, Change.RESUME)
    return credential


async def change(
    session: TenantSession,
    actor: Actor,
    credential: CredentialView,
    revision: int,
    wanted: Change,
    reason: str | None = None,
) -> None:
    """Make a change that is allowed. Raises Conflict for one that is not, or of what has changed since `revision`."""
    if credential.revision != revision:
        raise Conflict(_CHANGED)
    await _write(session, actor, credential, await status_after(session, credential, wanted), reason)


async def status_after(
    session: TenantSession, credential: CredentialView, wanted: Change
) -> CredentialStatus:
    """What a change leads to. Raises Conflict for one that cannot be made, also because the holder's other one signs."""
    becomes = rules.after(credential, wanted)
    signing = await queries.active(session, credential.staff_id) if wanted is Change.RESUME else None
    if signing is not None:
        raise Conflict(
            f"{signing.subject_name} đang dùng chứng thư số {signing.serial}; xin tạm dừng chứng thư ấy trước khi dùng "
            f"lại chứng thư số {credential.serial}."
        )
    return becomes


async def retire(session: TenantSession, credential_id: uuid.UUID) -> None:
    """Nothing is under way any more with a certificate that another has replaced. Safe to repeat."""
    await session.hold("credentials")
    credential = await get(session, credential_id)
    if credential.status is CredentialStatus.RETIRING:
        by = machine(session.tenant_id)
        await change(session, by, credential, credential.revision, Change.RETIRE)


async def warnings_for(session: TenantSession, actor: Actor) -> tuple[str, ...]:
    """What is to be done about certificates that end soon, have ended or rest, what is most urgent first: of all holders
    for whoever manages them, else of this person and of the seal that they keep; and about what this person has linked
    at providers."""
    manages = actor.may(Permission.CREDENTIALS_MANAGE)
    if not (manages or actor.may(Permission.SIGN) or actor.may(Permission.SEAL)):
        return ()
    credentials = await list_credentials(session)
    if not credentials:
        return ()
    warned = tuple(
        rules.warning(one, one.credential.not_after.astimezone(clock.VIETNAM).date())
        for one in await _holders(session, credentials)
        if one.credential and one.state in rules.WARNED and (manages or is_own(actor, one.staff_id))
    )
    return warned + await accounts.link_warnings(session, actor)


async def having(session: TenantSession) -> set[StaffId]:
    """Who has a certificate that signs today."""
    now = clock.now()
    return {
        one.staff_id
        for one in await list_credentials(session)
        if one.staff_id and one.status is CredentialStatus.ACTIVE and one.not_before <= now <= one.not_after
    }


async def queue_checks(session: TenantSession) -> None:
    """Have the authority asked about every certificate that signs: once a day."""
    signing = [one.id for one in await list_credentials(session) if one.status in rules.SIGNING]
    await jobs.enqueue(session, CHECK, *signing)


async def is_revoked(credential: CredentialView, *, anew: bool = False) -> bool:
    """Whether its authority says for certain that a certificate is revoked."""
    return await revocation.is_revoked([credential.certificate, *credential.chain], anew=anew)


async def suspend_revoked(session: TenantSession, credential_id: uuid.UUID) -> str:
    """Its authority has revoked it: nothing is signed with it. What to tell whoever wanted to; safe to repeat."""
    await session.hold("credentials")
    credential = await get(session, credential_id)
    if credential.status in rules.SIGNING:
        by, why = machine(session.tenant_id), "Tổ chức chứng thực cho biết chứng thư đã bị thu hồi."
        await change(session, by, credential, credential.revision, Change.SUSPEND, why)
    return (
        f"Chứng thư số {credential.serial} của {credential.subject_name} đã bị tổ chức chứng thực thu hồi nên được "
        "tạm dừng; hãy đăng ký chứng thư mới rồi ký lại."
    )


async def usable(session: TenantSession, staff_id: StaffId | None) -> CredentialView:
    """The certificate that a person, or the seal (None), signs with today.

    Raises Conflict with what to do when there is none, or when it is outside its validity.
    """
    row = await queries.active(session, staff_id)
    if row is None:
        whose = "Bạn chưa có chứng thư số" if staff_id else "Trường chưa có chứng thư số làm con dấu"
        raise Conflict(f"{whose} đang hoạt động; hãy báo giáo viên phụ trách CNTT đăng ký chứng thư.")
    if not row.not_before <= clock.now() <= row.not_after:
        last_day = row.not_after.astimezone(clock.VIETNAM)
        raise Conflict(
            f"Chứng thư số của {row.subject_name} đã hết hạn ngày {last_day:%d/%m/%Y}; hãy gia hạn trước khi ký."
        )
    return _view(row)


async def pinned(session: TenantSession, credential_id: uuid.UUID) -> CredentialView:
    """The certificate that a consent named, to be signed with now. Raises Conflict once it signs nothing any more."""
    credential = await get(session, credential_id)
    rules.require_signing(credential, clock.now())
    return credential


async def get(session: TenantSession, credential_id: uuid.UUID) -> CredentialView:
    """One credential. Raises NotFound."""
    row = await queries.by_id(session, credential_id)
    if row is None:
        raise NotFound("Không tìm thấy chứng thư số này.")
    return _view(row)


async def list_credentials(session: TenantSession) -> Sequence[CredentialView]:
    """All certificates of the school, newest first."""
    return [_view(row) for row in await queries.all_credentials(session)]


async def revocation_answers(certificates: Sequence[bytes]) -> Material:
    """What proves later that none of these certificates (DER) was revoked. Raises what `revocation.material` does."""
    return await revocation.material(certificates)


def may_see(actor: Actor, staff_id: StaffId | None) -> bool:
    """Whether somebody may open the certificates of a person, or of the seal."""
    return is_own(actor, staff_id) or actor.may(Permission.CREDENTIALS_READ)


def may_suspend(actor: Actor, credential: CredentialView) -> bool:
    """Whether somebody may stop a certificate: their own, the seal that they keep, or any."""
    return is_own(actor, credential.staff_id) or actor.may(Permission.CREDENTIALS_MANAGE)


def is_own(actor: Actor, staff_id: StaffId | None) -> bool:
    """Whether a certificate is somebody's own, or of the seal that they keep."""
    return actor.may(Permission.SEAL) if staff_id is None else staff_id == actor.staff_id


async def _waiting(session: TenantSession, staff_id: StaffId | None) -> tuple[ApprovalRequest, ...]:
    found = await approvals.waiting(session, *KINDS)
    return tuple(one for one in found if one.facts["holder"] == str(staff_id or ""))


async def _require_signer(session: TenantSession, staff_id: StaffId) -> None:
    staff = await people.get_staff(session, staff_id)
    if staff.left_at is not None or Permission.SIGN not in permissions_of(staff.roles):
        raise Conflict(f"{staff.full_name} hiện không có vai trò ký ở trường nên không dùng chứng thư số.")


async def _write(
    session: TenantSession,
    actor: Actor,
    credential: CredentialView,
    status: CredentialStatus,
    reason: str | None = None,
) -> None:
    if not await queries.change(session, credential.id, credential.revision, status, clock.now()):
        raise Conflict(_CHANGED)
    await audit.record(
        session,
        actor,
        _ACTIONS[status],
        credential.id,
        credential.subject_name,
        about=[credential.staff_id] if credential.staff_id else (),
        serial=credential.serial,
        reason=reason,
    )


def _view(row: Credential) -> CredentialView:
    return CredentialView(
        id=CredentialId(row.id),
        purpose=Purpose(row.purpose),
        staff_id=StaffId(row.staff_id) if row.staff_id else None,
        provider=row.provider,
        provider_name=gateway.label(row.provider),
        account=row.account,
        reference=row.reference,
        subject_name=row.subject_name,
        issuer_name=row.issuer_name,
        serial=row.serial,
        certificate=row.certificate,
        chain=tuple(row.chain),
        fingerprint=row.fingerprint,
        not_before=row.not_before,
        not_after=row.not_after,
        status=CredentialStatus(row.status),
        revision=row.revision,
        enrolled_at=row.enrolled_at,
    )
