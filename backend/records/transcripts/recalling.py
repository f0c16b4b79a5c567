"""Versions that are being recalled, for whoever brings them to an Authority: doors of `service`."""

import uuid
from collections.abc import Sequence

from backend.core.database import TenantSession
from backend.records.transcripts import manifests, queries, rules
from backend.records.transcripts.schemas import IN_FORCE, VersionState, VersionSummary

#: Issued and not being taken back.
_TO_DELIVER = IN_FORCE - {VersionState.RECALL_REQUESTED}


async def hold_deliverable(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> list[VersionSummary]:
    """Those of some versions that an Authority is to have; nobody has one recalled until the transaction ends.

    Raises NotFound when one is missing.
    """
    return await _held(session, version_ids, _TO_DELIVER)


async def hold_recalled(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> list[VersionSummary]:
    """Those of some versions whose recall is under way; it ends for none of them until the transaction ends.

    Raises NotFound when one is missing.
    """
    return await _held(session, version_ids, frozenset({VersionState.RECALL_REQUESTED}))


async def recalled_among(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of some versions whose recall is under way."""
    rows = await queries.files_of_versions(session, version_ids) if version_ids else ()
    return {row.id for row in rows if row.state == VersionState.RECALL_REQUESTED}


async def begin_recalls(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """The machine has taken up recalls that stand in the database: that is kept beside the versions for good.

    Raises Unavailable without the store.
    """
    await manifests.keep_begun_recalls(session, version_ids)


async def _held(
    session: TenantSession, version_ids: Sequence[uuid.UUID], states: frozenset[VersionState]
) -> list[VersionSummary]:
    rows = rules.all_of(version_ids, await queries.hold_states(session, version_ids))
    held = [row.id for row in rows if row.state in states]
    return [rules.summary_of(row) for row in await queries.summaries(session, held)] if held else []
