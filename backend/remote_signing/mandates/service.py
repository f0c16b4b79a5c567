"""A seal that seals without a person for each batch: two people agree to the limits in advance, one ends it at once.

Only a key that asks nobody can (an HSM, a KMS). Everything else about a batch is as ever: what was signed by all others
before, the exact list with its root, the check of the certificate, the record.
"""

import uuid
from collections.abc import Mapping
from datetime import date, time

from backend.core import audit, clock, outbox
from backend.core.actor import Actor, SignIn, StaffId, machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CredentialId, CredentialStatus, CredentialView
from backend.remote_signing.mandates import queries, rules
from backend.remote_signing.mandates.events import SealMandateGiven
from backend.remote_signing.mandates.models import SealMandate
from backend.remote_signing.mandates.schemas import Mandate, MandateId, Terms, Turn
from backend.remote_signing.providers import gateway
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import ApprovalRequest, Facts, Kind
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

_NOT_LIVE = "Việc tự đóng dấu đã được dừng; lô đóng dấu dừng lại, các hồ sơ chưa đóng dấu quay về khay ký."


async def ask(
    session: TenantSession, actor: Actor, sign_in: SignIn, typed: Mapping[str, str], reason: str
) -> ApprovalRequest:
    """Whoever keeps the seal asks a second person to let it seal by itself within these limits.

    Raises Invalid that names a field, Conflict for a seal whose key asks a person, Forbidden, and as `approvals.ask`.
    """
    if not actor.may(Permission.SEAL):
        raise Forbidden("Chỉ người giữ con dấu mới đề nghị được việc này.")
    terms = rules.checked_terms(typed, clock.today())
    credential = await _sealing(session)
    facts = {
        "credential": str(credential.id),
        "sha256": credential.fingerprint,
        "daily_limit": str(terms.daily_limit),
        "opens": terms.opens.isoformat(),
        "closes": terms.closes.isoformat(),
        "last_day": terms.last_day.isoformat(),
    }
    told = rules.described(terms, credential)
    return await approvals.ask(session, actor, sign_in, Kind.UNATTENDED_SEAL, told, facts, reason)


@approvals.deed(Kind.UNATTENDED_SEAL)
async def give(session: TenantSession, actor: Actor, facts: Facts) -> None:
    """From now on; an earlier mandate ends. Raises Conflict when the seal is another one by now."""
    await session.hold("seal-mandate")
    credential = await _sealing(session)
    if credential.fingerprint != facts["sha256"] or actor.staff_id is None:
        raise Conflict("Con dấu số đã đổi từ lúc đề nghị; xin từ chối để người giữ con dấu đề nghị lại.")
    earlier = await queries.live(session)
    if earlier is not None:
        await _end(session, actor, earlier.id, "Được thay bằng đề nghị mới.")
    mandate_id = MandateId(new_id())
    values = {
        "id": mandate_id,
        "credential_id": credential.id,
        "keeper_id": actor.staff_id,
        "daily_limit": int(facts["daily_limit"]),
        "opens": time.fromisoformat(facts["opens"]),
        "closes": time.fromisoformat(facts["closes"]),
        "last_day": date.fromisoformat(facts["last_day"]),
        "given_at": clock.now(),
    }
    await queries.insert_mandate(session, values)
    await audit.record(
        session,
        actor,
        Action.SEAL_MANDATE_GIVEN,
        mandate_id,
        credential.subject_name,
        serial=credential.serial,
    )
    await outbox.emit_all(session, [SealMandateGiven(mandate_id)])


async def end(session: TenantSession, actor: Actor, mandate_id: uuid.UUID, reason: str) -> None:
    """Nothing is sealed by itself from this moment on, not even the rest of what is under way.

    Raises Forbidden, NotFound for one that has ended, Invalid without a reason.
    """
    if not (actor.may(Permission.SEAL) or actor.may(Permission.CREDENTIALS_MANAGE)):
        raise Forbidden("Bạn không dừng được việc tự đóng dấu.")
    await session.hold("seal-mandate")
    found = await queries.live(session)
    if found is None or found.id != mandate_id:
        raise NotFound("Việc tự đóng dấu này đã dừng từ trước.")
    await _end(session, actor, found.id, rules.checked_reason(reason))


async def history(session: TenantSession) -> list[Mandate]:
    """All mandates of the school, newest first: at most the first one has not ended."""
    names = await people.names(session)
    return [_view(row, names) for row in await queries.mandates(session)]


async def living(session: TenantSession) -> Mandate | None:
    """The mandate that holds now. One whose seal or keeper is not what they were ends here."""
    await session.hold("seal-mandate")
    row = await queries.live(session)
    if row is None:
        return None
    found = _view(row, await people.names(session))
    why = await why_over(session, found)
    if why is None:
        return found
    await _end(session, machine(session.tenant_id), row.id, why)
    return None


async def why_over(session: TenantSession, mandate: Mandate) -> str | None:
    """Why one that has not ended does not hold any more, in a sentence; None as long as it does."""
    credential = await credentials.get(session, mandate.credential_id)
    if credential.status is not CredentialStatus.ACTIVE:
        return "Chứng thư của con dấu không còn là chứng thư đang dùng."
    if not (await people.actor_of(session, mandate.keeper_id)).may(Permission.SEAL):
        return f"{mandate.keeper_name} không còn giữ con dấu."
    if clock.today() > mandate.terms.last_day:
        return "Đã hết thời hạn."
    return None


async def is_known(session: TenantSession, mandate_id: uuid.UUID) -> bool:
    """Whether the school has, or had, that mandate."""
    return any(row.id == mandate_id for row in await queries.mandates(session))


def turn_of(mandate: Mandate, sealed_today: int) -> Turn:
    """What it allows now, when so many were sealed today."""
    return rules.turn(mandate.terms, clock.now().astimezone(clock.VIETNAM), sealed_today)


async def require_live(session: TenantSession, mandate_id: uuid.UUID) -> None:
    """Raises Conflict once a mandate has ended: what was consented to under it is not signed any more."""
    if await queries.has_ended(session, mandate_id):
        raise Conflict(_NOT_LIVE)


async def waiting(session: TenantSession) -> ApprovalRequest | None:
    """The request that a second person has yet to decide."""
    return next(iter(await approvals.waiting(session, Kind.UNATTENDED_SEAL)), None)


async def _sealing(session: TenantSession) -> CredentialView:
    credential = await credentials.usable(session, None)
    if gateway.provider(credential.provider).capabilities.interactive:
        raise Conflict(
            "Khóa của con dấu hiện nay hỏi người mỗi lần ký (điện thoại hoặc token), nên không tự đóng dấu được; cần con "
            "dấu có khóa trong HSM hoặc KMS."
        )
    return credential


async def _end(session: TenantSession, actor: Actor, mandate_id: uuid.UUID, why: str) -> None:
    values = {"ended_at": clock.now(), "ended_by": actor.staff_id, "ended_reason": why}
    await queries.end(session, mandate_id, values)
    await audit.record(session, actor, Action.SEAL_MANDATE_ENDED, mandate_id, "", reason=why)


def _view(row: SealMandate, names: Mapping[StaffId, str]) -> Mandate:
    ended_by = names.get(StaffId(row.ended_by), "") if row.ended_by else ""
    return Mandate(
        id=MandateId(row.id),
        credential_id=CredentialId(row.credential_id),
        keeper_id=StaffId(row.keeper_id),
        keeper_name=names.get(StaffId(row.keeper_id), ""),
        terms=Terms(daily_limit=row.daily_limit, opens=row.opens, closes=row.closes, last_day=row.last_day),
        given_at=row.given_at,
        ended_at=row.ended_at,
        ended_by_name=ended_by,
        ended_reason=row.ended_reason or "",
    )
