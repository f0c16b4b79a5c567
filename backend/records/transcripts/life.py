"""Versions that end before their time, because they say something wrong; for the slice's own pages and tasks: no door."""

import uuid

from backend.core import audit, clock, outbox
from backend.core.actor import Actor, SignIn
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden
from backend.records.roster import service as roster
from backend.records.transcripts import manifests, queries, rules, service
from backend.records.transcripts.events import TranscriptRecallAsked
from backend.records.transcripts.schemas import Deed, VersionState, VersionSummary
from backend.remote_signing.requests import service as signing
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import ApprovalRequest, Facts, Kind


async def withdraw(
    session: TenantSession, actor: Actor, version_id: uuid.UUID, reason: str
) -> VersionSummary:
    """A version that is not issued yet does not stand: nobody signs it any more, and its pupil's marks may be corrected.

    What was signed of it stays as it is and goes into no other version. Raises NotFound, Forbidden, Invalid for the
    reason, Conflict once it is issued.
    """
    version = await _held(session, version_id)
    rules.require_may(actor, version, Deed.WITHDRAW)
    words = rules.checked_reason(reason, version.full_name)
    await _end(session, actor, version, Deed.WITHDRAW, words)
    await signing.cancel(session, actor, [version_id])
    await service.release_marks(session, actor, version)
    return version


async def withdraw_class(session: TenantSession, actor: Actor, class_id: uuid.UUID, reason: str) -> int:
    """`withdraw` every version of a class that is not issued yet, as when whoever signs for it has changed; counts them.

    Raises NotFound, Forbidden, Invalid for the reason, Conflict where there is none.
    """
    await roster.get_class(session, class_id)
    await queries.hold_class(session, class_id)
    versions = await service.list_versions(session, class_id)
    found = [one.id for one in versions if rules.may(actor, one, Deed.WITHDRAW)]
    if not found:
        rules.require_any(actor)
    for version_id in found:
        await withdraw(session, actor, version_id, reason)
    return len(found)


async def ask_recall(
    session: TenantSession, actor: Actor, sign_in: SignIn, version_id: uuid.UUID, reason: str
) -> ApprovalRequest | None:
    """Ask a second person to have an issued version recalled; None where the school has no other and it is done at once.

    What the Authority has not answered yet is recalled once it is known whether it has it (`deliveries.opening`). Raises
    NotFound, Forbidden, Invalid for the reason; Conflict after the last day of the plan, and while the same recall waits
    already.
    """
    version = await _held(session, version_id)
    words = await _require_recallable(session, actor, version, reason)
    if not await approvals.approvers(session, actor):
        await _recall(session, actor, version, words)
        return None
    told = f"Thu hồi học bạ năm học {version.academic_year} của {version.label}, phiên bản {version.number}."
    facts = {"version_id": str(version_id), "reason": words}
    return await approvals.ask(session, actor, sign_in, Kind.TRANSCRIPT_RECALL, told, facts, words)


@approvals.deed(Kind.TRANSCRIPT_RECALL)
async def recall(session: TenantSession, actor: Actor, facts: Facts) -> None:
    """Have the Authority recall a version, as was asked for. Raises Conflict when it may not be recalled any more."""
    version = await _held(session, uuid.UUID(facts["version_id"]))
    await _recall(
        session, actor, version, await _require_recallable(session, actor, version, facts["reason"])
    )


async def recall_waiting(session: TenantSession, version: VersionSummary) -> ApprovalRequest | None:
    """The request for the recall of a version that waits for a second person."""
    waiting = await approvals.waiting(session, Kind.TRANSCRIPT_RECALL)
    return next((one for one in waiting if one.facts["version_id"] == str(version.id)), None)


async def _require_recallable(
    session: TenantSession, actor: Actor, version: VersionSummary, reason: str
) -> str:
    await _require_may_recall(session, actor, version)
    return rules.checked_reason(reason, version.full_name)


async def why_no_recall(session: TenantSession, actor: Actor, version: VersionSummary) -> str:
    """Why somebody cannot have a version recalled today, in a sentence for them; empty where they can."""
    try:
        await _require_may_recall(session, actor, version)
    except (Forbidden, Conflict) as error:
        return error.message
    return ""


async def _require_may_recall(session: TenantSession, actor: Actor, version: VersionSummary) -> None:
    rules.require_may(actor, version, Deed.RECALL)
    rules.require_staying(version, leaving=await service.is_leaving(session, version))
    if version.state != VersionState.REJECTED:
        rules.require_open(version, await service.closing_of(session, version), clock.today())


async def _recall(session: TenantSession, actor: Actor, version: VersionSummary, words: str) -> None:
    await _end(session, actor, version, Deed.RECALL, words)
    await outbox.emit(session, TranscriptRecallAsked(version.id))


_ACTIONS = {Deed.WITHDRAW: Action.TRANSCRIPT_CANCELLED, Deed.RECALL: Action.TRANSCRIPT_RECALL_ASKED}


async def _end(session: TenantSession, actor: Actor, version: VersionSummary, deed: Deed, words: str) -> None:
    values = {
        "state": rules.edge_of(deed).target,
        "withdrawn_by": actor.staff_id,
        "withdrawn_at": clock.now(),
        "withdrawn_reason": words,
    }
    await queries.update_versions(session, {version.id: values})
    if deed is Deed.RECALL:
        await manifests.keep_recall(session, version.id, values)
    about = (version.student_id, version.class_id)
    await audit.record(session, actor, _ACTIONS[deed], version.id, version.label, about=about, reason=words)


async def _held(session: TenantSession, version_id: uuid.UUID) -> VersionSummary:
    """The version as it stands, and nobody moves it or freezes its class until the transaction ends."""
    version = await service.get_version(session, version_id)
    # The class before its versions and sheets, as whoever freezes holds them.
    await queries.hold_class(session, version.class_id)
    await queries.hold_versions(session, [version_id])
    await queries.hold_transcript(session, version.transcript_id)
    return await service.get_version(session, version_id)
