"""Versions that end before their time, because they say something wrong; for the slice's own pages and tasks: no door."""

import uuid

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.records.gradebook import service as gradebook
from backend.records.transcripts import queries, rules, service
from backend.records.transcripts.schemas import Deed, VersionSummary
from backend.remote_signing.requests import service as signing


async def withdraw(
    session: TenantSession, actor: Actor, version_id: uuid.UUID, reason: str
) -> VersionSummary:
    """A version that is not issued yet does not stand: nobody signs it any more, and its pupil's marks may be corrected.

    What was signed of it stays as it is and goes into no other version. Raises NotFound, Forbidden, Invalid for the
    reason, Conflict once it is issued.
    """
    version = await service.get_version(session, version_id)
    # The class before its versions and sheets, as whoever freezes holds them.
    await queries.hold_class(session, version.class_id)
    await queries.hold_versions(session, [version_id])
    version = await service.get_version(session, version_id)
    rules.require_may(actor, version, Deed.WITHDRAW)
    words = rules.checked_reason(reason, version.full_name)
    withdrawn = {"withdrawn_by": actor.staff_id, "withdrawn_at": clock.now(), "withdrawn_reason": words}
    await queries.update_versions(
        session, {version_id: withdrawn | {"state": rules.edge_of(Deed.WITHDRAW).target}}
    )
    await signing.cancel(session, actor, [version_id])
    await _release(session, actor, version)
    await audit.record(
        session,
        actor,
        Action.TRANSCRIPT_CANCELLED,
        version_id,
        version.label,
        about=(version.student_id, version.class_id),
        reason=words,
    )
    return version


async def _release(session: TenantSession, actor: Actor, version: VersionSummary) -> None:
    """The marks behind a version that does not stand may be corrected."""
    words = f"{version.full_name}, học bạ phiên bản {version.number}"
    await gradebook.release_pupil(session, actor, version.class_id, version.student_id, words)
