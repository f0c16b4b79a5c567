"""What stopped, by cause: a thousand errors have few. What waits for a person is sent again, one cause at a time."""

import uuid
from collections.abc import Sequence
from typing import Any

from backend.core import audit_reads
from backend.core.actor import Actor
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import queries, rehearsal, rules, service
from backend.integrations.deliveries.schemas import DeliveryState, DeliverySummary, Stopped, TroubleGroup
from backend.integrations.profiles.schemas import ErrorEntry

#: So many of one cause are listed; the rest goes along when all are sent again.
MOST = 200


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


async def members(
    session: TenantSession, actor: Actor, authority: str, cause: str
) -> tuple[TroubleGroup, list[Stopped]]:
    """One cause, and what stopped for it, by class and name; the first `MOST` of many. Raises NotFound."""
    group = next(
        (one for one in await groups(session) if (one.authority, one.cause) == (authority, cause)), None
    )
    if group is None:
        raise NotFound("Không còn học bạ nào dừng vì nguyên nhân này.")
    reasons, codes = await words_of(session, authority, cause)
    found = await queries.stopped_for(session, authority, reasons, codes, MOST)
    version_ids = [row.version_id for row in found]
    spots = await rehearsal.spots_of(session, version_ids)
    audit_reads.record_read(session, actor, AuditAction.DELIVERY_READ, None, group.words, version_ids)
    profile = authorities.profile_of(authority)
    return group, [
        Stopped(
            delivery=queries.summary_of(row),
            address=spots[row.version_id].address(row.errors[0]["field"], profile)
            if row.errors and profile
            else "",
        )
        for row in found
    ]


async def addresses_of(session: TenantSession, delivery: DeliverySummary) -> list[str]:
    """For each error of a delivery the page and the field where it is corrected; empty where nobody knows."""
    profile = authorities.profile_of(delivery.authority)
    if not delivery.errors or profile is None:
        return [""] * len(delivery.errors)
    spots = (await rehearsal.spots_of(session, [delivery.version_id]))[delivery.version_id]
    return [spots.address(error["field"], profile) for error in delivery.errors]


async def retry(
    session: TenantSession,
    actor: Actor,
    authority: str,
    cause: str,
    chosen: Sequence[uuid.UUID] | None = None,
) -> int:
    """A person sends again what is parked for one cause, all of it or what they chose: the same messages, the same ids.

    Raises Conflict.
    """
    rows = await _of_cause(session, authority, cause)
    reasons = [row.reason or "" for row in rows if row.state == DeliveryState.PARKED]
    parked = await queries.parked_for(session, authority, reasons, chosen)
    if not parked:
        raise Conflict("Không còn học bạ nào đang chờ vì nguyên nhân này; hãy mở lại trang.")
    return await service.resume(session, actor, parked)


async def words_of(session: TenantSession, authority: str, cause: str) -> tuple[list[str], list[str]]:
    """By what deliveries stopped for one cause are known: reasons of parked, first codes of rejected ones."""
    rows = await _of_cause(session, authority, cause)
    reasons = [row.reason or "" for row in rows if row.state == DeliveryState.PARKED]
    return reasons, [row.code or "" for row in rows if row.state == DeliveryState.REJECTED]


async def _of_cause(session: TenantSession, authority: str, cause: str) -> list[Any]:
    return [
        row
        for row in await queries.troubles(session)
        if row.authority == authority
        and rules.cause_of(row.state, row.code or "", row.reason or "", _known(row)) == cause
    ]


def _known(row: Any) -> ErrorEntry | None:
    errors = authorities.errors_of(row.authority)
    return errors.get(row.code) if row.code else None


def _words(row: Any, known: ErrorEntry | None) -> str:
    if row.state == DeliveryState.PARKED:
        return row.reason or "Chờ người xử lý"
    return known.words if known else (row.message or row.code or "Bị từ chối")
