"""What two people decide about certificates: the seal's certificate, its coming back, and every revocation.

A request names the certificate by its SHA-256. Each deed looks again: what is not as it was asked for is not done.
"""

import base64
import uuid

from backend.core.actor import Actor, SignIn
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.credentials import from_file, inspection, rules, service
from backend.remote_signing.credentials.rules import Change
from backend.remote_signing.credentials.schemas import Candidate, CredentialView
from backend.remote_signing.providers import gateway
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import ApprovalRequest, Facts, Kind


async def ask_seal(
    session: TenantSession,
    actor: Actor,
    sign_in: SignIn,
    candidate: Candidate,
    provider: str,
    account: str,
    reason: str,
    *,
    sent_along: bool = False,
) -> ApprovalRequest:
    """Ask a second person to make a certificate that was found fit the school's seal, in place of the one of today.

    `sent_along`: the provider does not have it yet, so that it goes along with the request. Raises Invalid without a
    reason, Conflict when nobody could approve or another such request waits.
    """
    facts = {
        "holder": "",
        "provider": provider,
        "account": account,
        "sha256": candidate.facts.fingerprint,
    }
    if sent_along:
        chain = (candidate.found.certificate, *candidate.found.chain)
        facts["certificates"] = " ".join(base64.b64encode(one).decode() for one in chain)
    described = rules.described(candidate.facts, account, gateway.label(provider))
    told = f"Dùng làm con dấu số của trường, thay cho chứng thư đang dùng nếu có: {described}."
    return await approvals.ask(session, actor, sign_in, Kind.SEAL_CERTIFICATE, told, facts, reason)


@approvals.deed(Kind.SEAL_CERTIFICATE)
async def take_over_seal(session: TenantSession, actor: Actor, facts: Facts) -> None:
    """Make it the seal. The provider and the authority are asked once more, while the transaction waits.

    Raises Conflict when the provider does not list it any more, or something speaks against it.
    """
    provider, account, holder = facts["provider"], facts["account"], await service.holder_of(session, None)
    if "certificates" in facts:
        chain = [base64.b64decode(one) for one in facts["certificates"].split()]
        await from_file.put(provider, account, chain)
    own = await accounts.values_of(session, provider, account)
    candidate = await inspection.chosen(provider, account, facts["sha256"], holder, own)
    await service.enrol(session, actor, candidate.found, provider=provider, account=account, staff_id=None)


async def ask_resuming(
    session: TenantSession, actor: Actor, sign_in: SignIn, credential_id: uuid.UUID, reason: str
) -> ApprovalRequest:
    """Ask a second person to let the seal, which was suspended, seal again.

    Raises NotFound, Conflict for another certificate or status or while another seal seals, and as `approvals.ask`.
    """
    credential = await service.get(session, credential_id)
    if credential.staff_id is not None:
        raise Conflict("Chứng thư số của một người được dùng lại ở trang của người ấy, không cần hai người.")
    await service.status_after(session, credential, Change.RESUME)
    told = f"Dùng lại con dấu số đang tạm dừng: {_described(credential)}."
    return await approvals.ask(session, actor, sign_in, Kind.SEAL_RESUMING, told, _facts(credential), reason)


@approvals.deed(Kind.SEAL_RESUMING)
async def resume_seal(session: TenantSession, actor: Actor, facts: Facts) -> None:
    """Let it seal again. Raises Conflict like `take_over_seal`, and when it changed meanwhile."""
    await session.hold("credentials")
    credential = await service.get(session, uuid.UUID(facts["credential"]))
    holder = await service.holder_of(session, None)
    own = await accounts.values_of(session, credential.provider, credential.account)
    await inspection.chosen(credential.provider, credential.account, facts["sha256"], holder, own)
    await service.change(session, actor, credential, int(facts["revision"]), Change.RESUME)


async def ask_revocation(
    session: TenantSession, actor: Actor, sign_in: SignIn, credential_id: uuid.UUID, reason: str
) -> ApprovalRequest:
    """Ask a second person to have a certificate, a person's or the seal's, never used here again.

    Raises NotFound, Conflict for one that was revoked, and as `approvals.ask`.
    """
    credential = await service.get(session, credential_id)
    rules.after(credential, Change.REVOKE)
    told = f"Thu hồi, không bao giờ dùng lại ở trường: {_described(credential)}."
    return await approvals.ask(
        session, actor, sign_in, Kind.CERTIFICATE_REVOCATION, told, _facts(credential), reason
    )


@approvals.deed(Kind.CERTIFICATE_REVOCATION)
async def revoke(session: TenantSession, actor: Actor, facts: Facts) -> None:
    """Never use it here again. What became of it since it was asked for does not matter: revoking is an end.

    Raises Conflict when it was revoked meanwhile.
    """
    await session.hold("credentials")
    credential = await service.get(session, uuid.UUID(facts["credential"]))
    await service.change(session, actor, credential, credential.revision, Change.REVOKE)


def _facts(credential: CredentialView) -> Facts:
    return {
        "holder": str(credential.staff_id or ""),
        "credential": str(credential.id),
        "revision": str(credential.revision),
        "sha256": credential.fingerprint,
    }


def _described(credential: CredentialView) -> str:
    return rules.described(credential, credential.account, credential.provider_name)
