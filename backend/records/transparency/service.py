"""What becomes of issued transcripts is told to the platform's public log, and shown to be in it.

An entry is a salted digest: by itself it says nothing about a pupil, a school or a document. Whoever has the document
gets its statement and salt, and shows with them that it was issued, and what became of it.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec

from backend.core import clock, jobs, public_log, settings
from backend.core.crypto import keyed_digest
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.core.public_log import Logged
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import VersionSummary
from backend.records.transparency import queries, rules
from backend.records.transparency.schemas import LogEvent, Opening, Statement

#: Names of the tasks (tasks.py).
TELL_ISSUED = "transparency.issued"
TELL_RECALLED = "transparency.recalled"
TELL_REPLACED = "transparency.replaced"


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a version: its opening, and that it is in the log; None while it waits for its number."""

    opening: Opening
    logged: Logged | None

    def written(self) -> str | None:
        """A file that proves it (c2sp.org/tlog-proof)."""
        return self.logged.written(self.opening.extra()) if self.logged else None


async def tell(session: TenantSession, event: LogEvent, version_ids: Sequence[uuid.UUID]) -> None:
    """Have an event of these versions logged; each once, however often this is called. Raises NotFound."""
    rows = []
    for version in await transcripts.get_versions(session, version_ids):
        statement = await _statement(session, event, version)
        if statement is not None:
            rows.append(_row(version.id, statement))
    await public_log.queue(session, await queries.add(session, rows))


async def queue_untold(session: TenantSession) -> None:
    """Have told what was not: what was issued before there was a log, or restored since. Safe to repeat."""
    await jobs.enqueue(session, TELL_ISSUED, *await queries.untold(session, LogEvent.ISSUED))
    await jobs.enqueue(session, TELL_RECALLED, *await queries.untold(session, LogEvent.RECALLED))
    await jobs.enqueue(session, TELL_REPLACED, *await queries.untold(session, LogEvent.REPLACED))


async def openings_of(session: TenantSession, version_id: uuid.UUID) -> list[Opening]:
    """What was told of a version, oldest first."""
    return [
        Opening(event=LogEvent(row.event), statement=row.statement, salt=row.salt, entry=row.entry)
        for row in await queries.of_version(session, version_id)
    ]


async def prove(openings: Sequence[Opening]) -> list[Proven]:
    """That these entries are in the log; made between transactions. Raises StoreDown."""
    return [Proven(opening=one, logged=await public_log.proof_of(one.entry)) for one in openings]


async def _statement(session: TenantSession, event: LogEvent, version: VersionSummary) -> Statement | None:
    if version.issued_at is None or version.signed_sha256 is None:
        return None
    at: datetime | None = version.issued_at if event is LogEvent.ISSUED else version.withdrawn_at
    by = None
    if event is LogEvent.REPLACED:
        issued = await transcripts.issued_of(session, version.transcript_id)
        newer = [
            one
            for one in issued
            if one.academic_year == version.academic_year and one.number > version.number
        ]
        if not newer:
            return None
        at, by = newer[-1].issued_at, newer[-1].signed_sha256
    if at is None:
        return None
    return Statement(
        event=event,
        at=at.astimezone(clock.VIETNAM),
        version=version.number,
        pdf_sha256=version.signed_sha256,
        xml_sha256=version.signed_xml_sha256,
        by_pdf_sha256=by,
    )


def _row(version_id: uuid.UUID, statement: Statement) -> dict[str, object]:
    """The salt follows from the product's secret: what is told again after an older database was restored is the same."""
    purpose = f"{version_id} {statement.event}"
    salt = bytes.fromhex(keyed_digest(settings.get().secret_key, "transparency salt", purpose))
    words = rules.written(statement)
    return {
        "id": new_id(),
        "version_id": version_id,
        "event": statement.event.value,
        "statement": words,
        "salt": salt,
        "entry": rules.entry_of(words, salt),
        "recorded_at": clock.now(),
    }
