"""What stopped, by cause: a thousand errors have few. What waits for a person is sent again, one cause at a time."""

import uuid
from collections.abc import Sequence
from typing import Any

from backend.core import audit, jobs, parked_jobs
from backend.core.actor import Actor
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import queries, rules
from backend.integrations.deliveries.models import Delivery
from backend.integrations.deliveries.schemas import DeliveryState, TroubleGroup
from backend.integrations.profiles.schemas import ErrorEntry


async def groups(session: TenantSession) -> list[TroubleGroup]:
    """The causes, the most frequent first."""
    found: dict[tuple[str, str], TroubleGroup] = {}
    for row in await queries.troubles(session):
        known = _known(row)
        cause = rules.cause_of(row.state, row.code or "", row.reason or "", known)
        parked = row.number if row.state == DeliveryState.PARKED else 0
        former = found.get((row.authority, cause))
        found[row.authority, cause] = TroubleGroup(
            cause=cause,
            words=_words(row, known),
            kind=known.kind if known and not parked else "ask_human",
            authority=row.authority,
            count=row.number + (former.count if former else 0),
            parked=parked + (former.parked if former else 0),
            sample_id=uuid.UUID(row.sample_id),
            sample_version_id=uuid.UUID(row.sample_version_id),
        )
    return sorted(found.values(), key=lambda one: (-one.count, one.authority, one.cause))


async def retry(session: TenantSession, actor: Actor, authority: str, cause: str) -> int:
    """A person sends again all that is parked for one cause: the same messages under the same ids. Raises Conflict."""
    rows = [row for row in await queries.troubles(session) if row.state == DeliveryState.PARKED]
    reasons = [
        row.reason or ""
        for row in rows
        if row.authority == authority and rules.cause_of(row.state, "", row.reason or "", None) == cause
    ]
    parked = await queries.parked_for(session, authority, reasons)
    if not parked:
        raise Conflict("Không còn học bạ nào đang chờ vì nguyên nhân này; hãy mở lại trang.")
    return await _ask_again(session, actor, parked)


async def press_on(session: TenantSession, actor: Actor, version_ids: Sequence[uuid.UUID]) -> int:
    """Issued versions that are on no way go, and what is parked of them goes again under its own id. Counts them."""
    sent = await queries.sent_versions(session, version_ids)
    unsent = [one for one in version_ids if one not in sent]
    begun, fresh = await parked_jobs.begin_again(session, rules.OPEN, unsent)
    await jobs.enqueue(session, rules.OPEN, *fresh)
    return (
        begun + len(fresh) + await _ask_again(session, actor, await queries.parked_of(session, version_ids))
    )


async def _ask_again(session: TenantSession, actor: Actor, parked: Sequence[Delivery]) -> int:
    """The Authority may have a message already, so it is asked before anything is sent again."""
    ids = [row.id for row in parked]
    deeds = [audit.Deed(row.id, row.label, about=(row.version_id,)) for row in parked]
    await queries.update_deliveries(session, ids, {"state": DeliveryState.UNKNOWN, "reason": None})
    await audit.record_many(session, actor, AuditAction.DELIVERY_QUEUED, deeds)
    await jobs.enqueue(session, rules.QUERY, *ids)
    return len(ids)


def _known(row: Any) -> ErrorEntry | None:
    errors = authorities.errors_of(row.authority)
    return errors.get(row.code) if row.code else None


def _words(row: Any, known: ErrorEntry | None) -> str:
    if row.state == DeliveryState.PARKED:
        return row.reason or "Chờ người xử lý"
    return known.words if known else (row.message or row.code or "Bị từ chối")
