"""A class, a grade or the school, stage by stage: seen with what is missing, and set going by one action per stage.

One stage follows the other by itself. What is set going here is what stopped, or what has never begun; what is under way
or done stays as it is, so every action may be repeated.
"""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from backend.core import audit, audit_chain, audit_reads, parked_jobs, store_promise
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Unavailable
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.stages import rules
from backend.integrations.stages.rules import Count
from backend.integrations.stages.schemas import STAGE_NAMES, Stage, Stages
from backend.records.freezes import service as freezes
from backend.records.freezes.schemas import CheckList, Scope
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IN_FORCE, Deed, VersionState
from backend.remote_signing.requests import service as signing

_Versions = Mapping[VersionState, Sequence[uuid.UUID]]


async def look(session: TenantSession, actor: Actor, scope: Scope) -> Stages:
    """How far the transcripts of a scope are, and what holds each stage up. Raises NotFound for a strange class."""
    check = await freezes.check_list(session, scope)
    versions = await _versions(session, check)
    total = max(sum(one.students for one in check.classes), _number(versions))
    counts = {
        Stage.FREEZE: rules.freeze_count(check),
        Stage.RENDER: await _rendering(session, versions),
        Stage.SIGN: await _asking(session, versions, check),
        Stage.ISSUE: await _issuing(session, versions),
        Stage.SUBMIT: await _submitting(session, versions),
    }
    stages = tuple(rules.view(actor, stage, total, count) for stage, count in counts.items())
    if any(one.stopped for one in stages):
        about = [one for found in versions.values() for one in found]
        audit_reads.record_read(session, actor, Action.STOPPED_WORK_READ, None, check.name, about)
    return Stages(check=check, stages=stages)


async def press_on(session: TenantSession, actor: Actor, stage: Stage, scope: Scope) -> tuple[str, int]:
    """Have one stage done for all that is ready for it in a scope; its name, and how many that sets going.

    Raises Forbidden; Conflict for the freeze, which has a page of its own; NotFound for a strange class.
    """
    rules.require_may_press(actor, stage)
    check = await freezes.check_list(session, scope)
    versions = await _versions(session, check)
    match stage:
        case Stage.FREEZE:
            raise Conflict("Hãy chốt ở trang Chốt học bạ nhiều lớp, sau khi xem còn thiếu gì.")
        case Stage.RENDER:
            begun = await transcripts.press_on(session, Deed.RENDER, versions[VersionState.FROZEN])
        case Stage.SIGN:
            waiting = versions[VersionState.RENDERED]
            begun = await transcripts.press_on(session, Deed.ASK_FOR_SIGNATURES, waiting)
        case Stage.ISSUE:
            under_way = [*versions[VersionState.SIGNING], *versions[VersionState.SIGNED]]
            begun = await transcripts.press_on(session, Deed.ISSUE, under_way)
        case Stage.SUBMIT:
            unanswered = (VersionState.ISSUED, VersionState.PACKAGED, VersionState.SUBMITTED)
            issued = [one for state in unanswered for one in versions[state]]
            begun = await deliveries.press_on(session, actor, issued)
    if begun:
        label = f"{STAGE_NAMES[stage]}: {check.name}"
        about = [one.class_id for one in check.classes]
        await audit.record(session, actor, Action.WORK_RESUMED, None, label, about=about, count=begun)
    return check.name, begun


async def _versions(session: TenantSession, check: CheckList) -> _Versions:
    return await transcripts.standing_in(session, [one.class_id for one in check.classes])


async def _rendering(session: TenantSession, versions: _Versions) -> Count:
    waiting = versions[VersionState.FROZEN]
    told = await transcripts.told_of(session, Deed.RENDER, waiting)
    return Count(
        done=_number(versions) - len(waiting),
        ready=len(waiting),
        told=tuple(told),
    )


async def _asking(session: TenantSession, versions: _Versions, check: CheckList) -> Count:
    """What is not sent for signing, and who could not sign today."""
    waiting = versions[VersionState.RENDERED]
    told = await transcripts.told_of(session, Deed.ASK_FOR_SIGNATURES, waiting)
    unsent = len(versions[VersionState.FROZEN]) + len(waiting)
    signing_now = len(versions[VersionState.SIGNING])
    return Count(
        done=_number(versions) - unsent,
        ready=len(waiting),
        told=tuple(told),
        notes=rules.unsigned_notes(check) if unsent or signing_now else (),
    )


async def _issuing(session: TenantSession, versions: _Versions) -> Count:
    """What everybody has signed, whose signatures are missing, and what keeps the machine from issuing."""
    under_way = {*versions[VersionState.SIGNING], *versions[VersionState.SIGNED]}
    signed = await signing.fully_signed(session, list(under_way))
    told = await transcripts.told_of(session, Deed.ISSUE, signed)
    turns = [one.signer_name for one in await signing.ready_turns(session) if one.subject_id in under_way]
    declined = under_way & await signing.declined_subjects(session)
    held = {subject for call in await signing.held_calls(session) for subject in call.subject_ids}
    notes = rules.signer_notes(turns, len(declined), len(held & under_way))
    return Count(
        done=_issued(versions),
        ready=len(signed),
        told=tuple(told),
        notes=notes + await _halted(session),
    )


async def _submitting(session: TenantSession, versions: _Versions) -> Count:
    known = await deliveries.states_of_versions(session)
    issued = [one for state in IN_FORCE for one in versions[state]]
    sent = {one: known[one] for one in issued if one in known}
    told = list((await parked_jobs.told_of(session, [deliveries.OPEN], issued)).values())
    told += [reason for state, reason in sent.values() if state is DeliveryState.PARKED]
    states = Counter(state for state, _ in sent.values())
    return rules.submit_count(len(issued), states, told, await _unbound(session))


async def _unbound(session: TenantSession) -> tuple[str, ...]:
    """Why nothing new of the school is submitted now."""
    try:
        await authorities.bound_authority(session)
    except (Conflict, Unavailable) as error:
        return (error.message,)
    return ()


async def _halted(session: TenantSession) -> tuple[str, ...]:
    """Why nothing of the school is issued now."""
    sealed = await audit_chain.newest(session)
    found = [audit_chain.halted(sealed) if sealed.is_late else "", await store_promise.halted(session)]
    return tuple(words for words in found if words)


def _issued(versions: _Versions) -> int:
    return sum(len(versions[state]) for state in IN_FORCE)


def _number(versions: Mapping[VersionState, Collection[uuid.UUID]]) -> int:
    return sum(len(found) for found in versions.values())
