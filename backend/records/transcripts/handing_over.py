"""Versions that another school manages from now on (PL1 §2.2): here they are read and nothing else.

What the Authority still says about one is noted, and it stays where it is. Since nobody recalls it any more, the day from
which it is in force is known as soon as the Authority has accepted it: the one after the last day of the plan (R21).
"""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta

from backend.core import audit, clock, storage
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.records.transcripts import closings, manifests, queries, rules
from backend.records.transcripts.models import TranscriptVersion
from backend.records.transcripts.schemas import Deed, VersionState


async def hand_over(
    session: TenantSession, actor: Actor, deed: Deed, student_id: uuid.UUID, reason: str
) -> None:
    """Every issued version of a pupil goes, by HAND_OVER or TAKE_OVER; what was rejected stays. Safe to repeat.

    Raises Forbidden for a person without the right, Unavailable without the store.
    """
    at = clock.now()
    await manifests.keep_handovers(session, await queries.hand_over(session, student_id, at), at)
    ids = await queries.versions_of_student(session, student_id)
    edge = rules.edge_of(deed)
    rows = [row for row in await queries.hold_versions(session, ids) if row.state in edge.sources]
    versions = [rules.summary_of(row) for row in await queries.summaries(session, [row.id for row in rows])]
    for one in versions if edge.by else ():
        rules.require_may(actor, one, deed)
    accepted = [row for row in rows if row.state == VersionState.ACCEPTED]
    await _take_effect(session, accepted)
    await storage.lock_for_good(session, [digest for row in rows for digest in _files(row)])
    await queries.update_versions(session, {row.id: {"state": edge.target} for row in rows})
    deeds = [audit.Deed(one.id, one.label, {"reason": reason}, (student_id,)) for one in versions]
    await audit.record_many(session, actor, Action.TRANSCRIPT_HANDED_OVER, deeds)


async def note(
    session: TenantSession, deed: Deed, rows: Sequence[TranscriptVersion]
) -> Sequence[TranscriptVersion]:
    """What the Authority says of versions that were handed over; returns those to which it is news."""
    today = clock.today()
    if deed is Deed.LOCK:
        news = [row for row in rows if row.effective_on is None or row.effective_on > today]
        await _set_effect(session, dict.fromkeys((row.id for row in news), today))
        return news
    news = [row for row in rows if row.effective_on is None]
    await _take_effect(session, news)
    return news


async def _take_effect(session: TenantSession, rows: Sequence[TranscriptVersion]) -> None:
    days: dict[uuid.UUID, date] = {}
    for row in await queries.summaries(session, [row.id for row in rows]):
        closing = await closings.closing_of(session, rules.summary_of(row))
        days[row.id] = max(clock.today(), closing.last_day + timedelta(days=1))
    await _set_effect(session, days)


async def _set_effect(session: TenantSession, days: dict[uuid.UUID, date]) -> None:
    await queries.update_versions(session, {one: {"effective_on": day} for one, day in days.items()})
    for version_id, day in days.items():
        await manifests.keep_locks(session, [version_id], day)


def _files(row: TranscriptVersion) -> list[str]:
    return [digest for digest in (row.signed_sha256, row.xml_sha256, row.signed_xml_sha256) if digest]
