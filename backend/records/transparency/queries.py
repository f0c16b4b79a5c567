"""SQL of what was told to the public log."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select

from backend.core.database import TenantSession
from backend.core.questions import Adding
from backend.records.transcripts.models import TranscriptVersion
from backend.records.transcripts.schemas import VersionState
from backend.records.transparency.models import TransparencyEntry
from backend.records.transparency.schemas import LogEvent

#: The states in which a version has been through an event; None: whatever it is now, it was issued.
_AFTER = {
    LogEvent.ISSUED: None,
    LogEvent.RECALLED: (VersionState.RECALLED, VersionState.REPLACED),
    LogEvent.REPLACED: (VersionState.REPLACED,),
}


_ADD = Adding(
    "transparency_entry",
    {
        "id": "uuid",
        "version_id": "uuid",
        "event": "text",
        "statement": "text",
        "salt": "bytea",
        "entry": "bytea",
        "recorded_at": "timestamptz",
    },
    "on conflict (tenant_id, version_id, event) do nothing returning entry",
)


async def add(session: TenantSession, rows: list[dict[str, Any]]) -> list[bytes]:
    """Write events that are not written yet; returns the entries of those."""
    return [row.entry for row in await session.tell_lines(_ADD, rows)]


async def of_version(session: TenantSession, version_id: uuid.UUID) -> Sequence[TransparencyEntry]:
    """What was told of one version, oldest first."""
    query = (
        select(TransparencyEntry)
        .where(TransparencyEntry.tenant_id == session.tenant_id, TransparencyEntry.version_id == version_id)
        .order_by(TransparencyEntry.recorded_at, TransparencyEntry.id)
    )
    return (await session.scalars(query)).all()


async def untold(session: TenantSession, event: LogEvent) -> Sequence[uuid.UUID]:
    """Versions of which an event was not told, oldest first."""
    told = exists().where(
        TransparencyEntry.tenant_id == TranscriptVersion.tenant_id,
        TransparencyEntry.version_id == TranscriptVersion.id,
        TransparencyEntry.event == event,
    )
    query = (
        select(TranscriptVersion.id)
        .where(
            TranscriptVersion.tenant_id == session.tenant_id,
            TranscriptVersion.issued_at.is_not(None),
            ~told,
        )
        .order_by(TranscriptVersion.issued_at, TranscriptVersion.id)
    )
    states = _AFTER[event]
    if states is not None:
        query = query.where(TranscriptVersion.state.in_(states))
    return (await session.scalars(query)).all()
