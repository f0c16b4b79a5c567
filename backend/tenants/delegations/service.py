"""Who signs as the head of the school: the principal, or a deputy in the principal's place for a time."""

import uuid

from backend.core import audit, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.core.text import read_day
from backend.tenants.delegations import queries, rules
from backend.tenants.delegations.schemas import Delegation, DelegationId, HeadSigner
from backend.tenants.people import service as people
from backend.tenants.permissions import Role


async def head_signer(session: TenantSession) -> HeadSigner:
    """Who signs transcripts as the head of the school today. Raises Conflict when the school has nobody."""
    return (await head_signers(session))[0]


async def head_signers(session: TenantSession) -> list[HeadSigner]:
    """The same, first; then whoever else has signed as the head, or will. Raises Conflict when there is nobody."""
    principals = await people.list_staff(session, Role.PRINCIPAL)
    found = rules.signers(clock.today(), await queries.delegations(session), principals)
    if not found:
        raise Conflict(
            "Trường chưa có hiệu trưởng trong danh sách nhân sự; hãy bổ sung trước khi chốt học bạ."
        )
    return found


async def list_delegations(session: TenantSession) -> list[Delegation]:
    """All delegations, the latest days first; what is over, too."""
    return await queries.delegations(session)


async def delegate(
    session: TenantSession,
    actor: Actor,
    staff_id: StaffId,
    starts_on: str,
    ends_on: str,
    decision_number: str,
) -> Delegation:
    """A deputy signs in the principal's place from the first to the last day, by a decision with that number.

    Raises NotFound, Invalid for days or a number that cannot be, Conflict for somebody who may not sign and for days
    on which another deputy does.
    """
    await session.hold("delegations")
    first, last = read_day(starts_on, "Từ ngày"), read_day(ends_on, "Đến hết ngày")
    rules.require_period(first, last, clock.today())
    decision = rules.checked_decision(decision_number)
    staff = await people.get_staff(session, staff_id)
    rules.require_deputy(staff)
    rules.require_free(first, last, await queries.delegations(session))
    made = Delegation(
        id=DelegationId(new_id()),
        staff_id=staff_id,
        name=staff.full_name,
        title=staff.title,
        starts_on=first,
        ends_on=last,
        decision_number=decision,
    )
    await queries.insert_delegation(session, made, clock.now())
    await _record(session, actor, Action.DELEGATION_MADE, made)
    return made


async def end(session: TenantSession, actor: Actor, delegation_id: uuid.UUID) -> Delegation:
    """The principal signs again from today on; a delegation that has not begun never does.

    Raises NotFound, Conflict for one that is over.
    """
    await session.hold("delegations")
    found = [one for one in await queries.delegations(session) if one.id == delegation_id]
    if not found:
        raise NotFound("Không tìm thấy lần phân công ký thay này.")
    [one], today = found, clock.today()
    if one.last_day < today:
        raise Conflict(f"Lần phân công ký thay của {one.name} đã hết từ {one.last_day:%d/%m/%Y}.")
    await queries.end(session, one.id, today)
    await _record(session, actor, Action.DELEGATION_ENDED, one)
    return one


async def _record(session: TenantSession, actor: Actor, action: Action, one: Delegation) -> None:
    await audit.record(
        session,
        actor,
        action,
        one.staff_id,
        one.name,
        starts_on=one.starts_on.isoformat(),
        ends_on=one.ends_on.isoformat(),
        decision_number=one.decision_number,
    )
