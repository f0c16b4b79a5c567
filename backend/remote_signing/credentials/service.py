"""Certificates: enrolled from the provider's account, held by a person or as the school's seal, checked before use."""

import uuid
from collections.abc import Sequence

from backend.core import audit, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.remote_signing.credentials import queries
from backend.remote_signing.credentials.models import Credential
from backend.remote_signing.credentials.schemas import (
    CredentialId,
    CredentialStatus,
    CredentialView,
    Purpose,
)
from backend.remote_signing.formats import certificates
from backend.remote_signing.providers.port import RemoteCredential


async def enrol(
    session: TenantSession,
    actor: Actor,
    found: RemoteCredential,
    *,
    provider: str,
    account: str,
    staff_id: StaffId | None,
) -> CredentialId:
    """Take over a certificate that the provider lists: for a person, or as the school's seal (`staff_id` None)."""
    credential_id, facts = CredentialId(new_id()), certificates.read(found.certificate)
    values = {
        "tenant_id": session.tenant_id,
        "id": credential_id,
        "purpose": Purpose.SIGNATURE if staff_id else Purpose.SEAL,
        "staff_id": staff_id,
        "provider": provider,
        "account": account,
        "reference": found.credential_id,
        "subject_name": facts.subject_name,
        "serial": facts.serial,
        "certificate": found.certificate,
        "chain": list(found.chain),
        "not_before": facts.not_before,
        "not_after": facts.not_after,
        "status": CredentialStatus.ACTIVE if found.usable else CredentialStatus.SUSPENDED,
        "enrolled_at": clock.now(),
    }
    await queries.insert_credential(session, values)
    await audit.record(
        session, actor, Action.CREDENTIAL_ENROLLED, credential_id, facts.subject_name, serial=facts.serial
    )
    return credential_id


async def usable(session: TenantSession, staff_id: StaffId | None) -> CredentialView:
    """The certificate that a person, or the seal (None), signs with today.

    Raises Conflict with what to do when there is none, or when it is outside its validity.
    """
    purpose = Purpose.SIGNATURE if staff_id else Purpose.SEAL
    row = await queries.active(session, purpose, staff_id)
    if row is None:
        whose = "Bạn chưa có chứng thư số" if staff_id else "Trường chưa có chứng thư số làm con dấu"
        raise Conflict(f"{whose} đang hoạt động; hãy báo giáo viên phụ trách CNTT đăng ký chứng thư.")
    if not row.not_before <= clock.now() <= row.not_after:
        last_day = row.not_after.astimezone(clock.VIETNAM)
        raise Conflict(
            f"Chứng thư số của {row.subject_name} đã hết hạn ngày {last_day:%d/%m/%Y}; hãy gia hạn trước khi ký."
        )
    return _view(row)


async def get(session: TenantSession, credential_id: uuid.UUID) -> CredentialView:
    """One credential. Raises NotFound."""
    row = await queries.by_id(session, credential_id)
    if row is None:
        raise NotFound("Không tìm thấy chứng thư số này.")
    return _view(row)


async def list_credentials(session: TenantSession) -> Sequence[CredentialView]:
    """All certificates of the school."""
    return [_view(row) for row in await queries.all_credentials(session)]


def _view(row: Credential) -> CredentialView:
    return CredentialView(
        id=CredentialId(row.id),
        purpose=Purpose(row.purpose),
        staff_id=StaffId(row.staff_id) if row.staff_id else None,
        provider=row.provider,
        account=row.account,
        reference=row.reference,
        subject_name=row.subject_name,
        serial=row.serial,
        certificate=row.certificate,
        chain=tuple(row.chain),
        not_before=row.not_before,
        not_after=row.not_after,
        status=CredentialStatus(row.status),
    )
