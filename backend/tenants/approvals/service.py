"""What two people of a school decide together: one asks, another approves, and then it is done, once.

A deed is a function that the slice which knows it declares with `@deed`. It runs in the transaction of the approval, so
that either both are there or neither; and the request is held meanwhile, so that of two who approve at once one does.
"""

import uuid
from collections.abc import Awaitable, Callable

from backend.core import audit, clock
from backend.core.actor import Actor, SignIn
from backend.core.audit import Action
from backend.core.database import TenantSession, speak_for
from backend.core.errors import NotFound
from backend.core.ids import new_id
from backend.tenants.approvals import queries, rules
from backend.tenants.approvals.schemas import (
    KIND_NAMES,
    LASTS,
    ApprovalRequest,
    Facts,
    Kind,
    RequestId,
    State,
)
from backend.tenants.factors import service as factors
from backend.tenants.people import service as people
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Permission

#: Does what was asked for, in the name of whoever asked. What it raises leaves the request waiting.
Deed = Callable[[TenantSession, Actor, Facts], Awaitable[None]]

#: As many requests as a page shows; all are in the audit.
SHOWN = 100
_deeds: dict[Kind, Deed] = {}


def deed(kind: Kind) -> Callable[[Deed], Deed]:
    """Declare what is done once requests of this kind are approved. ValueError for a kind that has its deed."""

    def declare(function: Deed) -> Deed:
        if kind in _deeds:
            raise ValueError(f"{kind} has its deed already")
        _deeds[kind] = function
        return function

    return declare


async def ask(
    session: TenantSession,
    actor: Actor,
    sign_in: SignIn,
    kind: Kind,
    told: str,
    facts: Facts,
    reason: str,
) -> ApprovalRequest:
    """Ask for a deed, which `told` describes in a sentence and `facts` exactly; somebody else has 72 hours to decide.

    Raises Invalid without a reason, Conflict when nobody else could approve or another request of the kind waits.
    """
    why, now = rules.checked_reason(reason, "Lý do"), clock.now()
    await session.hold("approvals")
    rules.require_approver(await approvers(session, actor))
    rules.require_none_waiting(await queries.requests(session, SHOWN), kind, told, now)
    request_id = RequestId(new_id())
    values = {
        "id": request_id,
        "kind": kind,
        "facts": dict(facts),
        "told": told,
        "reason": why,
        "asked_by": actor.staff_id,
        "asked_account": sign_in.account_id,
        "asked_at": now,
        "ends_at": now + LASTS,
        "state": State.WAITING,
    }
    await queries.insert_request(session, values)
    await audit.record(
        session, actor, Action.APPROVAL_ASKED, request_id, KIND_NAMES[kind], told=told, reason=why
    )
    return await _get(session, request_id)


async def approve(
    session: TenantSession, actor: Actor, sign_in: SignIn, request_id: uuid.UUID
) -> ApprovalRequest:
    """Approve a request, and have it done in the same transaction.

    Raises NotFound, Forbidden for whoever asked and whoever is new to the role or to their account, Conflict for a
    request that is decided, has run out, or whose asker may no longer ask for it; and whatever the deed raises.
    """
    request = await _held(session, request_id)
    rules.require_second_person(request, actor, sign_in)
    await _require_settled(session, actor, sign_in, request)
    rules.require_still_may(request, await people.get_staff(session, request.asked_by))
    await _decide(session, actor, sign_in, request, State.APPROVED)
    await _deeds[request.kind](session, await people.actor_of(session, request.asked_by), request.facts)
    return request


async def refuse(
    session: TenantSession, actor: Actor, sign_in: SignIn, request_id: uuid.UUID, answer: str
) -> ApprovalRequest:
    """Refuse a request, and say why.

    Raises NotFound, Invalid without a reason, Forbidden for whoever asked, Conflict for one that is decided or over.
    """
    request = await _held(session, request_id)
    rules.require_second_person(request, actor, sign_in)
    why = rules.checked_reason(answer, "Lý do từ chối")
    await _decide(session, actor, sign_in, request, State.REFUSED, why)
    return request


async def withdraw(
    session: TenantSession, actor: Actor, sign_in: SignIn, request_id: uuid.UUID
) -> ApprovalRequest:
    """Whoever asked does not want it any more. Raises NotFound, Forbidden, Conflict for one that is decided or over."""
    request = await _held(session, request_id)
    rules.require_asker(request, actor)
    await _decide(session, actor, sign_in, request, State.WITHDRAWN)
    return request


async def list_requests(session: TenantSession) -> list[ApprovalRequest]:
    """The newest requests, however they ended, the newest first."""
    return await queries.requests(session, SHOWN)


async def waiting(session: TenantSession, *kinds: Kind) -> list[ApprovalRequest]:
    """Requests of these kinds, or of all, that somebody may still decide."""
    found = rules.waiting(await queries.requests(session, SHOWN), clock.now())
    return [one for one in found if not kinds or one.kind in kinds]


async def approved_about(session: TenantSession, fact: str, value: str) -> list[ApprovalRequest]:
    """What two people agreed to about one thing, which a fact of their requests names, oldest first."""
    found = await queries.requests_about(session, fact, value)
    return [one for one in found if one.state is State.APPROVED]


async def count_for(session: TenantSession, actor: Actor) -> int:
    """How many requests wait for this person's decision."""
    if not actor.may(Permission.APPROVE):
        return 0
    return sum(one.asked_by != actor.staff_id for one in await waiting(session))


async def approvers(session: TenantSession, actor: Actor) -> list[Staff]:
    """Who else could approve what this person asks for now."""
    by = rules.settled_by(clock.now(), await queries.opened_at(session))
    return rules.approvers(
        await people.list_staff(session), actor, await queries.approving_since(session), by
    )


async def _require_settled(
    session: TenantSession, actor: Actor, sign_in: SignIn, request: ApprovalRequest
) -> None:
    since = await queries.approving_since(session)
    await speak_for(session, sign_in.account_id)
    rules.require_settled(
        request,
        since.get(actor.staff_id) if actor.staff_id else None,
        await factors.let_in_at(session),
        rules.settled_by(request.asked_at, await queries.opened_at(session)),
    )


async def _held(session: TenantSession, request_id: uuid.UUID) -> ApprovalRequest:
    """The request, and nobody else decides it until this transaction ends."""
    await session.hold("approvals")
    request = await _get(session, request_id)
    rules.require_waiting(request, clock.now())
    return request


async def _get(session: TenantSession, request_id: uuid.UUID) -> ApprovalRequest:
    request = await queries.find(session, request_id)
    if request is None:
        raise NotFound("Không tìm thấy đề nghị này.")
    return request


_ACTIONS = {
    State.APPROVED: Action.APPROVAL_GIVEN,
    State.REFUSED: Action.APPROVAL_REFUSED,
    State.WITHDRAWN: Action.APPROVAL_WITHDRAWN,
}


async def _decide(
    session: TenantSession,
    actor: Actor,
    sign_in: SignIn,
    request: ApprovalRequest,
    state: State,
    answer: str | None = None,
) -> None:
    await queries.decide(
        session,
        request.id,
        state=state,
        decided_by=actor.staff_id,
        decided_account=sign_in.account_id,
        decided_at=clock.now(),
        answer=answer,
    )
    await audit.record(
        session,
        actor,
        _ACTIONS[state],
        request.id,
        request.title,
        told=request.told,
        asked_by=request.asked_by_name,
        reason=answer,
    )
